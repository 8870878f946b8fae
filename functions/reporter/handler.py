"""All reports, a row each; the port that they read; and their JSON."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from functions.reporter.demographics_report import DEMOGRAPHICS, UsersReader
from functions.reporter.events_report import EVENTS, EventsReader
from functions.reporter.filters import Filters, Report, ReportType
from functions.reporter.ledger_report import LEDGER, LedgerReader
from functions.reporter.revenue_report import REVENUE, RevenueReader

REPORTS: Final[Mapping[str, ReportType[Any]]] = {
    it.name: it for it in (EVENTS, REVENUE, DEMOGRAPHICS, LEDGER)
}


class Reports(EventsReader, RevenueReader, UsersReader, LedgerReader, Protocol):
    """The stored events, counted and summed; each answer is one consistent snapshot.

    A filter that is None matches all. Every method raises ``Unavailable`` when there is
    no answer now, and the same question may be asked again; and ``Invalid`` when the
    store does not know the question's zone.
    """


def to_json(report: Report) -> bytes:
    """Write a report as JSON; ``series`` only if there is one."""
    return report.model_dump_json().encode()


def file_name(filters: Filters, name: str) -> str:
    """Name a report's file, with its range and source: ``events_2026-11-20_facebook.csv``.

    ASCII, without spaces or quotes: it stands in a header.
    """
    days = [it.date().isoformat() for it in (filters.start, filters.end) if it is not None]
    return "_".join([name, *days, *filter(None, [filters.source])]) + ".csv"
