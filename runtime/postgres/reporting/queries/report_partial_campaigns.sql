-- Sum a period's revenue of campaigns that also have sales outside it.
--
-- $1 start     timestamptz  null for no bound
-- $2 end       timestamptz  null for no bound
-- $3 mark      numeric       campaigns with a smaller total are left out
-- $4 limit     bigint
-- $5 currency  text         null for all
-- A campaign's revenue in a period is never more than its total.
-- Minutes whose rows were let go have only sums: no bound may lie within one.
-- Returns them by revenue, then by id in order of code points, then by currency:
-- (campaign_id text, revenue numeric, transactions bigint, currency text)
WITH candidates AS MATERIALIZED (
    SELECT campaign_id, currency
    FROM campaigns
    WHERE revenue >= $3::numeric
        AND ($5::text IS NULL OR currency = $5::text)
        AND first_at < coalesce($2::timestamptz, 'infinity')
        AND last_at >= coalesce($1::timestamptz, '-infinity')
        AND (
            first_at < coalesce($1::timestamptz, '-infinity')
            OR last_at >= coalesce($2::timestamptz, 'infinity')
        )
)
SELECT
    campaign_id, sum(sale.revenue) AS revenue, sum(sale.transactions)::bigint AS transactions,
    currency
FROM candidates
CROSS JOIN LATERAL (
    SELECT events.revenue, 1 AS transactions
    FROM stored_events AS events
    WHERE hashtextextended(events.campaign_id, 0) = hashtextextended(candidates.campaign_id, 0)
        AND events.campaign_id = candidates.campaign_id
        AND events.revenue IS NOT NULL
        AND coalesce(events.currency, 'unspecified') = candidates.currency
        AND events.occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND events.occurred_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT gone.revenue, gone.transactions
    FROM campaign_minutes AS gone
    WHERE hashtextextended(gone.campaign_id, 0) = hashtextextended(candidates.campaign_id, 0)
        AND gone.campaign_id = candidates.campaign_id
        AND gone.currency = candidates.currency
        AND gone.minute >= coalesce($1::timestamptz, '-infinity')
        AND gone.minute < coalesce($2::timestamptz, 'infinity')
    OFFSET 0  -- looks each campaign up, however few of all sales are theirs
) AS sale
GROUP BY campaign_id, currency
ORDER BY sum(sale.revenue) DESC, campaign_id COLLATE "C", currency COLLATE "C"
LIMIT $4::bigint
