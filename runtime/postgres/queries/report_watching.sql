-- Count and sum TikTok's top-of-funnel events of a period, by country, by device and in all.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint       how many countries and devices at most
-- Returns them by number of events, then by name in order of code points:
-- (figure text, name text, number bigint, seconds numeric, percentages numeric)
-- country and device have name; all has seconds and percentages, and is not
-- there of no events.
WITH watched AS MATERIALIZED (
    -- As numbers with a point they add up exactly, in any order, to any height.
    SELECT
        country, device, count(*) AS events,
        sum(watch_seconds::numeric) AS seconds,
        sum(percentage_watched::numeric) AS percentages
    FROM events
    WHERE source = 'tiktok'
        AND funnel_stage = 'top'
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND ($2::timestamptz IS NULL OR occurred_at < $2::timestamptz)
    GROUP BY country, device
),
figures AS (
    SELECT
        'all' AS figure, NULL AS name, sum(events)::bigint AS number,
        sum(seconds) AS seconds, sum(percentages) AS percentages
    FROM watched
    HAVING sum(events) > 0
    UNION ALL
    (
        SELECT 'country', country, sum(events)::bigint, NULL, NULL
        FROM watched
        GROUP BY country
        ORDER BY sum(events) DESC, country COLLATE "C"
        LIMIT $3::bigint
    )
    UNION ALL
    (
        SELECT 'device', device, sum(events)::bigint, NULL, NULL
        FROM watched
        GROUP BY device
        ORDER BY sum(events) DESC, device COLLATE "C"
        LIMIT $3::bigint
    )
)
SELECT figure, name, number, seconds, percentages
FROM figures
ORDER BY number DESC, name COLLATE "C"
