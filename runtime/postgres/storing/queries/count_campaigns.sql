-- Add new sales to their campaigns' totals.
--
-- $1 key           uuid[]
-- $2 campaign_id   text[]
-- $3 first_at      timestamptz[]  the earliest of the new sales
-- $4 last_at       timestamptz[]  the latest of them
-- $5 transactions  bigint[]
-- $6 revenue       numeric[]
-- Arrays are parallel; no two elements have the same campaign.
-- Returns one row for each campaign: (transactions bigint), its new total.
INSERT INTO campaigns AS known (key, campaign_id, first_at, last_at, transactions, revenue)
SELECT key, campaign_id, first_at, last_at, transactions, revenue
FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::numeric[]
) AS added (key, campaign_id, first_at, last_at, transactions, revenue)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    first_at = least(known.first_at, excluded.first_at),
    last_at = greatest(known.last_at, excluded.last_at),
    transactions = known.transactions + excluded.transactions,
    revenue = known.revenue + excluded.revenue
RETURNING transactions
