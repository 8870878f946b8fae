"""The right contents of the tables beside ``events``, recomputed from events and users."""

from collections.abc import Awaitable, Callable

import asyncpg

_EVENT_FIGURES = """
    SELECT granularity, date_trunc(granularity::text, occurred_at, 'UTC'), source, funnel_stage,
        event_type, channel, coalesce(currency, 'unspecified'), count(*), count(revenue),
        trim_scale(coalesce(sum(revenue), 0))
    FROM stored_events, unnest('{minute,hour,day}'::granularity[]) AS granularity (granularity)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_SECONDS = """
    SELECT date_trunc('second', occurred_at), source, funnel_stage, event_type, channel,
        coalesce(currency, 'unspecified'), count(*), count(revenue),
        trim_scale(coalesce(sum(revenue), 0))
    FROM stored_events WHERE occurred_at >= (SELECT complete_from FROM second_horizon)
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_CAMPAIGNS = """
    SELECT campaign_id, coalesce(currency, 'unspecified'),
        CASE WHEN NOT EXISTS (SELECT FROM retractions) THEN min(occurred_at) END,
        CASE WHEN NOT EXISTS (SELECT FROM retractions) THEN max(occurred_at) END,
        count(*), trim_scale(sum(revenue))
    FROM stored_events WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL GROUP BY 1, 2
"""
_USERS = """
    SELECT DISTINCT ON (user_key) user_key, source,
        min(occurred_at) OVER (PARTITION BY user_key), occurred_at, id
    FROM stored_events WHERE user_key IS NOT NULL ORDER BY user_key, occurred_at DESC, id DESC
"""
_RETURNED_USERS = """
    SELECT key, source, first_at, age, gender, followers, country, city FROM users
    WHERE EXISTS (SELECT FROM return_visits WHERE user_key = key)
"""
_CHANNEL_VISITS = """
    SELECT user_key, occurred_at, id FROM stored_events
    WHERE channel <> 'native' AND user_key IS NOT NULL
"""
_RETURNS = """
    SELECT occurred_at, user_key FROM stored_events WHERE user_key IS NOT NULL
    EXCEPT ALL SELECT first_at, key FROM users
"""
_USER_FIGURES = """
    SELECT granularity, date_trunc(granularity::text, first_at, 'UTC'), figure, name, count(*),
        trim_scale(coalesce(sum(users.followers) FILTER (WHERE figure = 'followers'), 0)),
        min(users.followers), max(users.followers)
    FROM users, unnest('{hour,day,month}'::granularity[]) AS granularity (granularity),
        LATERAL (VALUES
            ('age'::user_rollup_kind, age::text), ('gender', gender), ('country', country),
            ('followers', length(followers::text)::text),
            ('unknown_age', CASE WHEN source = 'facebook' AND age IS NULL THEN '' END),
            ('unknown_gender', CASE WHEN source = 'facebook' AND gender IS NULL THEN '' END),
            ('unknown_place', CASE WHEN source = 'facebook' AND country IS NULL THEN '' END),
            ('unknown_followers', CASE WHEN source = 'tiktok' AND followers IS NULL THEN '' END)
        ) AS what (figure, name)
    WHERE name IS NOT NULL GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT granularity, date_trunc(granularity::text, occurred_at, 'UTC'), figure, name, count(*),
        trim_scale(sum(value::numeric)), NULL, NULL
    FROM stored_events, unnest('{hour,day,month}'::granularity[]) AS granularity (granularity),
        LATERAL (VALUES
            ('watch_country'::user_rollup_kind, watch_country, 0),
            ('watch_device', watch_device, 0),
            ('watch_seconds', '', watch_seconds), ('watch_percentage', '', percentage_watched)
        ) AS what (figure, name, value)
    WHERE watch_seconds IS NOT NULL GROUP BY 1, 2, 3, 4
"""
_CITIES = """
    SELECT country, city, count(*) FROM users
    WHERE length(country) <= 100 AND length(city) <= 100 GROUP BY 1, 2
"""
_CITY_USERS = """
    SELECT country, city, first_at FROM users
    WHERE length(country) <= 100 AND length(city) <= 100
"""

