-- Find the campaigns with the highest revenue in a period that has many sales.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- No period can hold more of a campaign than it ever earned. So the highest of
-- those with all their sales in the period set a mark, and of the others only
-- those that ever earned as much are summed.
-- Returns them by revenue, then by id in order of code points:
-- (campaign_id text, revenue numeric, transactions bigint)
WITH whole AS (
    SELECT campaign_id, revenue, transactions
    FROM campaigns
    WHERE first_at >= coalesce($1::timestamptz, '-infinity')
        AND last_at < coalesce($2::timestamptz, 'infinity')
    ORDER BY revenue DESC, campaign_id COLLATE "C"
    LIMIT $3::bigint
),
partly AS (
    SELECT campaigns.campaign_id, sum(sale.revenue) AS revenue, count(*) AS transactions
    FROM campaigns
    CROSS JOIN LATERAL (
        SELECT events.revenue
        FROM events
        WHERE hashtextextended(events.campaign_id, 0) = hashtextextended(campaigns.campaign_id, 0)
            AND events.campaign_id = campaigns.campaign_id
            AND events.revenue IS NOT NULL
            AND events.occurred_at >= coalesce($1::timestamptz, '-infinity')
            AND events.occurred_at < coalesce($2::timestamptz, 'infinity')
    ) AS sale
    WHERE campaigns.revenue >= (
            SELECT CASE count(*) WHEN $3::bigint THEN min(whole.revenue) ELSE 0 END FROM whole
        )
        AND campaigns.first_at < coalesce($2::timestamptz, 'infinity')
        AND campaigns.last_at >= coalesce($1::timestamptz, '-infinity')
        AND NOT (
            campaigns.first_at >= coalesce($1::timestamptz, '-infinity')
            AND campaigns.last_at < coalesce($2::timestamptz, 'infinity')
        )
    GROUP BY campaigns.key, campaigns.campaign_id
)
SELECT campaign_id, revenue, transactions
FROM (
    SELECT campaign_id, revenue, transactions FROM whole
    UNION ALL
    SELECT campaign_id, revenue, transactions FROM partly
) AS campaign
ORDER BY revenue DESC, campaign_id COLLATE "C"
LIMIT $3::bigint
