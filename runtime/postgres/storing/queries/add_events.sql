-- Add events; fails if one of them is stored already.
--
-- $1  id                  uuid[]
-- $2  user_key            uuid[]            null if unknown
-- $3  occurred_at         timestamptz[]     the event's own time
-- $4  revenue             numeric[]         null unless a revenue event with an amount
-- $5  campaign_id         text[]
-- $6  watch_country       text[]
-- $7  watch_device        text[]
-- $8  watch_seconds       double precision[]
-- $9  percentage_watched  double precision[]
-- $10 currency            text[]            of the revenue; null if it came natively
-- $11 order_id            text[]
-- $12 event_name          text[]
-- $13 block               bigint[]          with its payload
-- $14 position            smallint[]        in the block, from 0
-- $15 arrival             smallint[]        how it arrived, in the block
-- $16 kind                smallint[]        what it is
-- Arrays are parallel: element i of each describes event i.
-- In key order, so that two collectors never deadlock.
-- Returns one row for each event: (id uuid)
INSERT INTO events (
    id, user_key, occurred_at, revenue, campaign_id, watch_country, watch_device, watch_seconds,
    percentage_watched, currency, order_id, event_name, block, position, arrival, kind
)
SELECT
    id, user_key, occurred_at, revenue, campaign_id, watch_country, watch_device, watch_seconds,
    percentage_watched, currency, order_id, event_name, block, position, arrival, kind
FROM unnest(
    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::numeric[], $5::text[], $6::text[],
    $7::text[], $8::double precision[], $9::double precision[], $10::text[], $11::text[],
    $12::text[], $13::bigint[], $14::smallint[], $15::smallint[], $16::smallint[]
) AS added (
    id, user_key, occurred_at, revenue, campaign_id, watch_country, watch_device, watch_seconds,
    percentage_watched, currency, order_id, event_name, block, position, arrival, kind
)
ORDER BY id
RETURNING id
