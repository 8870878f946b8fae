-- Sum the revenue of one campaign by currency, in total and by bucket of time.
--
-- $1 start        timestamptz  null for no bound
-- $2 end          timestamptz  null for no bound
-- $3 source       text         null for both
-- $4 campaign_id  text
-- $5 interval     text         minute, hour, day, week or month; null for no buckets
-- $6 max_rows     bigint
-- $7 zone         text         where buckets begin: an IANA time zone
-- $8 channel      text         null for all
-- $9 currency     text         null for all
-- Minutes whose rows were let go have only sums: no bound may lie within one.
-- Returns first a row for each source and currency, with null as bucket, then a row for each
-- currency of each bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, events bigint, revenue numeric, currency text)
WITH sales AS (
    SELECT
        source, channel, coalesce(currency, 'unspecified') AS currency, occurred_at AS at, revenue,
        1 AS transactions
    FROM stored_events
    WHERE hashtextextended(campaign_id, 0) = hashtextextended($4::text, 0)
        AND campaign_id = $4::text
        AND revenue IS NOT NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR occurred_at < $2::timestamptz)
    UNION ALL
    SELECT source, channel, currency, minute, revenue, transactions
    FROM campaign_minutes
    WHERE hashtextextended(campaign_id, 0) = hashtextextended($4::text, 0)
        AND campaign_id = $4::text
        AND minute >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR minute < $2::timestamptz)
),
asked AS (
    SELECT
        source, currency, revenue, transactions,
        CASE WHEN $5::text IS NOT NULL THEN
            greatest(date_trunc($5::text, at, $7::text), timestamptz '0001-01-01 00:00:00+00')
        END AS bucket
    FROM sales
    WHERE ($3::text IS NULL OR source = $3::text::event_source)
        AND ($8::text IS NULL OR channel = $8::text::channel)
        AND ($9::text IS NULL OR currency = $9::text)
)
SELECT
    source::text AS source,
    bucket,
    sum(transactions)::bigint AS events,
    sum(revenue) AS revenue,
    currency
FROM asked
GROUP BY GROUPING SETS ((source, currency), (bucket, currency))
HAVING grouping(bucket) = 1 OR bucket IS NOT NULL
ORDER BY bucket NULLS FIRST, currency
LIMIT $6::bigint
