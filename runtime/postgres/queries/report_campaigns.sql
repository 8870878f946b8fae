-- Sum revenue by campaign in a period that has few sales, and keep the top ones.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- Returns them by revenue, then by id in order of code points:
-- (campaign_id text, revenue numeric, transactions bigint)
SELECT
    campaign_id,
    sum(revenue) AS revenue,
    count(*) AS transactions
FROM events
WHERE revenue IS NOT NULL
    AND campaign_id IS NOT NULL
    AND occurred_at >= coalesce($1::timestamptz, '-infinity')
    AND occurred_at < coalesce($2::timestamptz, 'infinity')
GROUP BY campaign_id
ORDER BY sum(revenue) DESC, campaign_id COLLATE "C"
LIMIT $3::bigint
