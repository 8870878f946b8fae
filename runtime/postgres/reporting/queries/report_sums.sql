-- Sum events and revenue by kind and by bucket of time: whole buckets from rollups, the rest
-- from rows.
--
-- $1 granularities text[]         of the period's segments: whole days, hours or minutes
-- $2 starts        timestamptz[]  their first instants; null for no bound
-- $3 ends          timestamptz[]  the first instants after them; null for no bound
-- $4 ragged_starts timestamptz[]  of what lies around them, and has no whole minute
-- $5 ragged_ends   timestamptz[]
-- $6 source        text           null for both
-- $7 funnel_stage  text           null for both
-- $8 event_type    text           null for all
-- $9 sales         boolean        true: only sales, with their revenue; false: all events, without
-- $10 interval     text           minute, hour, day, week or month; null for no buckets
-- $11 zone         text           where buckets begin: an IANA time zone
-- $12 cuts         boolean        whether a bucket may cut a segment's days, hours or minutes
-- $13 max_rows     bigint
-- $14 channel      text           null for all
-- $15 currency     text           of sales; null for all
-- A zone's bucket may cut a day of UTC, an hour, even a minute: then the shorter
-- granularity is read in its place, and the rest stays whole. A bucket that begins
-- before the first instant that clients can name begins there. Rollups whose events were
-- all taken back are left out.
-- Returns first a row for each kind, with null as bucket, then a row for each
-- bucket that is not empty, oldest first, with null as kind; of sales for each currency of
-- these:
-- (source text, funnel_stage text, event_type text, bucket timestamptz, events bigint,
-- revenue numeric, currency text)
WITH RECURSIVE lengths (granularity, length, shorter) AS (
    VALUES
        ('day'::granularity, interval '24 hours', 'hour'::granularity),
        ('hour', interval '1 hour', 'minute'),
        ('minute', interval '1 minute', NULL)
),
whole AS NOT MATERIALIZED (
    SELECT part.*
    FROM unnest($1::granularity[], $2::timestamptz[], $3::timestamptz[])
        AS segment (granularity, starts_at, ends_at)
    CROSS JOIN LATERAL (
        SELECT
            granularity, bucket AS at, source, funnel_stage, event_type,
            CASE WHEN $9::boolean THEN transactions ELSE events END AS events,
            CASE WHEN $9::boolean THEN revenue END AS revenue,
            channel, CASE WHEN $9::boolean THEN currency END AS currency
        FROM event_rollups
        WHERE granularity = segment.granularity
            AND bucket >= coalesce(segment.starts_at, '-infinity')
            AND bucket < coalesce(segment.ends_at, 'infinity')
            AND (NOT $9::boolean OR transactions > 0)
        OFFSET 0  -- looks each up, instead of reading all rollups
    ) AS part
),
-- Buckets that may be cut; in place of each that is, the shorter ones in it.
judged AS (
    SELECT
        whole.*,
        date_trunc($10::text, at, $11::text) <> date_trunc($10::text, last, $11::text)
            OR last AT TIME ZONE $11::text - at AT TIME ZONE $11::text <> last - at AS is_cut
    FROM whole
    JOIN lengths USING (granularity)
    CROSS JOIN LATERAL (SELECT at + length - interval '1 microsecond' AS last) AS their
    WHERE $12::boolean
    UNION ALL
    SELECT
        part.*,
        date_trunc($10::text, part.at, $11::text) <> date_trunc($10::text, last, $11::text)
            OR last AT TIME ZONE $11::text - part.at AT TIME ZONE $11::text <> last - part.at
    FROM (SELECT DISTINCT granularity, at FROM judged WHERE is_cut) AS cut
    JOIN lengths AS longer USING (granularity)
    JOIN lengths ON lengths.granularity = longer.shorter
    CROSS JOIN LATERAL (
        SELECT
            granularity, bucket AS at, source, funnel_stage, event_type,
            CASE WHEN $9::boolean THEN transactions ELSE events END AS events,
            CASE WHEN $9::boolean THEN revenue END AS revenue,
            channel, CASE WHEN $9::boolean THEN currency END AS currency
        FROM event_rollups
        WHERE granularity = lengths.granularity
            AND bucket >= cut.at
            AND bucket < cut.at + longer.length
            AND (NOT $9::boolean OR transactions > 0)
        OFFSET 0
    ) AS part
    CROSS JOIN LATERAL (SELECT part.at + lengths.length - interval '1 microsecond' AS last) AS their
),
-- The rest of the period: from first until last, rollups have all of its whole seconds.
ragged AS MATERIALIZED (
    SELECT starts_at, ends_at, first, greatest(first, date_trunc('second', ends_at)) AS last
    FROM unnest($4::timestamptz[], $5::timestamptz[]) AS rest (starts_at, ends_at)
    CROSS JOIN LATERAL (
        SELECT
            least(
                greatest(
                    date_trunc('second', starts_at + interval '999999 microseconds'),
                    coalesce((SELECT complete_from FROM second_horizon), 'infinity')
                ),
                ends_at
            ) AS first
    ) AS second
),
-- Where rows are read: around those seconds, and in minutes that are cut.
by_row (starts_at, ends_at) AS (
    SELECT starts_at, first FROM ragged
    UNION ALL
    SELECT last, ends_at FROM ragged
    UNION ALL
    SELECT DISTINCT at, at + interval '1 minute' FROM judged WHERE is_cut AND granularity = 'minute'
),
counted AS (
    SELECT at, source, funnel_stage, event_type, events, revenue, channel, currency
    FROM whole WHERE NOT $12::boolean
    UNION ALL
    SELECT at, source, funnel_stage, event_type, events, revenue, channel, currency
    FROM judged WHERE NOT is_cut
    UNION ALL
    SELECT part.*
    FROM ragged
    CROSS JOIN LATERAL (
        SELECT
            bucket AS at, source, funnel_stage, event_type,
            CASE WHEN $9::boolean THEN transactions ELSE events END AS events,
            CASE WHEN $9::boolean THEN revenue END AS revenue,
            channel, CASE WHEN $9::boolean THEN currency END AS currency
        FROM second_rollups
        WHERE bucket >= ragged.first
            AND bucket < ragged.last
            AND (NOT $9::boolean OR transactions > 0)
        OFFSET 0
    ) AS part
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, 1, NULL, part.channel, NULL
    FROM by_row
    CROSS JOIN LATERAL (
        SELECT occurred_at AS at, source, funnel_stage, event_type, channel
        FROM stored_events
        WHERE occurred_at >= by_row.starts_at
            AND occurred_at < by_row.ends_at
        OFFSET 0
    ) AS part
    WHERE NOT $9::boolean
    UNION ALL
    SELECT part.at, part.source, part.funnel_stage, part.event_type, 1, part.revenue, part.channel,
        coalesce(part.currency, 'unspecified')
    FROM by_row
    CROSS JOIN LATERAL (
        SELECT
            occurred_at AS at, source, funnel_stage, event_type, revenue, channel, currency
        FROM stored_events
        WHERE occurred_at >= by_row.starts_at
            AND occurred_at < by_row.ends_at
            AND revenue IS NOT NULL  -- by the index of sales
        OFFSET 0
    ) AS part
    WHERE $9::boolean
),
asked AS (
    SELECT
        source, funnel_stage, event_type, events, revenue, currency,
        CASE WHEN $10::text IS NOT NULL THEN
            greatest(date_trunc($10::text, at, $11::text), timestamptz '0001-01-01 00:00:00+00')
        END AS bucket
    FROM counted
    WHERE ($6::text IS NULL OR source = $6::text::event_source)
        AND ($7::text IS NULL OR funnel_stage = $7::text::funnel_stage)
        AND ($8::text IS NULL OR event_type = $8::text)
        AND ($14::text IS NULL OR channel = $14::text::channel)
        AND ($15::text IS NULL OR currency = $15::text)
)
SELECT
    source::text AS source,
    funnel_stage::text AS funnel_stage,
    event_type,
    bucket,
    sum(events)::bigint AS events,
    sum(revenue) AS revenue,
    currency
FROM asked
GROUP BY GROUPING SETS ((source, funnel_stage, event_type, currency), (bucket, currency))
HAVING (grouping(bucket) = 1 OR bucket IS NOT NULL) AND sum(events) > 0
ORDER BY bucket NULLS FIRST, currency
LIMIT $13::bigint
