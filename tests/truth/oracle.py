"""The right answer of a report, from plain SQL over the events alone."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import groupby
from typing import Any

from tests.truth import plain_sql
from tests.truth.questions import Question

Rows = Sequence[Any]
"""Sequences of values, as a driver returns them."""

Fetch = Callable[[str, Sequence[Any]], Awaitable[Rows]]
"""Runs a statement with parameters, times in UTC without an offset; returns all rows."""

Answer = dict[str, Any]

_CONDITIONS = {
    "start": "occurred_at >= ",
    "end": "occurred_at < ",
    "source": "source = ",
    "funnel_stage": "funnel_stage = ",
    "event_type": "event_type = ",
    "campaign_id": "campaign_id = ",
    "channel": "channel = ",
    "currency": "currency = ",
}
_AGES = ("0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_FOLLOWERS = ("0-999", "1000-9999", "10000-99999", "100000-999999", "1000000+")
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_DEFAULT_LIMIT = 10
_PRECISION = 60


async def expected(question: Question, fetch: Fetch) -> Answer:
    """Return the answer without the echo of the filters."""
    match question.report:
        case "events":
            return await _events(question, fetch)
        case "revenue":
            return await _revenue(question, fetch)
        case "demographics":
            return await _demographics(question, fetch)


async def _ask(question: Question, fetch: Fetch, statement: str) -> Rows:
    given = [(name, getattr(question, name)) for name in _CONDITIONS]
    asked = [(name, value) for name, value in given if value is not None]
    conditions = [f"{_CONDITIONS[name]}${place}" for place, (name, _) in enumerate(asked, 1)]
    text = statement.format(
        filters=" AND ".join(conditions) or "TRUE",
        limit=question.limit or _DEFAULT_LIMIT,
        interval=question.interval,
    )
    return await fetch(text, [_plain(value) for _, value in asked])


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


async def _events(question: Question, fetch: Fetch) -> Answer:
    kinds = await _ask(question, fetch, plain_sql.COUNT_KINDS)
    answer: Answer = {
        "totalEvents": sum(count for *_, count in kinds),
        "events": [
            {"source": source, "funnelStage": stage, "eventType": name, "count": count}
            for source, stage, name, count in _ranked(kinds)
        ],
    }
    if question.interval:
        found = await _ask(question, fetch, plain_sql.COUNT_BUCKETS)
        counts = {row[0]: row[1] for row in found}
        buckets = _without_gaps(list(counts), question.interval)
        answer["series"] = [
            {"bucket": _instant(bucket), "count": counts.get(bucket, 0)} for bucket in buckets
        ]
    return answer


async def _revenue(question: Question, fetch: Fetch) -> Answer:
    sources = await _ask(question, fetch, plain_sql.SUM_SOURCES)
    currencies = [
        {"currency": name} | _averaged([row for row in sources if row[4] == name])
        for name in sorted({row[4] for row in sources})
    ]
    campaigns = await _ask(question, fetch, plain_sql.SUM_CAMPAIGNS)
    answer = _averaged(sources) | {
        "currencies": sorted(currencies, key=lambda it: -it["transactionCount"]),
        "revenue": [
            {"source": row[0], "eventType": row[1]} | _averaged([row]) | {"currency": row[4]}
            for row in sorted(sources, key=lambda row: (-row[2], row[0], row[4]))
        ],
        "topCampaigns": [
            {"campaignId": campaign} | _sums(revenue, sales) | {"currency": currency}
            for campaign, revenue, sales, currency in campaigns
        ],
    }
    if question.interval:
        found = await _ask(question, fetch, plain_sql.SUM_BUCKETS)
        sums = {(row[0], row[3]): (row[1], row[2]) for row in found}
        answer["series"] = [
            {"bucket": _instant(bucket)}
            | _sums(*sums.get((bucket, currency), (Decimal(), 0)))
            | {"currency": currency}
            for bucket in _without_gaps(sorted({row[0] for row in found}), question.interval)
            for currency in sorted({row[3] for row in found})
        ]
    if len(currencies) > 1:
        return answer | {"totalRevenue": None, "averageTransactionValue": None}
    for name in ("revenue", "topCampaigns", "series"):
        for row in answer.get(name, []):
            del row["currency"]
    return answer


def _averaged(sources: Rows) -> Answer:
    total, count = sum((row[2] for row in sources), Decimal()), sum(row[3] for row in sources)
    return _sums(total, count) | {"averageTransactionValue": _average_money(total, count)}


async def _demographics(question: Question, fetch: Fetch) -> Answer:
    users = await _ask(question, fetch, plain_sql.DESCRIBE_USERS)
    figures = {name: [row[1:] for row in rows] for name, rows in _by_first(users)}
    limit = question.limit or _DEFAULT_LIMIT
    facebook = tiktok = None
    if question.source != "tiktok":
        facebook = _facebook(figures)
    if question.source != "facebook":
        watched = await _ask(question, fetch, plain_sql.SUM_WATCHING)
        tiktok = _followers(figures) | _watching(watched, limit)
    total = sum(source["users"] for source in (facebook, tiktok) if source)
    return {"totalUsers": total, "facebook": facebook, "tiktok": tiktok}


def _facebook(figures: Mapping[str, Rows]) -> Answer:
    unknown = {name: number for name, _, number, *_ in figures["unknown"]}
    ages = {int(age): users for age, _, users, *_ in figures.get("age", [])}
    users = sum(ages.values())
    ranges = dict.fromkeys(_AGES, 0)
    for age, of_age in ages.items():
        ranges[_age_range(age)] += of_age
    return {
        "users": users + unknown["age"],
        "unknown": {name: unknown[name] for name in ("age", "gender", "place")},
        "averageAge": _average(sum(age * of_age for age, of_age in ages.items()), users),
        "age": [{"range": name, "users": number} for name, number in ranges.items()],
        "gender": [
            {"gender": name, "users": number}
            for name, _, number in _ranked(row[:3] for row in figures.get("gender", []))
        ],
        "countries": [
            {"country": name, "users": number}
            for name, _, number in _ranked(row[:3] for row in figures.get("country", []))
        ],
        "cities": [
            {"country": country, "city": city, "users": number}
            for country, city, number in _ranked(row[:3] for row in figures.get("city", []))
        ],
    }


def _age_range(age: int) -> str:
    return next(name for name in reversed(_AGES) if age >= int(name.rstrip("+").split("-")[0]))


def _followers(figures: Mapping[str, Rows]) -> Answer:
    parts = figures.get("followers", [])
    unknown = {name: number for name, _, number, *_ in figures["unknown"]}["followers"]
    numbers = {name: users for name, _, users, *_ in parts}
    users = sum(numbers.values())
    return {
        "users": users + unknown,
        "unknown": {"followers": unknown},
        "followers": {
            "average": _average(sum(part[3] for part in parts), users),
            "min": min((part[4] for part in parts), default=None),
            "max": max((part[5] for part in parts), default=None),
        },
        "followerRanges": [{"range": name, "users": numbers.get(name, 0)} for name in _FOLLOWERS],
    }


def _watching(watched: Rows, limit: int) -> Answer:
    events = sum(row[2] for row in watched)
    return {
        "countries": [
            {"country": name, "events": number} for name, number in _totals(watched, 0, limit)
        ],
        "devices": [
            {"device": name, "events": number} for name, number in _totals(watched, 1, limit)
        ],
        "averageWatchTime": _average(sum(row[3] for row in watched), events),
        "averagePercentageWatched": _average(sum(row[4] for row in watched), events),
    }


def _totals(watched: Rows, column: int, limit: int) -> Rows:
    totals: dict[str, int] = {}
    for row in watched:
        totals[row[column]] = totals.get(row[column], 0) + row[2]
    return _ranked(totals.items())[:limit]


def _ranked(rows: Iterable[Sequence[Any]]) -> Rows:
    """Sort by the last column, descending, then by the names before it."""
    return sorted(rows, key=lambda row: (-row[-1], *(name or "" for name in row[:-1])))


def _by_first(rows: Rows) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    return groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0])


def _sums(revenue: Decimal, sales: int) -> Answer:
    return {"totalRevenue": _money(revenue), "transactionCount": sales}


def _money(amount: Decimal) -> str:
    text = f"{amount:.6f}"
    return text[:-4] + text[-4:].rstrip("0")


def _average_money(total: Decimal, count: int) -> str | None:
    return str(_rounded(total, count, "0.01")) if count else None


def _average(total: Decimal | int, count: int) -> float | None:
    return float(_rounded(total, count, "0.1")) if count else None


def _rounded(total: Decimal | int, count: int, unit: str) -> Decimal:
    with localcontext(prec=_PRECISION):
        return (Decimal(total) / count).quantize(Decimal(unit), ROUND_HALF_EVEN)


def _instant(bucket: datetime) -> str:
    return f"{bucket:%Y-%m-%dT%H:%M:%S}Z"


def _without_gaps(found: Sequence[datetime], interval: str) -> Iterator[datetime]:
    """List all buckets from the first to the last with events."""
    bucket = found[0] if found else None
    while bucket and bucket <= found[-1]:
        yield bucket
        if interval == "month":
            bucket = (bucket + timedelta(days=31)).replace(day=1)
        else:
            bucket += _STEPS[interval]
