"""All reports, each from its own file, and how they are written."""

from functions.reporter.demographics_report import DemographicsReport
from functions.reporter.events_report import EventsReport
from functions.reporter.ledger_report import LedgerReport
from functions.reporter.revenue_report import RevenueReport

Report = EventsReport | RevenueReport | DemographicsReport | LedgerReport


def to_json(report: Report) -> bytes:
    """Write a report as a client reads it; ``series`` only where there is one."""
    return report.model_dump_json().encode()
