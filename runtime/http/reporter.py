"""The reporter behind HTTP."""

import time
from http import HTTPStatus
from typing import Any

from functions.reporter.filters import ReportType
from functions.reporter.handler import REPORTS, Reports, file_name, to_json
from functions.reporter.revenue_report import campaigns_to_csv, handle_campaigns
from runtime.http.csv_responses import CSV_ENDING, csv_answer, wants_csv
from runtime.http.negotiation import VARY
from runtime.http.request import Endpoint, Endpoints, Request
from runtime.http.responses import Response
from runtime.telemetry.metrics import ReportMetrics


def report_endpoints(reports: Reports, metrics: ReportMetrics) -> Endpoints:
    """Make the endpoints of ``GET /reports/*``: JSON or CSV by ``Accept``, CSV with ``.csv``."""

    async def get_campaigns(request: Request) -> Response:
        found = await handle_campaigns(request.params, reports=reports)
        return csv_answer(campaigns_to_csv(found), file_name(found.filters, "campaigns"))

    listed = {
        f"/reports/{kind.name}{ending}": (
            "GET",
            _endpoint(kind, reports, metrics, forced=bool(ending)),
        )
        for kind in REPORTS.values()
        for ending in ("", CSV_ENDING)
    }
    return {**listed, f"/reports/campaigns{CSV_ENDING}": ("GET", get_campaigns)}


def _endpoint(
    kind: ReportType[Any], reports: Reports, metrics: ReportMetrics, *, forced: bool
) -> Endpoint:
    async def get_report(request: Request) -> Response:
        started = time.perf_counter()
        report = await kind.handle(request.params, reports=reports)
        metrics.seconds.labels(kind.name).observe(time.perf_counter() - started)
        if forced or wants_csv(request):
            return csv_answer(kind.to_csv(report), file_name(report.filters, kind.name))
        return Response(HTTPStatus.OK, to_json(report), headers=VARY)

    return get_report
