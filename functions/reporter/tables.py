"""A report as a table: its main list, or its series if it has one."""

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import MISSING

from functions.json_model import JsonModel
from functions.reporter.demographics_report import DemographicsReport
from functions.reporter.events_report import EventBucket, EventCount, EventsReport
from functions.reporter.handler import Report
from functions.reporter.ledger_report import LedgerBucket, LedgerReport
from functions.reporter.revenue_report import (
    CampaignRevenue,
    Campaigns,
    RevenueBucket,
    RevenueReport,
    SourceRevenue,
)
from functions.tables import Row, columns_of, write_csv

PEOPLE_COLUMNS: Final = (
    "source",
    "list",
    "range",
    "gender",
    "country",
    "city",
    "device",
    "users",
    "events",
)
"""Demographics as one table: ``list`` names the list that a row belongs to."""


def to_csv(report: Report) -> bytes:
    """Write the main list of a report, or its series if it has one, as CSV.

    Columns are named like the JSON's fields. The ledger's list is its series.
    Demographics are all lists one after another, see ``PEOPLE_COLUMNS``.
    """
    match report:
        case EventsReport():
            if report.series is not MISSING:
                return _table(EventBucket, report.series)
            return _table(EventCount, report.events)
        case RevenueReport():
            if report.series is not MISSING:
                return _table(RevenueBucket, report.series)
            return _table(SourceRevenue, report.revenue)
        case LedgerReport():
            return _table(LedgerBucket, report.series)
        case DemographicsReport():
            return write_csv(PEOPLE_COLUMNS, _people(report))


def campaigns_to_csv(campaigns: Campaigns) -> bytes:
    """Write campaigns as CSV."""
    return _table(CampaignRevenue, campaigns.rows)


def file_name(report: Report | Campaigns, name: str) -> str:
    """Name a file after a report, with its range and source: ``events_2026-11-20_facebook.csv``.

    ASCII, without spaces or quotes, since it is sent in a header.
    """
    filters = report.filters
    days = [it.date().isoformat() for it in (filters.start, filters.end) if it is not None]
    return "_".join([name, *days, *filter(None, [filters.source])]) + ".csv"


def _table(model: type[JsonModel], rows: Iterable[JsonModel]) -> bytes:
    return write_csv(columns_of(model), map(_row, rows))


def _row(answer: JsonModel) -> Row:
    row: Row = answer.model_dump(mode="json")
    return row


def _people(report: DemographicsReport) -> Iterator[Row]:
    for source, people in (("facebook", report.facebook), ("tiktok", report.tiktok)):
        if people is None:
            continue
        for name, rows in _row(people).items():
            if isinstance(rows, list):
                yield from ({"source": source, "list": name, **row} for row in rows)
