-- Add new events to the rollups of their second.
--
-- $1 bucket        timestamptz[]  its first instant
-- $2 source        text[]
-- $3 funnel_stage  text[]
-- $4 event_type    text[]
-- $5 events        bigint[]
-- $6 transactions  bigint[]
-- $7 revenue       numeric[]
-- Arrays are parallel; no two elements have the same rollup.
-- Rollups are updated in key order, so that two collectors never deadlock.
-- Returns one row for each rollup: (events bigint), its new total.
INSERT INTO second_rollups AS known (
    bucket, source, funnel_stage, event_type, events, transactions, revenue
)
SELECT
    bucket, source::event_source, funnel_stage::funnel_stage, event_type,
    events, transactions, revenue
FROM unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
    $7::numeric[]
) AS added (bucket, source, funnel_stage, event_type, events, transactions, revenue)
ORDER BY 1, 2, 3, 4
ON CONFLICT (bucket, source, funnel_stage, event_type) DO UPDATE SET
    events = known.events + excluded.events,
    transactions = known.transactions + excluded.transactions,
    revenue = known.revenue + excluded.revenue
RETURNING events
