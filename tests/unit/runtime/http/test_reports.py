from prometheus_client import CollectorRegistry, generate_latest

from functions.reporter.handler import REPORTS
from runtime.http.documentation.reporter import reporter_document
from runtime.http.reporter import report_endpoints
from runtime.telemetry.metrics import ReportMetrics
from tests.doubles.fakes_reports import FakeReports


def test_there_are_four_reports() -> None:
    assert list(REPORTS) == ["events", "revenue", "demographics", "ledger"]


def test_every_report_has_its_routes_its_metric_and_its_documentation() -> None:
    registry = CollectorRegistry()

    routes = report_endpoints(FakeReports(), ReportMetrics(registry, REPORTS))
    described = reporter_document(url="http://127.0.0.1")["paths"]
    shown = generate_latest(registry).decode()

    for name in REPORTS:
        for path in (f"/reports/{name}", f"/reports/{name}.csv"):
            assert routes[path][0] == "GET"
            assert path in described
        assert f'report_duration_seconds_count{{report_type="{name}"}} 0.0' in shown
