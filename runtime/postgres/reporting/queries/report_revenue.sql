-- Sum revenue by source and by bucket of time: whole buckets from rollups, the rest from rows.
--
-- $1 bounds    timestamptz[]  starts and ends of the period's segments, in turn: whole days,
--                             hours before and after them, minutes before and after those,
--                             the ragged ends; null for no bound; equal for an empty segment
-- $2 source    text           null for both
-- $3 interval  text           minute, hour, day, week or month; null for no buckets
-- $4 max_rows  bigint
-- $5 zone      text           where buckets begin: an IANA time zone
-- $6 cuts      boolean        whether a bucket may cut a segment's days, hours or minutes
-- A zone's bucket may cut a day of UTC, an hour, even a minute: then the shorter
-- granularity is read in its place, and the rest stays whole. A bucket that begins
-- before the first instant that clients can name begins there.
-- Returns first a row for each source, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as source:
-- (source text, bucket timestamptz, revenue numeric, transactions bigint)
WITH days AS NOT MATERIALIZED (
    SELECT bucket AS at, source, revenue, transactions
    FROM event_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
        AND transactions > 0
),
days_judged AS MATERIALIZED (
    SELECT
        at, source, revenue, transactions,
        date_trunc($3::text, at, $5::text) <> date_trunc($3::text, last, $5::text)
            OR last AT TIME ZONE $5::text - at AT TIME ZONE $5::text <> last - at AS is_cut
    FROM days
    CROSS JOIN LATERAL (
        SELECT at + interval '24 hours' - interval '1 microsecond' AS last
    ) AS their
    WHERE $6::boolean
),
hours AS NOT MATERIALIZED (
    SELECT bucket AS at, source, revenue, transactions
    FROM event_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT bucket AS at, source, revenue, transactions
    FROM event_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT part.at, part.source, part.revenue, part.transactions
    FROM (SELECT DISTINCT at FROM days_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, revenue, transactions
        FROM event_rollups
        WHERE granularity = 'hour'
            AND bucket >= cut.at
            AND bucket < cut.at + interval '24 hours'
            AND transactions > 0
        OFFSET 0  -- looks each up, instead of reading all rollups
    ) AS part
),
hours_judged AS MATERIALIZED (
    SELECT
        at, source, revenue, transactions,
        date_trunc($3::text, at, $5::text) <> date_trunc($3::text, last, $5::text)
            OR last AT TIME ZONE $5::text - at AT TIME ZONE $5::text <> last - at AS is_cut
    FROM hours
    CROSS JOIN LATERAL (
        SELECT at + interval '1 hour' - interval '1 microsecond' AS last
    ) AS their
    WHERE $6::boolean
),
minutes AS NOT MATERIALIZED (
    SELECT bucket AS at, source, revenue, transactions
    FROM event_rollups
    WHERE granularity = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT bucket AS at, source, revenue, transactions
    FROM event_rollups
    WHERE granularity = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
        AND transactions > 0
    UNION ALL
    SELECT part.at, part.source, part.revenue, part.transactions
    FROM (SELECT DISTINCT at FROM hours_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, revenue, transactions
        FROM event_rollups
        WHERE granularity = 'minute'
            AND bucket >= cut.at
            AND bucket < cut.at + interval '1 hour'
            AND transactions > 0
        OFFSET 0  -- looks each up, instead of reading all rollups
    ) AS part
),
minutes_judged AS MATERIALIZED (
    SELECT
        at, source, revenue, transactions,
        date_trunc($3::text, at, $5::text) <> date_trunc($3::text, last, $5::text)
            OR last AT TIME ZONE $5::text - at AT TIME ZONE $5::text <> last - at AS is_cut
    FROM minutes
    CROSS JOIN LATERAL (
        SELECT at + interval '1 minute' - interval '1 microsecond' AS last
    ) AS their
    WHERE $6::boolean
),
-- Whole seconds of the ragged ends, from first until last, where rollups have them all.
ends AS MATERIALIZED (
    SELECT starts_at, ends_at, first, greatest(first, date_trunc('second', ends_at)) AS last
    FROM (VALUES
        (($1::timestamptz[])[11], ($1::timestamptz[])[12]),
        (($1::timestamptz[])[13], ($1::timestamptz[])[14])
    ) AS ragged (starts_at, ends_at)
    CROSS JOIN LATERAL (
        SELECT
            least(
                greatest(
                    date_trunc('second', starts_at + interval '999999 microseconds'),
                    coalesce((SELECT complete_from FROM second_horizon), 'infinity')
                ),
                ends_at
            ) AS first
    ) AS whole
    WHERE starts_at < ends_at
),
counted AS (
    SELECT at, source, revenue, transactions FROM days WHERE NOT $6::boolean
    UNION ALL
    SELECT at, source, revenue, transactions FROM days_judged WHERE NOT is_cut
    UNION ALL
    SELECT at, source, revenue, transactions FROM hours WHERE NOT $6::boolean
    UNION ALL
    SELECT at, source, revenue, transactions FROM hours_judged WHERE NOT is_cut
    UNION ALL
    SELECT at, source, revenue, transactions FROM minutes WHERE NOT $6::boolean
    UNION ALL
    SELECT at, source, revenue, transactions FROM minutes_judged WHERE NOT is_cut
    UNION ALL
    SELECT part.at, part.source, part.revenue, part.transactions
    FROM (SELECT DISTINCT at FROM minutes_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT occurred_at AS at, source, revenue, 1 AS transactions
        FROM events
        WHERE occurred_at >= cut.at
            AND occurred_at < cut.at + interval '1 minute'
            AND revenue IS NOT NULL
        OFFSET 0
    ) AS part
    UNION ALL
    SELECT part.at, part.source, part.revenue, part.transactions
    FROM ends
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, revenue, transactions
        FROM second_rollups
        WHERE bucket >= ends.first
            AND bucket < ends.last
            AND transactions > 0
        OFFSET 0
    ) AS part
    UNION ALL
    SELECT part.at, part.source, part.revenue, part.transactions
    FROM ends
    CROSS JOIN LATERAL (
        SELECT occurred_at AS at, source, revenue, 1 AS transactions
        FROM events
        WHERE occurred_at >= ends.starts_at
            AND occurred_at < ends.first
            AND revenue IS NOT NULL
        UNION ALL
        SELECT occurred_at, source, revenue, 1
        FROM events
        WHERE occurred_at >= ends.last
            AND occurred_at < ends.ends_at
            AND revenue IS NOT NULL
        OFFSET 0
    ) AS part
),
asked AS (
    SELECT
        source, revenue, transactions,
        CASE WHEN $3::text IS NOT NULL THEN
            greatest(date_trunc($3::text, at, $5::text), timestamptz '0001-01-01 00:00:00+00')
        END AS bucket
    FROM counted
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
