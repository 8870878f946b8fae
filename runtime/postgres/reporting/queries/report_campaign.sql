-- Sum the revenue of one campaign, in total and by bucket of time.
--
-- $1 start        timestamptz  null for no bound
-- $2 end          timestamptz  null for no bound
-- $3 source       text         null for both
-- $4 campaign_id  text
-- $5 interval     text         minute, hour, day, week or month; null for no buckets
-- $6 max_rows     bigint
-- $7 zone         text         where buckets begin: an IANA time zone
-- Minutes whose rows were let go have only sums: no bound may lie within one.
-- Returns first a row for each source, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, events bigint, revenue numeric)
WITH sales AS (
    SELECT source, occurred_at AS at, revenue, 1 AS transactions
    FROM events
    WHERE hashtextextended(campaign_id, 0) = hashtextextended($4::text, 0)
        AND campaign_id = $4::text
        AND revenue IS NOT NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR occurred_at < $2::timestamptz)
    UNION ALL
    SELECT source, minute, revenue, transactions
    FROM campaign_minutes
    WHERE hashtextextended(campaign_id, 0) = hashtextextended($4::text, 0)
        AND campaign_id = $4::text
        AND minute >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR minute < $2::timestamptz)
),
asked AS (
    SELECT
        source, revenue, transactions,
        CASE WHEN $5::text IS NOT NULL THEN
            greatest(date_trunc($5::text, at, $7::text), timestamptz '0001-01-01 00:00:00+00')
        END AS bucket
    FROM sales
    WHERE $3::text IS NULL OR source = $3::text::event_source
)
SELECT
    source::text AS source,
    bucket,
    sum(transactions)::bigint AS events,
    sum(revenue) AS revenue
FROM asked
GROUP BY GROUPING SETS ((source), (bucket))
HAVING grouping(bucket) = 1 OR bucket IS NOT NULL
ORDER BY bucket NULLS FIRST
LIMIT $6::bigint
