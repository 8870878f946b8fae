-- Sum revenue by source and by bucket of time: from figures what is whole, the rest from rows.
--
-- $1 bounds    timestamptz[]  starts and ends of the pieces of the period, in turn: whole days,
--                             hours before and after them, minutes before and after those,
--                             the ragged ends; null for no bound; equal ones for no piece
-- $2 source    text           null for both
-- $3 interval  text           hour, day, week or month; null for no buckets
-- $4 max_rows  bigint
-- Returns first a row for each source, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, revenue numeric, transactions bigint)
WITH summed AS (
    SELECT
        CASE $3::text WHEN 'day' THEN bucket ELSE date_trunc($3::text, bucket, 'UTC') END AS bucket,
        source, revenue, transactions
    FROM event_figures
    WHERE span = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT
        CASE $3::text WHEN 'hour' THEN bucket ELSE date_trunc($3::text, bucket, 'UTC') END AS bucket,
        source, revenue, transactions
    FROM event_figures
    WHERE span = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT
        CASE $3::text WHEN 'hour' THEN bucket ELSE date_trunc($3::text, bucket, 'UTC') END AS bucket,
        source, revenue, transactions
    FROM event_figures
    WHERE span = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT date_trunc($3::text, bucket, 'UTC'), source, revenue, transactions
    FROM event_figures
    WHERE span = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT date_trunc($3::text, bucket, 'UTC'), source, revenue, transactions
    FROM event_figures
    WHERE span = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT date_trunc($3::text, occurred_at, 'UTC'), source, revenue, 1
    FROM events
    WHERE occurred_at >= ($1::timestamptz[])[11]
        AND occurred_at < ($1::timestamptz[])[12]
        AND revenue IS NOT NULL
    UNION ALL
    SELECT date_trunc($3::text, occurred_at, 'UTC'), source, revenue, 1
    FROM events
    WHERE occurred_at >= ($1::timestamptz[])[13]
        AND occurred_at < ($1::timestamptz[])[14]
        AND revenue IS NOT NULL
),
asked AS (
    SELECT
        source, revenue, transactions, bucket
    FROM summed
    WHERE $2::text IS NULL OR source = $2::text::event_source
)
SELECT
    source::text AS source,
    bucket,
    sum(revenue) AS revenue,
    sum(transactions)::bigint AS transactions
FROM asked
GROUP BY GROUPING SETS ((source), (bucket))
HAVING grouping(bucket) = 1 OR bucket IS NOT NULL
ORDER BY bucket NULLS FIRST
LIMIT $4::bigint
