-- Add new events to the rollups of their minute, hour and day.
--
-- $1 granularity   text[]         minute, hour or day
-- $2 bucket        timestamptz[]  its first instant
-- $3 source        text[]
-- $4 funnel_stage  text[]
-- $5 event_type    text[]
-- $6 channel       text[]
-- $7 currency      text[]         unspecified for events that came natively
-- $8 events        bigint[]       negative where they were taken back, as are the next two
-- $9 transactions  bigint[]
-- $10 revenue      numeric[]
-- Arrays are parallel; no two elements have the same rollup.
-- Rollups are updated in key order, so that two collectors never deadlock.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row for each rollup: (events bigint), its new total.
INSERT INTO event_rollups AS known (
    granularity, bucket, source, funnel_stage, event_type, channel, currency, events, transactions,
    revenue
)
SELECT
    granularity::granularity, greatest(bucket, timestamptz '0001-01-01 00:00:00+00'),
    source::event_source, funnel_stage::funnel_stage, event_type,
    channel::channel, currency, events, transactions, revenue
FROM unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::bigint[],
    $9::bigint[], $10::numeric[]
) AS added (
    granularity, bucket, source, funnel_stage, event_type, channel, currency, events, transactions,
    revenue
)
ORDER BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (granularity, bucket, source, funnel_stage, event_type, channel, currency) DO UPDATE SET
    events = known.events + excluded.events,
    transactions = known.transactions + excluded.transactions,
    revenue = known.revenue + excluded.revenue
RETURNING events
