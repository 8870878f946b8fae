"""Every name in the code, read from the code: the names that infrastructure files may use."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from typing import get_args

import runtime
from functions.events import SOURCES
from runtime.catalogue import FUNCTIONS
from runtime.cli.main import eps
from runtime.jetstream import streams
from runtime.jetstream.streams import (
    DEAD_LETTERS,
    EVENTS,
    KEPT,
    REJECTED,
    SUMMARIES,
    kept_subject,
    subject_of,
)
from runtime.settings import Settings
from runtime.telemetry.metrics import ErrorType, new_registry
from runtime.telemetry.server_metrics import BROKER_FIGURES, DATABASE_FIGURES
from tests.commands import commands_of
from tests.infra.places import INFRA, ROOT

_METRIC_MAKERS = {"counter", "gauge", "histogram", "summary"}

COMMANDS = commands_of(eps)
PORTS = {name: function.port for name, function in FUNCTIONS.items()}
STREAMS = {EVENTS, DEAD_LETTERS, KEPT}
CONSUMERS = {(it.stream, it.name) for it in streams.CONSUMERS}
_CONSUMED = {*map(subject_of, SOURCES), REJECTED, SUMMARIES}
SUBJECTS = {*_CONSUMED, *map(kept_subject, _CONSUMED)}

LABELS = {
    "service": set(FUNCTIONS),
    "source": {*SOURCES, "unknown"},
    "error_type": set(get_args(ErrorType)),
    "stream": STREAMS,
    "stream_name": STREAMS,
    "consumer": {name for _, name in CONSUMERS},
    "consumer_name": {name for _, name in CONSUMERS},
}
"""The label values of metrics, if the code defines them."""


@cache
def settings() -> set[str]:
    """Name every variable that a settings class of the project reads."""
    for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
        if "settings" in module.name.rpartition(".")[2]:
            importlib.import_module(module.name)
    return {
        field.upper()
        for kind in _kinds(Settings)
        if kind.__module__.startswith("runtime.")
        for field in kind.model_fields
    }


def _kinds(kind: type[Settings]) -> Iterator[type[Settings]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


@cache
def broker_variables(files: str = "nats*.conf") -> set[str]:
    """Name the variables that the broker's configuration reads from its environment."""
    texts = [file.read_text(encoding="utf-8") for file in INFRA.glob(files)]
    return set(re.findall(r"\$([A-Z][A-Z0-9_]+)", re.sub(r"\$JS\b", "", "\n".join(texts))))


@cache
def edge_variables() -> set[str]:
    """Name the variables that the edge's configuration reads from its environment."""
    texts = [file.read_text(encoding="utf-8") for file in INFRA.rglob("*.cfg")]
    return set(re.findall(r"(?:\$\{|env\()([A-Z][A-Z0-9_]+)", "\n".join(texts)))


@cache
def metrics() -> set[str]:
    """Name every metric that a function exports, as queries write it."""
    own = {name for file in (ROOT / "runtime").rglob("*.py") for name in _made_in(file.read_text())}
    own |= {it.name for it in (*BROKER_FIGURES, *DATABASE_FIGURES)}
    process = {sample.name for it in new_registry().collect() for sample in it.samples}
    return process | {
        f"{name}{suffix}" for name in own for suffix in ("", "_bucket", "_sum", "_count")
    }


def _made_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _makes_a_metric(node.func):
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _makes_a_metric(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name.lower() in _METRIC_MAKERS or name.endswith("MetricFamily")


@cache
def database_roles() -> set[str]:
    """Name the group roles and their logins."""
    text = (ROOT / "runtime" / "postgres" / "schema" / "roles.sql").read_text(encoding="utf-8")
    [groups] = re.findall(r"'\{([a-z_,]+)\}'", text)
    return {name for group in groups.split(",") for name in (group, f"{group}_login")}
