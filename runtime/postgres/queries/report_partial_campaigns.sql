-- Sum the revenue in a period of campaigns with sales outside of it, too.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 mark   numeric      those that ever earned less are left out
-- $4 limit  bigint
-- No period can hold more of a campaign than it ever earned.
-- Returns them by revenue, then by id in order of code points:
-- (campaign_id text, revenue numeric, transactions bigint)
WITH candidates AS MATERIALIZED (
    SELECT campaign_id
    FROM campaigns
    WHERE revenue >= $3::numeric
        AND first_at < coalesce($2::timestamptz, 'infinity')
        AND last_at >= coalesce($1::timestamptz, '-infinity')
        AND (
            first_at < coalesce($1::timestamptz, '-infinity')
            OR last_at >= coalesce($2::timestamptz, 'infinity')
        )
)
SELECT campaign_id, sum(sale.revenue) AS revenue, count(*) AS transactions
FROM candidates
CROSS JOIN LATERAL (
    SELECT events.revenue
    FROM events
    WHERE hashtextextended(events.campaign_id, 0) = hashtextextended(candidates.campaign_id, 0)
        AND events.campaign_id = candidates.campaign_id
        AND events.revenue IS NOT NULL
        AND events.occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND events.occurred_at < coalesce($2::timestamptz, 'infinity')
    OFFSET 0  -- has each campaign looked up, however few of all the sales are theirs
) AS sale
GROUP BY campaign_id
ORDER BY sum(sale.revenue) DESC, campaign_id COLLATE "C"
LIMIT $4::bigint
