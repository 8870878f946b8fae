"""Answer questions about what is stored: query parameters in, a report out."""

from functions.parameters import Params
from functions.ports import Reports
from functions.reporter import demographics_report, events_report, ledger_report, revenue_report
from functions.reporter.answers import DemographicsReport, EventsReport, LedgerReport, RevenueReport
from functions.reporter.demographics_report import AGE_EDGES, FOLLOWER_EDGES
from functions.reporter.questions import (
    parse_demographics_question,
    parse_events_question,
    parse_ledger_question,
    parse_revenue_question,
)
from functions.reporter.series import MAX_BUCKETS
from functions.zones import UTC_NAME


async def handle_events(params: Params, *, reports: Reports) -> EventsReport:
    """Count events.

    Args:
        params: Decoded names and values of the query, in their order, repeats kept.
        reports: What knows the figures.

    Returns:
        The report; write it with ``answers.to_json``.

    Raises:
        Invalid: With every fault of the parameters, or one for a series too long.
        Unavailable: There is no answer now; the same question may come again.
    """
    question = parse_events_question(params)
    figures = await reports.count_events(
        question.period,
        source=question.source,
        funnel_stage=question.funnel_stage,
        event_type=question.event_type,
        interval=question.interval,
        zone=question.timezone or UTC_NAME,
        max_buckets=MAX_BUCKETS + 1,
    )
    return events_report.shape(question, figures)


async def handle_revenue(params: Params, *, reports: Reports) -> RevenueReport:
    """Sum revenue; takes, returns and raises as ``handle_events`` does."""
    question = parse_revenue_question(params)
    figures = await reports.sum_revenue(
        question.period,
        source=question.source,
        campaign_id=question.campaign_id,
        interval=question.interval,
        zone=question.timezone or UTC_NAME,
        limit=question.limit,
        max_buckets=MAX_BUCKETS + 1,
    )
    return revenue_report.shape(question, figures)


async def handle_demographics(params: Params, *, reports: Reports) -> DemographicsReport:
    """Describe users; takes, returns and raises as ``handle_events`` does."""
    question = parse_demographics_question(params)
    figures = await reports.describe_users(
        question.period,
        source=question.source,
        age_edges=AGE_EDGES,
        follower_edges=FOLLOWER_EDGES,
        limit=question.limit,
    )
    return demographics_report.shape(question, figures)


async def handle_ledger(params: Params, *, reports: Reports) -> LedgerReport:
    """Account for accepted events; takes, returns and raises as ``handle_events`` does."""
    question = parse_ledger_question(params)
    figures = await reports.sum_ledger(
        question.period,
        source=question.source,
        interval=question.interval,
        zone=question.timezone or UTC_NAME,
        max_buckets=MAX_BUCKETS + 1,
    )
    return ledger_report.shape(question, figures)
