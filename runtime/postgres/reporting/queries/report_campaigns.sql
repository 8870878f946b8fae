-- Sum revenue by campaign and currency in a period with few sales, and keep the top ones.
--
-- $1 start     timestamptz  null for no bound
-- $2 end       timestamptz  null for no bound
-- $3 limit     bigint
-- $4 channel   text         null for all
-- $5 currency  text         null for all
-- Minutes whose rows were let go have only sums: no bound may lie within one.
-- Returns them by revenue, then by id in order of code points, then by currency:
-- (campaign_id text, revenue numeric, transactions bigint, currency text)
SELECT
    campaign_id,
    sum(revenue) AS revenue,
    sum(transactions)::bigint AS transactions,
    currency
FROM (
    SELECT
        campaign_id, channel, coalesce(currency, 'unspecified') AS currency, revenue,
        1 AS transactions
    FROM stored_events
    WHERE revenue IS NOT NULL
        AND campaign_id IS NOT NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND occurred_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT campaign_id, channel, currency, revenue, transactions
    FROM campaign_minutes
    WHERE minute >= coalesce($1::timestamptz, '-infinity')
        AND minute < coalesce($2::timestamptz, 'infinity')
) AS sales
WHERE ($4::text IS NULL OR channel = $4::text::channel)
    AND ($5::text IS NULL OR currency = $5::text)
GROUP BY campaign_id, currency
ORDER BY sum(revenue) DESC, campaign_id COLLATE "C", currency COLLATE "C"
LIMIT $3::bigint
