"""Example reports, made by the reporter itself from a few figures."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.messages import Backlog
from functions.parameters import Period
from functions.reporter import (
    demographics_report,
    events_report,
    ledger_report,
    pipeline,
    revenue_report,
)
from functions.reporter.demographics_report import DemographicsQuestion
from functions.reporter.events_report import EventsQuestion
from functions.reporter.handler import Report, to_json
from functions.reporter.ledger_report import COLLECTORS, LedgerQuestion
from functions.reporter.pipeline import PipelineFigures
from functions.reporter.ports import (
    BucketCount,
    BucketRevenue,
    CampaignRevenue,
    CityTally,
    EventFigures,
    FacebookUsers,
    KindCount,
    LedgerBucket,
    LedgerFigures,
    RevenueFigures,
    SourceRevenue,
    Spread,
    Tally,
    TiktokUsers,
    UserFigures,
    Watching,
)
from functions.reporter.revenue_report import RevenueQuestion

_FIRST, _SECOND = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
_PERIOD = Period(_FIRST, datetime(2024, 2, 1, tzinfo=UTC))


def events_example() -> Any:
    """Return an events report by day."""
    figures = EventFigures(
        [
            KindCount("facebook", "top", "ad.view", 90),
            KindCount("facebook", "bottom", "checkout.complete", 60),
        ],
        [BucketCount(_FIRST, 70), BucketCount(_SECOND, 80)],
    )
    question = EventsQuestion(_PERIOD, source="facebook", interval="day")
    return _shown(events_report.shape(question, figures))


def revenue_example() -> Any:
    """Return a revenue report of two sources."""
    figures = RevenueFigures(
        [
            SourceRevenue("facebook", Decimal(1000), 5),
            SourceRevenue("tiktok", Decimal("523.5"), 7),
        ],
        [CampaignRevenue("camp-5fCRI", Decimal("774.19"), 1)],
        [
            BucketRevenue(_FIRST, Decimal("774.19"), 1),
            BucketRevenue(_SECOND, Decimal("749.31"), 11),
        ],
    )
    return _shown(revenue_report.shape(RevenueQuestion(_PERIOD, interval="day"), figures))


def demographics_example() -> Any:
    """Return a demographics report of two sources."""
    facebook = FacebookUsers(
        [Spread(1, 4, 84, 19, 24), Spread(2, 5, 152, 27, 33)],
        [Tally("female", 5), Tally("male", 4)],
        [Tally("Ukraine", 9)],
        [CityTally("Ukraine", "Kyiv", 7), CityTally("Ukraine", "Lviv", 2)],
    )
    tiktok = TiktokUsers(
        [Spread(1, 2, 9000, 1200, 7800), Spread(3, 1, 250000, 250000, 250000)],
        [Tally("Japan", 3)],
        [Tally("iOS", 2), Tally("Android", 1)],
        Watching(3, Decimal("183.9"), Decimal(144)),
    )
    question = DemographicsQuestion(_PERIOD)
    return _shown(demographics_report.shape(question, UserFigures(facebook, tiktok)))


def ledger_example() -> Any:
    """Return a ledger report of two minutes, the second not yet fully settled."""
    seen_at = _FIRST + timedelta(minutes=1, seconds=30)
    figures = LedgerFigures(
        [
            LedgerBucket(_FIRST, 120, 117, 2, 1, 0, 5, 4, 1, 0),
            LedgerBucket(_FIRST + timedelta(minutes=1), 90, 60, 0, 0, 30),
        ],
        [Backlog("fb-collector", seen_at, 2, seen_at - timedelta(seconds=1), 7)],
    )
    return _shown(ledger_report.shape(LedgerQuestion(_PERIOD, source="facebook"), figures))


def pipeline_example() -> Any:
    """Return a healthy pipeline, as of the moment of the ledger's example."""
    at = _FIRST + timedelta(minutes=1, seconds=30)
    figures = PipelineFigures(
        at=at,
        answered_seconds=0.004,
        ledger=LedgerFigures(
            [LedgerBucket(_FIRST, 120, 117, 2, 1, 0)],
            [Backlog(name, at, 0, None, 7, 1.2) for name in COLLECTORS],
        ),
        missed=0,
        first_missed_at=None,
        own_faults=0,
        summaries=0,
        freshness_seconds=0.03,
        store_bytes=1024**3,
        store_limit_bytes=100 * 1024**3,
        store_days_left=42.5,
        clock_seconds_ahead=0.001,
    )
    return json.loads(pipeline.to_json(pipeline.judge(figures)))


def _shown(report: Report) -> Any:
    return json.loads(to_json(report))
