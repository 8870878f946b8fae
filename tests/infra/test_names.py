"""A law: infrastructure files use only names of the code.

``known`` reads names from the code, ``said`` from every file of ``infra/`` and Compose's.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from tests.infra import known, said
from tests.infra.places import INFRA, KUBERNETES, ROOT

FOREIGN = {
    "SSL_CERT_FILE": "OpenSSL: whom to trust",
    "PGSSLMODE": "the database's driver",
    "PGSSLROOTCERT": "the database's driver",
    "GOMEMLIMIT": "the runtime of Go, in the broker",
    "POSTGRES_DB": "the image of PostgreSQL",
    "POSTGRES_INITDB_ARGS": "the image of PostgreSQL",
    "POSTGRES_PASSWORD_FILE": "the image of PostgreSQL",
    "GF_*": "Grafana",
    "PIP_*": "pip",
    "PYTHON*": "Python and its image",
    "AWS_*": "AWS's own clients",
    "AF_*": "the kernel's address families",
    "START_SECONDS": "a constant of the supervisor",
    "MOST_RESTARTS": "a constant of the supervisor",
}
"""Variables of other programs, and their readers."""

PORTS = known.PORTS | {"grafana": 3000, "prometheus": 9090}
SERVERS_PORTS = {
    "nats": {4222, 6222, 7777, 8222},  # clients, routes, exporter, monitoring
    "postgres": {5432, 8000, 9187},  # clients, its operator, exporter
}
FOREIGN_METRICS = (
    "prometheus_*", "scrape_*", "alertmanager_*", "pg_*", "cnpg_*", "nats_*", "gnatsd_*",
    "jetstream_*", "haproxy_*", "net_conntrack_*",
)  # fmt: skip
"""Metrics of others: Prometheus, and the exporters of the database, the broker and the edge."""

each_file = pytest.mark.parametrize("file", said.files(), ids=lambda it: str(it.relative_to(ROOT)))


def is_foreign(name: str, patterns: Iterable[str] = tuple(FOREIGN)) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@cache
def known_variables() -> set[str]:
    """Variables read by settings classes, broker or edge; and Compose's, if they are documented."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    documented = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    put_in = {
        name for file in said.composes() for name in said.interpolated(file.read_text("utf-8"))
    }
    servers = known.broker_variables() | known.edge_variables()
    return known.settings() | servers | (documented & put_in)


@each_file
def test_every_variable_is_read_by_somebody(file: Path) -> None:
    names = said.variables(file.read_text(encoding="utf-8")) - known.STREAMS

    assert {name for name in names - known_variables() if not is_foreign(name)} == set()


@each_file
def test_a_container_is_told_only_what_somebody_reads(file: Path) -> None:
    told = {
        name
        for tree in said.trees([file])
        for environment in said.environments(tree)
        for name in environment
    }

    assert {name for name in told - known_variables() if not is_foreign(name)} == set()


@each_file
def test_every_port_is_that_of_its_function(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    wrong = {
        (host, port)
        for host, port in said.places(text)
        if port not in SERVERS_PORTS.get(host, {PORTS.get(host, port)})
    }
    nobodys = {int(it) for it in re.findall(r"(?<![\d.])300[1-9](?!\d)", text)}

    assert wrong == set()
    assert nobodys <= set(known.PORTS.values())


@each_file
def test_a_function_is_found_where_it_listens(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    bound = {(name, int(port)) for port, name in re.findall(r"bind :(\d+) name ([\w-]+)", text)}
    for tree in said.trees([file]):
        for it in said.maps(tree):
            if isinstance(it.get("names"), list) and "port" in it:
                bound |= {(name, it["port"]) for name in it["names"]}
            bound |= {
                (name, int(it[name]["environment"]["PORT"]))
                for name in known.PORTS.keys() & it.keys()
                if isinstance(it[name], dict)
                and isinstance(it[name].get("environment"), dict)
                and "PORT" in it[name]["environment"]
            }

    assert {(name, port) for name, port in bound if PORTS.get(name, port) != port} == set()
    assert {name for name, port in bound if port in known.PORTS.values()} <= known.PORTS.keys()


@each_file
def test_streams_and_subjects_are_the_code_s(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert said.streams(text) <= known.STREAMS
    assert {
        subject
        for subject in said.subjects(text)
        if not any(fnmatchcase(real, subject.replace(">", "*")) for real in known.SUBJECTS)
    } == set()


@each_file
def test_scaling_by_a_consumer_names_an_existing_one(file: Path) -> None:
    named = {
        (it["stream"], it["consumer"])
        for tree in said.trees([file])
        for it in said.maps(tree)
        if {"stream", "consumer"} <= it.keys()
    }

    assert named <= known.CONSUMERS


@each_file
def test_roles_of_the_database_are_the_code_s(file: Path) -> None:
    assert said.roles(file.read_text(encoding="utf-8")) <= known.database_roles()


@each_file
def test_every_command_is_understood(file: Path) -> None:
    for tree in said.trees([file]):
        for name, *arguments in said.commands(tree):
            known.COMMANDS[name].make_context(name, arguments)  # raises a message for people


@each_file
def test_queries_ask_for_figures_that_somebody_exports(file: Path) -> None:
    recorded = {
        str(it["record"])
        for tree in said.trees(INFRA.rglob("*.yml"))
        for it in said.maps(tree)
        if "record" in it
    }
    asked = {
        name
        for tree in said.trees([file])
        for query in said.queries(tree)
        for name in said.metrics(query)
    }

    unknown = asked - known.metrics() - recorded

    assert {name for name in unknown if not is_foreign(name, FOREIGN_METRICS)} == set()


@each_file
def test_queries_ask_for_labels_that_there_are(file: Path) -> None:
    wrong = {
        (label, value)
        for tree in said.trees([file])
        for query in said.queries(tree)
        for label, operator, value in said.labels(query)
        if label in known.LABELS and "$" not in value
        for alternative in (value.split("|") if operator in {"=~", "!~"} else [value])
        if alternative and not any(re.fullmatch(alternative, it) for it in known.LABELS[label])
    }

    assert wrong == set()


def test_every_handler_is_there() -> None:
    handlers = {
        str(it["Handler"])
        for tree in said.trees((INFRA / "aws").glob("*.yaml"))
        for it in said.maps(tree)
        if "Handler" in it
    }

    assert len(handlers) == len(known.PORTS)
    for handler in handlers:
        module, _, function = handler.rpartition(".")
        file = ROOT / f"{module.replace('.', '/')}.py"
        assert re.search(
            rf"^(def {function}\(|{function} = )", file.read_text(encoding="utf-8"), re.MULTILINE
        )


def test_every_consumer_is_scaled() -> None:
    scaled = {
        (it["stream"], it["consumer"])
        for tree in said.trees(KUBERNETES.rglob("*.yaml"))
        for it in said.maps(tree)
        if {"stream", "consumer"} <= it.keys()
    }

    assert scaled == known.CONSUMERS


def test_there_is_something_to_know() -> None:
    assert {"NATS_URL", "GATEWAY_PORT", "INGEST_API_KEY"} <= known.settings()
    assert {"NATS_STORE_DIR", "NATS_OPERATOR_PASSWORD"} <= known.broker_variables()
    assert {"events_accepted_total", "event_freshness_seconds_bucket"} <= known.metrics()
    assert {"process_resident_memory_bytes", "consumer_backlog_messages"} <= known.metrics()
    assert len(known.CONSUMERS) == 4
    assert {"eps_migrator", "eps_reporter_login"} <= known.database_roles()
    assert said.files()
