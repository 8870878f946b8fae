-- Count and sum TikTok's top-of-funnel events in a period, by country, by device and in total.
--
-- $1 bounds  timestamptz[]  starts and ends of the period's segments, in turn: whole months,
--                           days before and after them, hours before and after those,
--                           the ragged ends; null for no bound; equal for an empty segment
-- $2 limit   bigint         maximum number of countries and of devices
-- Returns them by number of events, then by name in order of code points:
-- (figure text, name text, number bigint, seconds numeric, percentages numeric)
-- country and device have name; all has seconds and percentages, and is missing if
-- there are no events.
WITH watched AS MATERIALIZED (
    SELECT watch_country, watch_device, watch_seconds, percentage_watched
    FROM stored_events
    WHERE occurred_at >= ($1::timestamptz[])[11]
        AND occurred_at < ($1::timestamptz[])[12]
        AND watch_seconds IS NOT NULL
    UNION ALL
    SELECT watch_country, watch_device, watch_seconds, percentage_watched
    FROM stored_events
    WHERE occurred_at >= ($1::timestamptz[])[13]
        AND occurred_at < ($1::timestamptz[])[14]
        AND watch_seconds IS NOT NULL
),
counted AS (
    SELECT figure, name, number, total
    FROM user_rollups
    WHERE granularity = 'month'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
        AND figure >= 'watch_country'
    UNION ALL
    SELECT figure, name, number, total
    FROM user_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
        AND figure >= 'watch_country'
    UNION ALL
    SELECT figure, name, number, total
    FROM user_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
        AND figure >= 'watch_country'
    UNION ALL
    SELECT figure, name, number, total
    FROM user_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
        AND figure >= 'watch_country'
    UNION ALL
    SELECT figure, name, number, total
    FROM user_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
        AND figure >= 'watch_country'
    UNION ALL
    SELECT 'watch_country', watch_country, count(*), 0
    FROM watched
    GROUP BY 2
    UNION ALL
    SELECT 'watch_device', watch_device, count(*), 0
    FROM watched
    GROUP BY 2
    UNION ALL
    -- Decimals add up exactly, in any order and to any size.
    SELECT 'watch_seconds', '', count(*), sum(watch_seconds::numeric)
    FROM watched
    UNION ALL
    SELECT 'watch_percentage', '', count(*), sum(percentage_watched::numeric)
    FROM watched
),
summed AS MATERIALIZED (
    SELECT figure, name, sum(number)::bigint AS number, sum(total) AS total
    FROM counted
    GROUP BY figure, name
    HAVING sum(number) > 0
),
figures AS (
    SELECT
        'all' AS figure, NULL AS name, seconds.number,
        seconds.total AS seconds, percentages.total AS percentages
    FROM summed AS seconds
    CROSS JOIN summed AS percentages
    WHERE seconds.figure = 'watch_seconds'
        AND percentages.figure = 'watch_percentage'
    UNION ALL
    (
        SELECT 'country', name, number, NULL, NULL
        FROM summed
        WHERE figure = 'watch_country'
        ORDER BY number DESC, name COLLATE "C"
        LIMIT $2::bigint
    )
    UNION ALL
    (
        SELECT 'device', name, number, NULL, NULL
        FROM summed
        WHERE figure = 'watch_device'
        ORDER BY number DESC, name COLLATE "C"
        LIMIT $2::bigint
    )
)
SELECT figure, name, number, seconds, percentages
FROM figures
ORDER BY number DESC, name COLLATE "C"
