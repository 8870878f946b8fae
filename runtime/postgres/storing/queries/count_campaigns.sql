-- Add new sales to their campaigns' totals.
--
-- $1 key           uuid[]
-- $2 campaign_id   text[]
-- $3 currency      text[]         unspecified for sales that came natively
-- $4 first_at      timestamptz[]  the earliest of the new sales
-- $5 last_at       timestamptz[]  the latest of them
-- $6 transactions  bigint[]       negative where sales were taken back, as is the next one
-- $7 revenue       numeric[]
-- Arrays are parallel; no two elements have the same campaign and currency.
-- Returns one row for each campaign: (transactions bigint), its new total.
INSERT INTO campaigns AS known (
    key, campaign_id, currency, first_at, last_at, transactions, revenue
)
SELECT key, campaign_id, currency, first_at, last_at, transactions, revenue
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
    $7::numeric[]
) AS added (key, campaign_id, currency, first_at, last_at, transactions, revenue)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    first_at = least(known.first_at, excluded.first_at),
    last_at = greatest(known.last_at, excluded.last_at),
    transactions = known.transactions + excluded.transactions,
    revenue = known.revenue + excluded.revenue
RETURNING transactions
