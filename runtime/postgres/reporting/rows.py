"""Turn rows of the report statements into the figures of ``Reports``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from asyncpg import Record

from functions.events import Source
from functions.reporter.figures import (
    BucketCount,
    BucketSum,
    CampaignSum,
    CityTally,
    EventFigures,
    FacebookUsers,
    KindCount,
    NameTally,
    RevenueFigures,
    SourceSum,
    Spread,
    TiktokUsers,
    UnknownFacebook,
    UserFigures,
    Watching,
)
from functions.reporter.rounding import add

Rows = Sequence[Record]


def event_figures(rows: Rows, max_buckets: int) -> EventFigures:
    """Read the rows of ``report_sums``."""
    buckets = [BucketCount(row["bucket"], row["events"]) for row in rows if row["bucket"]]
    kinds = [
        KindCount(row["source"], row["funnel_stage"], row["event_type"], row["events"])
        for row in rows
        if not row["bucket"]
    ]
    return EventFigures(kinds=kinds, buckets=buckets[:max_buckets])


def revenue_figures(rows: Rows, campaigns: Rows, max_buckets: int) -> RevenueFigures:
    """Read the rows of ``report_sums`` for sales, and those of the campaigns' statement."""
    buckets = [
        BucketSum(row["bucket"], row["revenue"], row["events"], row["currency"])
        for row in rows
        if row["bucket"]
    ]
    kinds: dict[tuple[Source, str], list[Record]] = {}
    for row in rows:
        if not row["bucket"]:
            kinds.setdefault((row["source"], row["currency"]), []).append(row)
    return RevenueFigures(
        sources=[
            SourceSum(
                source,
                add(row["revenue"] for row in own),
                sum(row["events"] for row in own),
                currency,
            )
            for (source, currency), own in kinds.items()
        ],
        campaigns=[CampaignSum(*row) for row in campaigns],
        buckets=buckets[:max_buckets],
    )


def campaign_figures(rows: Rows, campaign_id: str, max_buckets: int) -> RevenueFigures:
    """Read the rows of ``report_campaign``."""
    figures = revenue_figures(rows, (), max_buckets)
    campaigns = [
        CampaignSum(campaign_id, revenue, transactions, currency)
        for _, revenue, transactions, currency in sorted(figures.sources, key=_rank)
    ]
    return replace(figures, campaigns=campaigns)


def _rank(found: SourceSum) -> tuple[Decimal, str]:
    return found.revenue.copy_negate(), found.currency


def user_figures(users: Rows, cities: Sequence[CityTally], watching: Rows) -> UserFigures:
    """Read the rows of ``report_users`` and ``report_watching``."""
    return UserFigures(
        facebook=FacebookUsers(
            ages=_spreads(users, "age"),
            genders=_tallies(users, "gender"),
            countries=_tallies(users, "country"),
            cities=cities,
            unknown=UnknownFacebook(
                *(_number(users, f"unknown_{name}") for name in UnknownFacebook._fields)
            ),
        ),
        tiktok=TiktokUsers(
            followers=_spreads(users, "followers"),
            countries=_tallies(watching, "country"),
            devices=_tallies(watching, "device"),
            watching=_watching(watching),
            unknown_followers=_number(users, "unknown_followers"),
        ),
    )


def known_alone(figures: UserFigures) -> UserFigures:
    """Leave out the users of whom nothing is known: none of them came natively."""
    return UserFigures(
        replace(figures.facebook, unknown=UnknownFacebook()),
        replace(figures.tiktok, unknown_followers=0),
    )


def unknown_users(numbers: Mapping[Source, int]) -> UserFigures:
    """Describe users, given their number by source, of whom nothing else is known."""
    facebook = numbers.get("facebook", 0)
    return UserFigures(
        FacebookUsers((), (), (), (), UnknownFacebook(facebook, facebook, facebook)),
        TiktokUsers((), (), (), Watching(0, Decimal(0), Decimal(0)), numbers.get("tiktok", 0)),
    )


def _spreads(rows: Rows, figure: str) -> Sequence[Spread]:
    return [
        Spread(row["range"], row["number"], int(row["total"]), row["smallest"], row["largest"])
        for row in _of(rows, figure)
    ]


def _tallies(rows: Rows, figure: str) -> Sequence[NameTally]:
    return [NameTally(row["name"], row["number"]) for row in _of(rows, figure)]


def _watching(rows: Rows) -> Watching:
    for row in _of(rows, "all"):
        return Watching(row["number"], row["seconds"], row["percentages"])
    return Watching(0, Decimal(0), Decimal(0))


def _number(rows: Rows, figure: str) -> int:
    return sum(row["number"] for row in _of(rows, figure))


def _of(rows: Rows, figure: str) -> Sequence[Record]:
    return [row for row in rows if row["figure"] == figure]
