"""Scrape configuration and rules: as committed, and as judged by Prometheus's own tool."""

import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from functions.reporter import limits as pipeline_limits
from runtime.catalogue import FUNCTIONS
from tests.exported_metrics import series_names
from tests.monitoring.files import PROMETHEUS, ROOT, Rule, load, metrics_in, rule_tests, rules
from tests.monitoring.prometheus import needs_prometheus, promtool

RULES = list(rules())
ALERTS = [rule for rule in RULES if rule.is_alert]

ANCHORS = {
    "a-function-is-down",
    "events-come-late",
    "the-backlog-grows",
    "dead-letters-appear",
    "dead-letters-have-no-room",
    "the-ledger-does-not-balance",
    "the-gateway-answers-503",
    "a-202-does-not-mean-disk",
    "a-disk-fills",
    "clocks-differ",
    "what-is-kept-is-too-short",
    "reports-are-slow",
}


def test_containers_are_found_by_the_names_and_ports_of_the_functions() -> None:
    [job] = [
        job
        for job in load(PROMETHEUS / "prometheus.yml")["scrape_configs"]
        if job["job_name"] == "functions"
    ]

    found = {name: found["port"] for found in job["dns_sd_configs"] for name in found["names"]}
    assert found == {name: function.port for name, function in FUNCTIONS.items()}
    assert {found["type"] for found in job["dns_sd_configs"]} == {"A"}


def test_on_kubernetes_too_a_job_is_a_function() -> None:
    file = ROOT / "infra" / "kubernetes" / "components" / "monitoring" / "pod-monitors.yaml"
    monitors = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    [functions] = [each for each in monitors if each["metadata"]["name"] == "functions"]

    assert functions["spec"]["jobLabel"] == "app.kubernetes.io/name"


def test_a_function_that_is_not_there_is_down_whichever_it_is() -> None:
    [rule] = [rule for rule in RULES if rule.name == "FunctionDown"]

    assert set(re.findall(r'absent\(up\{job="([a-z-]+)"\}\)', rule.expr)) == set(FUNCTIONS)
    [answering] = re.findall(r'up\{job=~"([a-z|-]+)"\} == 0', rule.expr)
    assert set(answering.split("|")) == set(FUNCTIONS)


def test_both_configurations_differ_in_where_the_functions_are_and_nowhere_else() -> None:
    containers = load(PROMETHEUS / "prometheus.yml")
    local = load(PROMETHEUS / "prometheus.local.yml")

    assert local["global"] == containers["global"]
    assert local["rule_files"] == containers["rule_files"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_reads_what_is_exported_or_recorded(rule: Rule) -> None:
    known = series_names() | {each.name for each in RULES if not each.is_alert}

    assert metrics_in(rule.expr) - known == set()


def test_names_are_found_in_a_query() -> None:
    query = (
        'sum by (l) (rate(a_b{c="d(",f=~"g"}[5m])) / ignoring (h) group_left (i) x:y > 2e3 or up'
    )

    assert metrics_in(query) == {"a_b", "x:y", "up"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_what_is_wrong_and_where_to_read_on(alert: Rule) -> None:
    document, _, anchor = alert.annotations["runbook_url"].partition("#")

    assert document == "docs/operations.md"
    assert anchor in ANCHORS
    assert alert.annotations["summary"]
    assert alert.labels["severity"] in {"page", "ticket"}


def test_every_alert_is_in_the_document() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (`.*?) \|.*\| (page|ticket) \|.*#([a-z0-9-]+)\) \|$", text, re.MULTILINE
    )

    written = {
        (name, severity, anchor)
        for names, severity, anchor in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    assert written == {
        (alert.name, alert.labels["severity"], alert.annotations["runbook_url"].partition("#")[2])
        for alert in ALERTS
    }


def test_every_anchor_is_a_section_of_the_runbook() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)

    assert {heading.lower().replace(" ", "-") for heading in headings} >= ANCHORS


def test_every_anchor_has_an_alert() -> None:
    used = {alert.annotations["runbook_url"].partition("#")[2] for alert in ALERTS}

    assert used == ANCHORS


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    seen = defaultdict(set)
    for name, fires in rule_tests():
        seen[name].add(fires)

    assert dict(seen) == {alert.name: {True, False} for alert in ALERTS}


@needs_prometheus
@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.local.yml"])
def test_prometheus_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "infra" / "prometheus"
    shutil.copytree(PROMETHEUS, copy)
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "targets.json").write_text("[]")

    result = promtool("check", "config", copy / name)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stdout + result.stderr


@needs_prometheus
def test_prometheus_accepts_the_rules() -> None:
    result = promtool("check", "rules", *PROMETHEUS.glob("rules/*.yml"))

    assert result.returncode == 0, result.stdout + result.stderr


@needs_prometheus
def test_the_rules_do_as_their_tests_say() -> None:
    result = promtool("test", "rules", *PROMETHEUS.glob("tests/*.yml"))

    assert result.returncode == 0, result.stdout + result.stderr


LIMITS = [
    limit for limit in vars(pipeline_limits).values() if isinstance(limit, pipeline_limits.Limit)
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.section)
def test_a_check_of_the_pipeline_has_the_limit_and_the_runbook_of_its_alert(
    limit: pipeline_limits.Limit,
) -> None:
    assert limit.section in ANCHORS
    if limit.alert:
        alerts = [rule for rule in ALERTS if rule.name == limit.alert]
        written = r"(\d+) \* 86400" if limit.is_floor else r"> ([\d.]+)"
        bounds = [float(it) for rule in alerts for it in re.findall(written, rule.expr)]

        assert limit.bound in bounds
        assert limit.runbook in {rule.annotations["runbook_url"] for rule in alerts}


def test_freshness_looks_as_far_back_as_its_alert() -> None:
    [late] = [rule.expr for rule in ALERTS if rule.name == "EventsLate"]

    minutes = pipeline_limits.FRESHNESS_WINDOW_SECONDS // 60
    assert f"freshness_seconds:p99_{minutes}m" in late


def test_checks_look_as_far_back_as_alerts() -> None:
    [own, senders] = [rule.expr for rule in ALERTS if rule.name == "DeadLettersAppear"]

    minutes = pipeline_limits.WINDOW_SECONDS // 60
    assert f"[{minutes}m]" in own
    assert f"[{minutes}m]" in senders
