-- Count events by kind and by bucket of time: whole buckets from rollups, the rest from rows.
--
-- $1 bounds        timestamptz[]  starts and ends of the period's segments, in turn: whole days,
--                                 hours before and after them, minutes before and after those,
--                                 the ragged ends; null for no bound; equal for an empty segment
-- $2 source        text           null for both
-- $3 funnel_stage  text           null for both
-- $4 event_type    text           null for all
-- $5 interval      text           minute, hour, day, week or month; null for no buckets
-- $6 max_rows      bigint
-- $7 zone          text           where buckets begin: an IANA time zone
-- $8 cuts          boolean        whether a bucket may cut a segment's days, hours or minutes
-- A zone's bucket may cut a day of UTC, an hour, even a minute: then the shorter
-- granularity is read in its place, and the rest stays whole. A bucket that begins
-- before the first instant that clients can name begins there.
-- Returns first a row for each kind, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as kind:
-- (source text, funnel_stage text, event_type text, bucket timestamptz, events bigint)
WITH days AS NOT MATERIALIZED (
    SELECT bucket AS at, source, funnel_stage, event_type, events
    FROM event_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
),
days_judged AS MATERIALIZED (
    SELECT
        at, source, funnel_stage, event_type, events,
        date_trunc($5::text, at, $7::text) <> date_trunc($5::text, last, $7::text)
            OR last AT TIME ZONE $7::text - at AT TIME ZONE $7::text <> last - at AS is_cut
    FROM days
    CROSS JOIN LATERAL (
        SELECT at + interval '24 hours' - interval '1 microsecond' AS last
    ) AS their
    WHERE $8::boolean
),
hours AS NOT MATERIALIZED (
    SELECT bucket AS at, source, funnel_stage, event_type, events
    FROM event_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
    UNION ALL
    SELECT bucket AS at, source, funnel_stage, event_type, events
    FROM event_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, part.events
    FROM (SELECT DISTINCT at FROM days_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, funnel_stage, event_type, events
        FROM event_rollups
        WHERE granularity = 'hour'
            AND bucket >= cut.at
            AND bucket < cut.at + interval '24 hours'
        OFFSET 0  -- looks each up, instead of reading all rollups
    ) AS part
),
hours_judged AS MATERIALIZED (
    SELECT
        at, source, funnel_stage, event_type, events,
        date_trunc($5::text, at, $7::text) <> date_trunc($5::text, last, $7::text)
            OR last AT TIME ZONE $7::text - at AT TIME ZONE $7::text <> last - at AS is_cut
    FROM hours
    CROSS JOIN LATERAL (
        SELECT at + interval '1 hour' - interval '1 microsecond' AS last
    ) AS their
    WHERE $8::boolean
),
minutes AS NOT MATERIALIZED (
    SELECT bucket AS at, source, funnel_stage, event_type, events
    FROM event_rollups
    WHERE granularity = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
    UNION ALL
    SELECT bucket AS at, source, funnel_stage, event_type, events
    FROM event_rollups
    WHERE granularity = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, part.events
    FROM (SELECT DISTINCT at FROM hours_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, funnel_stage, event_type, events
        FROM event_rollups
        WHERE granularity = 'minute'
            AND bucket >= cut.at
            AND bucket < cut.at + interval '1 hour'
        OFFSET 0  -- looks each up, instead of reading all rollups
    ) AS part
),
minutes_judged AS MATERIALIZED (
    SELECT
        at, source, funnel_stage, event_type, events,
        date_trunc($5::text, at, $7::text) <> date_trunc($5::text, last, $7::text)
            OR last AT TIME ZONE $7::text - at AT TIME ZONE $7::text <> last - at AS is_cut
    FROM minutes
    CROSS JOIN LATERAL (
        SELECT at + interval '1 minute' - interval '1 microsecond' AS last
    ) AS their
    WHERE $8::boolean
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
    SELECT at, source, funnel_stage, event_type, events FROM days WHERE NOT $8::boolean
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events FROM days_judged WHERE NOT is_cut
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events FROM hours WHERE NOT $8::boolean
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events FROM hours_judged WHERE NOT is_cut
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events FROM minutes WHERE NOT $8::boolean
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events FROM minutes_judged WHERE NOT is_cut
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, part.events
    FROM (SELECT DISTINCT at FROM minutes_judged WHERE is_cut) AS cut
    CROSS JOIN LATERAL (
        SELECT occurred_at AS at, source, funnel_stage, event_type, 1 AS events
        FROM events
        WHERE occurred_at >= cut.at
            AND occurred_at < cut.at + interval '1 minute'
        OFFSET 0
    ) AS part
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, part.events
    FROM ends
    CROSS JOIN LATERAL (
        SELECT bucket AS at, source, funnel_stage, event_type, events
        FROM second_rollups
        WHERE bucket >= ends.first
            AND bucket < ends.last
        OFFSET 0
    ) AS part
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, part.events
    FROM ends
    CROSS JOIN LATERAL (
        SELECT occurred_at AS at, source, funnel_stage, event_type, 1 AS events
        FROM events
        WHERE occurred_at >= ends.starts_at
            AND occurred_at < ends.first
        UNION ALL
        SELECT occurred_at, source, funnel_stage, event_type, 1
        FROM events
        WHERE occurred_at >= ends.last
            AND occurred_at < ends.ends_at
        OFFSET 0
    ) AS part
),
asked AS (
    SELECT
        source, funnel_stage, event_type, events,
        CASE WHEN $5::text IS NOT NULL THEN
            greatest(date_trunc($5::text, at, $7::text), timestamptz '0001-01-01 00:00:00+00')
        END AS bucket
    FROM counted
    WHERE ($2::text IS NULL OR source = $2::text::event_source)
        AND ($3::text IS NULL OR funnel_stage = $3::text::funnel_stage)
        AND ($4::text IS NULL OR event_type = $4::text)
)
SELECT
    source::text AS source,
    funnel_stage::text AS funnel_stage,
    event_type,
    bucket,
    sum(events)::bigint AS events
FROM asked
GROUP BY GROUPING SETS ((source, funnel_stage, event_type), (bucket))
HAVING grouping(bucket) = 1 OR bucket IS NOT NULL
ORDER BY bucket NULLS FIRST
LIMIT $6::bigint
