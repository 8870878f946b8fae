"""The reports by plain SQL over the events, without rollups and without the reporter's code.

The statements run on PostgreSQL and on DuckDB; ``{filters}`` is a condition,
``{limit}`` a number, ``{interval}`` a word.
"""

MAKE_FLAT = """
    CREATE TABLE bench_flat AS
    SELECT
        events.id,
        event."timestamp" AT TIME ZONE 'UTC' AS occurred_at,
        event.source,
        coalesce(event."funnelStage", events.funnel_stage::text) AS funnel_stage,
        event."eventType" AS event_type,
        events.channel::text AS channel,
        coalesce(who."userId", event."userKey") AS user_id,
        who.age,
        who.gender,
        coalesce(place.country, what.country) AS country,
        place.city,
        who.followers,
        coalesce(
            what."campaignId", CASE WHEN event.source = 'facebook' THEN event."campaignId" END
        ) AS campaign_id,
        CASE
            WHEN event."eventType" NOT IN ('checkout.complete', 'purchase') THEN NULL
            WHEN event.amount < 0 THEN NULL
            ELSE coalesce(what."purchaseAmount", event.amount)
        END AS revenue,
        coalesce(event.currency, 'unspecified') AS currency,
        what.device,
        what."watchTime" AS watch_seconds,
        what."percentageWatched" AS percentage_watched
    FROM stored_events AS events
    JOIN plain_payloads USING (block, position)
    CROSS JOIN LATERAL json_to_record(plain_payloads.payload) AS event (
        "timestamp" timestamptz, source text, "funnelStage" text, "eventType" text, data json,
        "userKey" text, amount numeric(18, 6), currency text, "campaignId" text
    )
    LEFT JOIN LATERAL json_to_record(event.data) AS data ("user" json, engagement json) ON TRUE
    LEFT JOIN LATERAL json_to_record(data."user") AS who (
        "userId" text, age smallint, gender text, followers bigint, location json
    ) ON TRUE
    LEFT JOIN LATERAL json_to_record(data.engagement) AS what (
        "campaignId" text, "purchaseAmount" numeric(18, 6), device text, country text,
        "watchTime" numeric(18, 6), "percentageWatched" numeric(18, 6)
    ) ON TRUE
    LEFT JOIN LATERAL json_to_record(who.location) AS place (country text, city text) ON TRUE
"""
"""Reads the events' JSON once, from ``make_plain_payloads``: PostgreSQL only."""

COUNT_KINDS = """
    SELECT source, funnel_stage, event_type, count(*)
    FROM bench_flat
    WHERE {filters}
    GROUP BY source, funnel_stage, event_type
"""
COUNT_BUCKETS = """
    SELECT date_trunc('{interval}', occurred_at) AS bucket, count(*)
    FROM bench_flat
    WHERE {filters}
    GROUP BY bucket
    ORDER BY bucket
"""
SUM_SOURCES = """
    SELECT source, event_type, sum(revenue), count(*), currency
    FROM bench_flat
    WHERE revenue IS NOT NULL AND {filters}
    GROUP BY source, event_type, currency
"""
SUM_CAMPAIGNS = """
    SELECT campaign_id, sum(revenue), count(*), currency
    FROM bench_flat
    WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL AND {filters}
    GROUP BY campaign_id, currency
    ORDER BY sum(revenue) DESC, campaign_id, currency
    LIMIT {limit}
"""
SUM_BUCKETS = """
    SELECT date_trunc('{interval}', occurred_at) AS bucket, sum(revenue), count(*), currency
    FROM bench_flat
    WHERE revenue IS NOT NULL AND {filters}
    GROUP BY bucket, currency
    ORDER BY bucket, currency
"""
DESCRIBE_USERS = """
    WITH asked AS (
        SELECT DISTINCT source, user_id FROM bench_flat WHERE {filters}
    ),
    ranked AS (
        SELECT
            source, age, gender, country, city, followers,
            row_number() OVER (
                PARTITION BY source, user_id ORDER BY occurred_at DESC, id DESC
            ) AS place
        FROM bench_flat
        JOIN asked USING (source, user_id)
    ),
    newest AS MATERIALIZED (
        SELECT source, age, gender, country, city, followers FROM ranked WHERE place = 1
    )
    SELECT
        'followers' AS figure,
        CASE
            WHEN followers < 1000 THEN '0-999'
            WHEN followers < 10000 THEN '1000-9999'
            WHEN followers < 100000 THEN '10000-99999'
            WHEN followers < 1000000 THEN '100000-999999'
            ELSE '1000000+'
        END AS part,
        NULL, count(*), sum(followers), min(followers), max(followers)
    FROM newest WHERE source = 'tiktok' AND followers IS NOT NULL GROUP BY part
    UNION ALL
    SELECT 'unknown', 'followers', NULL, count(*), NULL, NULL, NULL
    FROM newest WHERE source = 'tiktok' AND followers IS NULL
    UNION ALL
    SELECT 'unknown', 'age', NULL, count(*), NULL, NULL, NULL
    FROM newest WHERE source = 'facebook' AND age IS NULL
    UNION ALL
    SELECT 'unknown', 'gender', NULL, count(*), NULL, NULL, NULL
    FROM newest WHERE source = 'facebook' AND gender IS NULL
    UNION ALL
    SELECT 'unknown', 'place', NULL, count(*), NULL, NULL, NULL
    FROM newest WHERE source = 'facebook' AND country IS NULL
    UNION ALL
    SELECT 'age', CAST(age AS text), NULL, count(*), NULL, NULL, NULL
    FROM newest WHERE source = 'facebook' AND age IS NOT NULL GROUP BY age
    UNION ALL
    (
        SELECT 'gender', gender, NULL, count(*), NULL, NULL, NULL
        FROM newest WHERE source = 'facebook' AND gender IS NOT NULL GROUP BY gender
        ORDER BY count(*) DESC, gender LIMIT {limit}
    )
    UNION ALL
    (
        SELECT 'country', country, NULL, count(*), NULL, NULL, NULL
        FROM newest WHERE source = 'facebook' AND country IS NOT NULL GROUP BY country
        ORDER BY count(*) DESC, country LIMIT {limit}
    )
    UNION ALL
    (
        SELECT 'city', country, city, count(*), NULL, NULL, NULL
        FROM newest WHERE source = 'facebook' AND city IS NOT NULL GROUP BY country, city
        ORDER BY count(*) DESC, country, city LIMIT {limit}
    )
"""
SUM_WATCHING = """
    SELECT country, device, count(*), sum(watch_seconds), sum(percentage_watched)
    FROM bench_flat
    WHERE source = 'tiktok' AND watch_seconds IS NOT NULL AND {filters}
    GROUP BY country, device
"""
