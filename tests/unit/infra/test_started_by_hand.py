"""Services that `docker compose up -d NAME …` also starts, and the ports that answer after it."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runtime.catalogue import FUNCTIONS
from tests.unit.compose_files import BASE, ROOT, services_of

SERVICES = services_of(BASE)
PORTS = {name: function.port for name, function in FUNCTIONS.items()}
EDGE = "edge"

BY_HAND = (
    ("postgres", "nats"),
    ("gateway",),
    ("fb-collector", "ttk-collector"),
    ("reporter",),
    ("prometheus", "grafana"),
    ("publisher",),
)
"""The manual start of the system's first description, command by command."""

ANSWER_AFTER = ((), ("gateway",), ("fb-collector", "ttk-collector", "dead-letters"), ("reporter",))


def needed_by(name: str, above: Sequence[str] = ()) -> set[str]:
    """Name a service and everything that Compose starts before it."""
    assert name not in above, f"a circle: {above} {name}"
    needed = SERVICES[name].get("depends_on", {})
    return {name}.union(*(needed_by(it, (*above, name)) for it in needed))


def started(commands: Sequence[Sequence[str]]) -> set[str]:
    return set().union(*(needed_by(name) for command in commands for name in command))


def answering(running: set[str]) -> set[str]:
    """Name the functions whose host port answers: they run, and the edge runs."""
    return running & set(PORTS) if EDGE in running else set()


@pytest.mark.parametrize("step", range(len(BY_HAND) + 1))
def test_each_command_opens_the_ports_of_what_it_names(step: int) -> None:
    expected = {name for names in ANSWER_AFTER[:step] for name in names}

    assert answering(started(BY_HAND[:step])) == expected


def test_at_the_end_all_of_the_system_runs() -> None:
    assert started(BY_HAND) == set(SERVICES)


@pytest.mark.parametrize("name", PORTS)
def test_a_function_that_is_started_alone_answers_on_its_port(name: str) -> None:
    assert name in answering(needed_by(name))


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_started_first_waits_for_nobody_that_waits_for_it(name: str) -> None:
    assert name in needed_by(name)


def test_nobody_waits_until_the_edge_is_healthy() -> None:
    """It is healthy when it reaches a function, so functions would wait for it."""
    conditions = {
        it["depends_on"][EDGE]["condition"]
        for it in SERVICES.values()
        if EDGE in it.get("depends_on", {})
    }

    assert conditions == {"service_started"}
    assert "depends_on" not in SERVICES[EDGE]


def test_a_gateway_starts_without_the_database() -> None:
    assert needed_by("gateway") == {"gateway", "nats", EDGE}


def test_a_publisher_brings_all_that_takes_and_stores_what_it_sends() -> None:
    assert needed_by("publisher") >= {"gateway", "fb-collector", "ttk-collector", "dead-letters"}


@pytest.mark.parametrize("name", PORTS)
def test_the_edge_starts_while_a_name_is_not_known(name: str) -> None:
    edge = (ROOT / "infra/haproxy.cfg").read_text(encoding="utf-8")

    assert re.search(rf"server-template replica \d+ {name}:{PORTS[name]}\n", edge)
    assert re.search(r"^  default-server .* init-addr none$", edge, re.MULTILINE)


def compose_commands_of(document: Path) -> Iterator[list[str]]:
    text = document.read_text(encoding="utf-8")
    for line in re.findall(r"^docker compose (.*)$", text, re.MULTILINE):
        yield shlex.split(line, comments=True)


@pytest.mark.parametrize("document", ["docs/deploying.md", "README.uk.md"])
def test_the_documents_show_the_sequence(document: str) -> None:
    shown = [
        tuple(words[2:])
        for words in compose_commands_of(ROOT / document)
        if words[:2] == ["up", "-d"] and words[2:] and "--scale" not in words
    ]

    assert tuple(shown) == BY_HAND


def test_the_documents_name_services_that_there_are() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for words in compose_commands_of(document):
            if words[:1] == ["up"]:
                named = [it for it in words[1:] if not it.startswith("-") and "=" not in it]
                assert set(named) <= set(SERVICES), document
