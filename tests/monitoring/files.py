"""The committed files for Prometheus and Grafana."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "infra" / "prometheus"
GRAFANA = ROOT / "infra" / "grafana"

_STRINGS = re.compile(r"\"[^\"]*\"|'[^']*'")
_LABELS = re.compile(
    r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
_NAME = re.compile(r"(?<![\w.])[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b")
_VARIABLE = re.compile(r"\$(\w+)")
_WORDS = {"or", "and", "unless", "bool", "offset", "NaN", "Inf"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of Prometheus.

    Attributes:
        name: The recorded series, or the alert.
        expr: Its query.
        is_alert: Which of the two it is.
        annotations: An alert's.
        labels: Those that it adds.
    """

    name: str
    expr: str
    is_alert: bool
    annotations: dict[str, str]
    labels: dict[str, str]


def load(file: Path) -> Any:
    """Read a YAML file."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def rules() -> Iterator[Rule]:
    """List all rules."""
    for file in sorted(PROMETHEUS.glob("rules/*.yml")):
        for group in load(file)["groups"]:
            for rule in group["rules"]:
                yield Rule(
                    name=rule.get("alert") or rule["record"],
                    expr=rule["expr"],
                    is_alert="alert" in rule,
                    annotations=rule.get("annotations", {}),
                    labels=rule.get("labels", {}),
                )


def rule_tests() -> Iterator[tuple[str, bool]]:
    """List the expectations of the rules' own tests: an alert, and whether it fires."""
    for file in sorted(PROMETHEUS.glob("tests/*.yml")):
        for test in load(file)["tests"]:
            for case in test.get("alert_rule_test", []):
                yield case["alertname"], bool(case.get("exp_alerts"))


def metrics_in(query: str) -> set[str]:
    """Name the metrics that a query reads."""
    bare = _LABELS.sub(" ", _STRINGS.sub("''", query))
    return {name for name in _NAME.findall(bare) if name not in _WORDS}


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a dashboard.

    Attributes:
        dashboard: Its dashboard's name.
        title: Its own.
        kind: ``stat`` shows one time, ``timeseries`` a range.
        queries: Its queries of Prometheus, with Grafana's variables.
        json: All of it.
    """

    dashboard: str
    title: str
    kind: str
    queries: tuple[str, ...]
    json: dict[str, Any]


def dashboards() -> dict[str, dict[str, Any]]:
    """Read all dashboards, by the name of their file."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(GRAFANA.glob("dashboards/*.json"))
    }


def panels() -> Iterator[Panel]:
    """List all panels with queries."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                queries = tuple(target["expr"] for target in panel["targets"])
                yield Panel(name, panel["title"], panel["type"], queries, panel)


def filled(query: str, *, seconds: int) -> str:
    """Replace Grafana's variables, with all selected, as for a range of that length.

    Args:
        query: With variables.
        seconds: The length of the time shown.
    """
    values = {"__rate_interval": "40s", "__range": f"{seconds}s"}
    return _VARIABLE.sub(lambda found: values.get(found[1], ".*"), query)
