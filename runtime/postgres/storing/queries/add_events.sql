-- Add events; fails if one of them is stored already.
--
-- $1  id                  uuid[]
-- $2  user_key            uuid[]            null if unknown
-- $3  occurred_at         timestamptz[]     the event's own time
-- $4  source              text[]            facebook or tiktok
-- $5  funnel_stage        text[]            top or bottom
-- $6  event_type          text[]
-- $7  revenue             numeric[]         null unless a revenue event with an amount
-- $8  campaign_id         text[]
-- $9  watch_country       text[]
-- $10 watch_device        text[]
-- $11 watch_seconds       double precision[]
-- $12 percentage_watched  double precision[]
-- $13 channel             text[]
-- $14 currency            text[]            of the revenue; null if it came natively
-- $15 order_id            text[]
-- $16 event_name          text[]
-- $17 mapping             text[]            exact or approximate; null if it came natively
-- $18 block               bigint[]          with its payload
-- $19 position            smallint[]        in the block, from 0
-- $20 arrival             smallint[]        how it arrived, in the block
-- Arrays are parallel: element i of each describes event i.
-- In key order, so that two collectors never deadlock.
-- Returns one row for each event: (id uuid)
INSERT INTO events (
    id, user_key, occurred_at, source, funnel_stage, event_type, revenue, campaign_id,
    watch_country, watch_device, watch_seconds, percentage_watched, channel, currency, order_id,
    event_name, mapping, block, position, arrival
)
SELECT
    id, user_key, occurred_at, source::event_source, funnel_stage::funnel_stage, event_type,
    revenue, campaign_id, watch_country, watch_device, watch_seconds, percentage_watched,
    channel::channel, currency, order_id, event_name, mapping::mapping, block, position, arrival
FROM unnest(
    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
    $7::numeric[], $8::text[], $9::text[], $10::text[], $11::double precision[],
    $12::double precision[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::bigint[], $19::smallint[], $20::smallint[]
) AS added (
    id, user_key, occurred_at, source, funnel_stage, event_type, revenue, campaign_id,
    watch_country, watch_device, watch_seconds, percentage_watched, channel, currency, order_id,
    event_name, mapping, block, position, arrival
)
ORDER BY id
RETURNING id
