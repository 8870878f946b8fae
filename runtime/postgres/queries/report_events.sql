-- Count events by kind and by bucket of time: from figures what is whole, the rest from rows.
--
-- $1 bounds        timestamptz[]  starts and ends of the pieces of the period, in turn: whole days,
--                                 hours before and after them, minutes before and after those,
--                                 the ragged ends; null for no bound; equal ones for no piece
-- $2 source        text           null for both
-- $3 funnel_stage  text           null for both
-- $4 event_type    text           null for all
-- $5 interval      text           hour, day, week or month; null for no buckets
-- $6 max_rows      bigint
-- Returns first a row for each kind, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as kind:
-- (source text, funnel_stage text, event_type text, bucket timestamptz, events bigint)
WITH counted AS (
    SELECT
        CASE $5::text WHEN 'day' THEN bucket ELSE date_trunc($5::text, bucket, 'UTC') END AS bucket,
        source, funnel_stage, event_type, events
    FROM event_figures
    WHERE span = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
    UNION ALL
    SELECT
        CASE $5::text WHEN 'hour' THEN bucket ELSE date_trunc($5::text, bucket, 'UTC') END AS bucket,
        source, funnel_stage, event_type, events
    FROM event_figures
    WHERE span = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
    UNION ALL
    SELECT
        CASE $5::text WHEN 'hour' THEN bucket ELSE date_trunc($5::text, bucket, 'UTC') END AS bucket,
        source, funnel_stage, event_type, events
    FROM event_figures
    WHERE span = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
    UNION ALL
    SELECT date_trunc($5::text, bucket, 'UTC'), source, funnel_stage, event_type, events
    FROM event_figures
    WHERE span = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
    UNION ALL
    SELECT date_trunc($5::text, bucket, 'UTC'), source, funnel_stage, event_type, events
    FROM event_figures
    WHERE span = 'minute'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
    UNION ALL
    SELECT date_trunc($5::text, occurred_at, 'UTC'), source, funnel_stage, event_type, 1
    FROM events
    WHERE occurred_at >= ($1::timestamptz[])[11]
        AND occurred_at < ($1::timestamptz[])[12]
    UNION ALL
    SELECT date_trunc($5::text, occurred_at, 'UTC'), source, funnel_stage, event_type, 1
    FROM events
    WHERE occurred_at >= ($1::timestamptz[])[13]
        AND occurred_at < ($1::timestamptz[])[14]
),
asked AS (
    SELECT
        source, funnel_stage, event_type, events, bucket
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