_KEPT = {
    "event_rollups": (
        _EVENT_FIGURES,
        (
            "SELECT granularity, bucket, source, funnel_stage, event_type, channel, currency,"
            " events, transactions, trim_scale(revenue) FROM event_rollups WHERE events <> 0"
        ),
    ),
    "second_rollups": (
        _SECONDS,
        (
            "SELECT bucket, source, funnel_stage, event_type, channel, currency, events,"
            " transactions, trim_scale(revenue) FROM second_rollups"
            " WHERE events <> 0 AND bucket >= (SELECT complete_from FROM second_horizon)"
        ),
    ),
    "campaigns": (
        _CAMPAIGNS,
        (
            "SELECT campaign_id, currency,"
            " CASE WHEN NOT EXISTS (SELECT FROM retractions) THEN first_at END,"
            " CASE WHEN NOT EXISTS (SELECT FROM retractions) THEN last_at END,"
            " transactions, trim_scale(revenue) FROM campaigns"
            " WHERE transactions <> 0"
        ),
    ),
    "users": (_USERS, "SELECT key, source, first_at, newest_at, newest_id FROM users"),
    "channel_visits": (_CHANNEL_VISITS, "SELECT user_key, at, event_key FROM channel_visits"),
    "return_visits": (_RETURNS, "SELECT at, user_key FROM return_visits"),
    "returned_users": (
        _RETURNED_USERS,
        ("SELECT key, source, first_at, age, gender, followers, country, city FROM returned_users"),
    ),
    "user_rollups": (
        _USER_FIGURES,
        (
            "SELECT granularity, bucket, figure, name, number, trim_scale(total), smallest, largest"
            " FROM user_rollups WHERE number <> 0"
        ),
    ),
    "user_cities": (
        _CITIES,
        "SELECT country, city, users FROM user_cities WHERE users <> 0",
    ),
    "city_users": (
        _CITY_USERS,
        (
            "SELECT country, city, lone_at FROM user_cities WHERE shared = 0"
            " UNION ALL SELECT country, city, first_at FROM city_users"
        ),
    ),
}


_LEDGER = """
    WITH outcomes AS (
        SELECT date_trunc('minute', accepted_at, 'UTC') AS minute, source, 1 AS stored, 0 AS dead
        FROM stored_events
        UNION ALL
        SELECT date_trunc('minute', accepted_at, 'UTC'), source, 0, 1
        FROM dead_letters WHERE reason IN ('refused', 'too_old')
    )
    SELECT minute, source, sum(stored), sum(dead) FROM outcomes GROUP BY 1, 2
"""
_KEPT_LEDGER = """
    SELECT minute, source, sum(stored), sum(dead) FROM ledger WHERE NOT rejected GROUP BY 1, 2
    HAVING sum(stored) + sum(dead) > 0
"""

_STORED = """
    SELECT date_trunc('minute', accepted_at, 'UTC') AS minute, source, count(*)
    FROM stored_events GROUP BY 1, 2
"""
_KEPT_STORED = """
    SELECT minute, source, sum(stored) FROM ledger WHERE NOT rejected GROUP BY 1, 2
    HAVING sum(stored) > 0
"""
_REJECTIONS = """
    SELECT date_trunc('minute', accepted_at, 'UTC') AS minute, source, sum(elements)::numeric
    FROM dead_letters WHERE reason = 'rejected' GROUP BY 1, 2
"""
_KEPT_REJECTIONS = """
    SELECT minute, source, sum(stored) FROM ledger WHERE rejected GROUP BY 1, 2
    HAVING sum(stored) > 0
"""


async def ledger_differences(
    fetch: Callable[[str], Awaitable[list[asyncpg.Record]]],
) -> list[asyncpg.Record]:
    """Compare the ledger with the stored data; return entries that differ or don't balance.

    For a system that has nothing in flight, no dead letters of unreadable envelopes, and none
    that were replayed.
    """
    return [
        *await _compare(fetch, _LEDGER, _KEPT_LEDGER),
        *await ledger_imbalances(fetch),
    ]


async def ledger_imbalances(
    fetch: Callable[[str], Awaitable[list[asyncpg.Record]]],
) -> list[asyncpg.Record]:
    """Return the ledger's entries that don't balance, or differ from the stored events.

    For a system with nothing in flight and no replays.
    """
    unbalanced = await fetch("SELECT * FROM ledger WHERE counted <> stored + duplicates + dead")
    unsettled = await fetch(
        "SELECT * FROM announced_envelopes AS announced"
        " WHERE NOT EXISTS (SELECT FROM envelopes WHERE envelopes.id = announced.id)"
    )
    return [
        *await _compare(fetch, _STORED, _KEPT_STORED),
        *await _compare(fetch, _REJECTIONS, _KEPT_REJECTIONS),
        *unbalanced,
        *unsettled,
    ]


async def differences(
    fetch: Callable[[str], Awaitable[list[asyncpg.Record]]],
) -> dict[str, list[asyncpg.Record]]:
    """Compare each table with its right contents; return the rows that differ."""
    found = {}
    for table, (expected, kept) in _KEPT.items():
        rows = await _compare(fetch, expected, kept)
        if rows:
            found[table] = rows
    return found


async def _compare(
    fetch: Callable[[str], Awaitable[list[asyncpg.Record]]], expected: str, kept: str
) -> list[asyncpg.Record]:
    return await fetch(
        f"""
        WITH expected AS ({expected}), kept AS ({kept})
        (SELECT 'missing', expected.*::text FROM expected
            EXCEPT ALL SELECT 'missing', kept.*::text FROM kept)
        UNION ALL
        (SELECT 'too much', kept.*::text FROM kept
            EXCEPT ALL SELECT 'too much', expected.*::text FROM expected)
        """  # noqa: S608 - constants
    )
