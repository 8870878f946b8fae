-- Find the campaigns with the highest revenue among those with all their sales in a period.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- Returns them by revenue, then by id in order of code points:
-- (campaign_id text, revenue numeric, transactions bigint)
SELECT campaign_id, revenue, transactions
FROM campaigns
WHERE first_at >= coalesce($1::timestamptz, '-infinity')
    AND last_at < coalesce($2::timestamptz, 'infinity')
ORDER BY revenue DESC, campaign_id COLLATE "C"
LIMIT $3::bigint
