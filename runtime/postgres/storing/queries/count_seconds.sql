-- Add new events to the rollups of their second.
--
-- $1 bucket        timestamptz[]  its first instant
-- $2 source        text[]
-- $3 funnel_stage  text[]
-- $4 event_type    text[]
-- $5 channel       text[]
-- $6 currency      text[]         unspecified for events that came natively
-- $7 events        bigint[]       negative where they were taken back, as are the next two
-- $8 transactions  bigint[]
-- $9 revenue       numeric[]
-- Arrays are parallel; no two elements have the same rollup.
-- Rollups are updated in key order, so that two collectors never deadlock.
-- Returns one row for each rollup: (events bigint), its new total.
INSERT INTO second_rollups AS known (
    bucket, source, funnel_stage, event_type, channel, currency, events, transactions, revenue
)
SELECT
    bucket, source::event_source, funnel_stage::funnel_stage, event_type,
    channel::channel, currency, events, transactions, revenue
FROM unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::bigint[], $8::bigint[], $9::numeric[]
) AS added (
    bucket, source, funnel_stage, event_type, channel, currency, events, transactions, revenue
)
ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (bucket, source, funnel_stage, event_type, channel, currency) DO UPDATE SET
    events = known.events + excluded.events,
    transactions = known.transactions + excluded.transactions,
    revenue = known.revenue + excluded.revenue
RETURNING events
