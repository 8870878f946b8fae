"""The reporter behind HTTP."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from functions.parameters import Params
from functions.reporter.demographics_report import handle_demographics
from functions.reporter.events_report import handle_events
from functions.reporter.handler import Report, to_json
from functions.reporter.ledger_report import handle_ledger
from functions.reporter.ports import Reports
from functions.reporter.revenue_report import handle_campaigns, handle_revenue
from functions.reporter.tables import campaigns_to_csv, file_name, to_csv
from runtime.http.csv_responses import CSV_ENDING, csv_answer, wants_csv
from runtime.http.negotiation import VARY
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import Response
from runtime.telemetry.metrics import ReportMetrics

_Ask = Callable[[Params], Awaitable[Report]]


def report_endpoints(reports: Reports, metrics: ReportMetrics) -> Endpoints:
    """Make the endpoints of ``GET /reports/*``: JSON or CSV by ``Accept``, CSV with ``.csv``."""
    asks: dict[str, _Ask] = {
        "events": partial(handle_events, reports=reports),
        "revenue": partial(handle_revenue, reports=reports),
        "demographics": partial(handle_demographics, reports=reports),
        "ledger": partial(handle_ledger, reports=reports),
    }

    async def get_campaigns(request: Request) -> Response:
        found = await handle_campaigns(request.params, reports=reports)
        return csv_answer(campaigns_to_csv(found), file_name(found, "campaigns"))

    listed = {
        f"/reports/{name}{ending}": ("GET", _endpoint(name, ask, metrics, forced=bool(ending)))
        for name, ask in asks.items()
        for ending in ("", CSV_ENDING)
    }
    return {**listed, f"/reports/campaigns{CSV_ENDING}": ("GET", get_campaigns)}


def _endpoint(name: str, ask: _Ask, metrics: ReportMetrics, *, forced: bool) -> Endpoint:
    async def get_report(request: Request) -> Response:
        started = time.perf_counter()
        report = await ask(request.params)
        metrics.seconds.labels(name).observe(time.perf_counter() - started)
        if forced or wants_csv(request):
            return csv_answer(to_csv(report), file_name(report, name))
        return Response(HTTPStatus.OK, to_json(report), headers=VARY)

    return get_report
