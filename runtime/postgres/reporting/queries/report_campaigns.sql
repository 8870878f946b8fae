-- Sum revenue by campaign in a period with few sales, and keep the top ones.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- Minutes whose rows were let go have only sums: no bound may lie within one.
-- Returns them by revenue, then by id in order of code points:
-- (campaign_id text, revenue numeric, transactions bigint)
SELECT
    campaign_id,
    sum(revenue) AS revenue,
    sum(transactions)::bigint AS transactions
FROM (
    SELECT campaign_id, revenue, 1 AS transactions
    FROM events
    WHERE revenue IS NOT NULL
        AND campaign_id IS NOT NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND occurred_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT campaign_id, revenue, transactions
    FROM campaign_minutes
    WHERE minute >= coalesce($1::timestamptz, '-infinity')
        AND minute < coalesce($2::timestamptz, 'infinity')
) AS sales
GROUP BY campaign_id
ORDER BY sum(revenue) DESC, campaign_id COLLATE "C"
LIMIT $3::bigint
