-- Find the campaigns with the highest revenue among those with all their sales in a period.
--
-- $1 start     timestamptz  null for no bound
-- $2 end       timestamptz  null for no bound
-- $3 limit     bigint
-- $4 currency  text         null for all
-- A campaign whose sales were all taken back is left out.
-- Returns them by revenue, then by id in order of code points, then by currency:
-- (campaign_id text, revenue numeric, transactions bigint, currency text)
SELECT campaign_id, revenue, transactions, currency
FROM campaigns
WHERE first_at >= coalesce($1::timestamptz, '-infinity')
    AND last_at < coalesce($2::timestamptz, 'infinity')
    AND transactions > 0
    AND ($4::text IS NULL OR currency = $4::text)
ORDER BY revenue DESC, campaign_id COLLATE "C", currency COLLATE "C"
LIMIT $3::bigint
