"""The promises of the system's first description hold for the containers' files.

``test_started_by_hand`` has its manual start, ``tests/e2e`` its requests on a system that runs,
``tests/containers`` all of it on an engine.
"""

import json
import os
import re
from pathlib import Path

import pytest

from runtime.cli.main import eps
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.settings import GatewaySettings
from tests.commands import commands_of
from tests.exported_metrics import metric_names, series_names
from tests.unit.compose_files import BASE, ROOT, services_of

SERVICES = services_of(BASE)
PUBLISHED = {
    int(port.split(":")[-2]): name
    for name, service in SERVICES.items()
    for port in service.get("ports", ())
}


@pytest.mark.parametrize("script", ["start.sh", "healthcheck.sh"])
def test_the_scripts_are_there_and_may_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize(
    ("port", "service"),
    [
        *((port, "edge") for port in (3001, 3002, 3003, 3004)),
        (3000, "grafana"),
        (9090, "prometheus"),
        (5432, "postgres"),
        (4222, "nats"),
    ],
)
def test_it_is_where_it_was_promised(port: int, service: str) -> None:
    assert PUBLISHED[port] == service


def test_one_port_more_is_taken_and_the_readme_says_it() -> None:
    promised = {3000, 3001, 3002, 3003, 3004, 4222, 5432, 9090}

    assert set(PUBLISHED) - promised == {3005}
    assert "3005" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_passwords_are_those_of_the_description() -> None:
    database = SERVICES["postgres"]["environment"]
    grafana = SERVICES["grafana"]["environment"]
    told = (grafana["GF_SECURITY_ADMIN_PASSWORD"], database["POSTGRES_PASSWORD"])

    assert told == ("admin", "postgres")
    assert database["POSTGRES_DB"] == "eventdb"
    assert "POSTGRES_USER" not in database  # so it is postgres


@pytest.mark.parametrize("name", ["fb-collector", "ttk-collector"])
def test_collectors_are_scaled(name: str) -> None:
    """No host ports, and no name that only one container can have."""
    assert not SERVICES[name].keys() & {"ports", "container_name", "hostname"}


@pytest.mark.parametrize("path", ["/events", "/health/live", "/health/ready", "/metrics"])
def test_the_gateway_has_the_paths_of_the_description(path: str) -> None:
    assert path in gateway_document(url="http://x", body_size_limit=1)["paths"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/reports/events", {"source", "from"}),
        ("/reports/revenue", {"source"}),
        ("/reports/demographics", set()),
        ("/health/live", set()),
        ("/health/ready", set()),
        ("/metrics", set()),
    ],
)
def test_the_reporter_has_the_paths_of_the_description(path: str, parameters: set[str]) -> None:
    described = reporter_document(url="http://x")["paths"][path]["get"]

    assert {it["name"] for it in described.get("parameters", ())} >= parameters


def test_the_example_s_settings_are_taken(tmp_path: Path) -> None:
    """`cp .env.example .env`, with the description's settings."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name in ("DATABASE_URL", "NATS_URL", "LOG_LEVEL", "BODY_SIZE_LIMIT"):
        assert re.search(rf"^#? ?{name}=", text, re.MULTILINE), name
    environment = tmp_path / ".env"
    environment.write_text(text + "\nNATS_URL=nats://127.0.0.1:4222\n", encoding="utf-8")

    settings = GatewaySettings(_env_file=environment)

    assert settings.body_size_limit == 50 * 1024**2


@pytest.mark.parametrize("level", ["info", "debug", "error"])
def test_the_log_has_the_levels_of_the_description(level: str) -> None:
    settings = GatewaySettings(
        _env_file=None,
        nats_url="nats://127.0.0.1:4222",
        log_level=level,
    )

    assert settings.log_level == level


@pytest.mark.parametrize(
    "query",
    ["events_accepted_total", "events_failed_total", "report_duration_seconds_bucket"],
)
def test_its_queries_find_their_figures(query: str) -> None:
    assert query in metric_names() | series_names()


@pytest.mark.parametrize("title", ["Accepted", "Processed", "Failed", "Processing speed", "Report"])
def test_the_dashboard_has_the_kinds_of_panels_of_the_description(title: str) -> None:
    boards = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in (ROOT / "infra/grafana/dashboards").glob("*.json")
    ]
    [board] = [it for it in boards if it["title"] == "Event Processing System"]

    assert any(panel["title"].startswith(title) for panel in board["panels"])


def test_migrations_have_a_command() -> None:
    assert "migrate" in commands_of(eps)
