"""The reporter's endpoints besides those of every function: its API, and pages of the same data."""

from dataclasses import dataclass

from functions.operator.ports import DeadLetters, Trails
from functions.operator.replay import ReadEnvelope
from functions.reporter.erasure_state import Erasures
from functions.reporter.handler import Reports
from functions.reporter.pipeline import Pipeline
from runtime.api_keys import ApiKeys
from runtime.http.operator import operator_endpoints
from runtime.http.pages.endpoints import Pages, page_endpoints
from runtime.http.pages.privacy import erasure_state_endpoints
from runtime.http.pipeline import SharedPipeline, pipeline_endpoints
from runtime.http.reporter import report_endpoints
from runtime.http.request import Endpoints
from runtime.http.sessions import Sessions
from runtime.telemetry.metrics import ReportMetrics


@dataclass(frozen=True, slots=True)
class ReporterKeys:
    """The reporter's keys.

    Attributes:
        readers: Keys for reports; none if those are open.
        operators: Keys for everything else.
        secure: Whether browsers use HTTPS only.
    """

    readers: ApiKeys
    operators: ApiKeys
    secure: bool


def reporting_endpoints(
    reports: Reports,
    pipeline: Pipeline,
    letters: DeadLetters,
    trails: Trails,
    read_envelope: ReadEnvelope,
    *,
    erasures: Erasures,
    metrics: ReportMetrics,
    keys: ReporterKeys,
) -> Endpoints:
    """Make the endpoints of reports and of the operator, for programs and for people."""
    sessions = Sessions(keys.readers | keys.operators, keys.secure)
    shared = SharedPipeline(pipeline)
    reading = {**report_endpoints(reports, metrics), **pipeline_endpoints(shared)}
    pages = Pages(
        reports, shared, letters, trails, read_envelope, sessions, keys.readers, keys.operators
    )
    return {
        **page_endpoints(
            pages,
            {
                **sessions.all_guarded(keys.readers, reading),
                **sessions.all_guarded(
                    keys.operators, operator_endpoints(letters, trails, read_envelope)
                ),
            },
        ),
        **erasure_state_endpoints(erasures),
    }
