"""All reports, each from its own file, and their JSON."""

from functions.reporter.demographics_report import DemographicsReport
from functions.reporter.events_report import EventsReport
from functions.reporter.ledger_report import LedgerReport
from functions.reporter.revenue_report import RevenueReport

Report = EventsReport | RevenueReport | DemographicsReport | LedgerReport


def to_json(report: Report) -> bytes:
    """Write a report as JSON; ``series`` only if there is one."""
    return report.model_dump_json().encode()
