-- Sum revenue by source and by bucket of time: whole hours from their figures, the rest from rows.
--
-- $1  hours_start   timestamptz  first whole hour; null for no bound
-- $2  hours_end     timestamptz  end of the last whole hour; null for no bound
-- $3  head_start    timestamptz  the piece of an hour before them
-- $4  head_end      timestamptz
-- $5  tail_start    timestamptz  the piece of an hour after them
-- $6  tail_end      timestamptz
-- $7  source        text         null for both
-- $8  interval      text         hour, day, week or month; null for no buckets
-- $9  max_rows      bigint
-- A piece that ends where it starts is empty.
-- Returns first a row for each source, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, revenue numeric, transactions bigint)
WITH summed AS (
    SELECT hour AS occurred_at, source, revenue, transactions
    FROM event_hours
    WHERE hour >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR hour < $2::timestamptz)
        AND transactions > 0
    UNION ALL
    SELECT occurred_at, source, revenue, 1
    FROM events
    WHERE occurred_at >= $3::timestamptz
        AND occurred_at < $4::timestamptz
        AND revenue IS NOT NULL
    UNION ALL
    SELECT occurred_at, source, revenue, 1
    FROM events
    WHERE occurred_at >= $5::timestamptz
        AND occurred_at < $6::timestamptz
        AND revenue IS NOT NULL
),
asked AS (
    -- The driver stores the last and the first instant it knows as infinities.
    SELECT
        source, revenue, transactions,
        date_trunc(
            $8::text,
            greatest(least(occurred_at, '9999-12-31 23:59:59.999999Z'), '0001-01-01 00:00:00Z'),
            'UTC'
        ) AS bucket
    FROM summed
    WHERE $7::text IS NULL OR source = $7::text::event_source
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
LIMIT $9::bigint
