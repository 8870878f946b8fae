-- Add events, except those that others have added meanwhile.
--
-- $1  id                  uuid[]
-- $2  user_key            uuid[]            null if unknown
-- $3  occurred_at         timestamptz[]     the event's own time
-- $4  accepted_at         timestamptz[]     when the gateway accepted it
-- $5  source              text[]            facebook or tiktok
-- $6  funnel_stage        text[]            top or bottom
-- $7  event_type          text[]
-- $8  event_id            text[]            the platform's own id
-- $9  correlation_id      text[]
-- $10 trace_parent        text[]            null if the request had none
-- $11 published_at        timestamptz[]     when the broker stored its message; null without one
-- $12 stream_sequence     bigint[]          that message's sequence in the broker's stream
-- $13 deliveries          integer[]         of that message, until now
-- $14 revenue             numeric[]         null unless a revenue event with an amount
-- $15 campaign_id         text[]
-- $16 watch_country       text[]
-- $17 watch_device        text[]
-- $18 watch_seconds       double precision[]
-- $19 percentage_watched  double precision[]
-- $20 channel             text[]
-- $21 currency            text[]            of the revenue; null if it came natively
-- $22 order_id            text[]
-- $23 event_name          text[]
-- $24 mapping             text[]            exact or approximate; null if it came natively
-- $25 payload             text[]            JSON, as it came
-- Arrays are parallel: element i of each describes event i.
-- In key order, so that two collectors never deadlock.
-- Returns one row for each event added: (id uuid)
INSERT INTO events (
    id, user_key, occurred_at, accepted_at, source, funnel_stage, event_type, event_id,
    correlation_id, trace_parent, published_at, stream_sequence, deliveries, revenue, campaign_id,
    watch_country, watch_device, watch_seconds, percentage_watched, channel, currency, order_id,
    event_name, mapping, payload
)
SELECT
    id, user_key, occurred_at, accepted_at, source::event_source, funnel_stage::funnel_stage,
    event_type, event_id, correlation_id, trace_parent, published_at, stream_sequence, deliveries,
    revenue, campaign_id, watch_country, watch_device, watch_seconds, percentage_watched,
    channel::channel, currency, order_id, event_name, mapping::mapping, payload::json
FROM unnest(
    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::bigint[],
    $13::integer[], $14::numeric[], $15::text[], $16::text[], $17::text[],
    $18::double precision[], $19::double precision[], $20::text[], $21::text[],
    $22::text[], $23::text[], $24::text[], $25::text[]
) AS added (
    id, user_key, occurred_at, accepted_at, source, funnel_stage, event_type, event_id,
    correlation_id, trace_parent, published_at, stream_sequence, deliveries, revenue, campaign_id,
    watch_country, watch_device, watch_seconds, percentage_watched, channel, currency, order_id,
    event_name, mapping, payload
)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
