"""Which faults are injected, and the table at the end."""

import os
from collections.abc import Iterator
from itertools import count
from random import Random, SystemRandom

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults.fault import Fault, World
from tests.faults.files import let_open_many
from tests.faults.ledger import empty
from tests.faults.limits.table import ShapeTable
from tests.faults.sender import Sender
from tests.faults.table import Table

_TABLE = Table()
_SHAPES = ShapeTable()
_TIMES = 3
_SEEDS = count(int(os.environ.get("FAULT_SEED", SystemRandom().randrange(2**32))))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" not in metafunc.fixturenames:
        return
    is_full = metafunc.config.getoption("faults")
    faults: list[Fault] = [f for f in metafunc.module.FAULTS if is_full or f.is_short]
    # in turns: a process that has just died several times is restarted later each time
    metafunc.parametrize("turn", range(1, (_TIMES if is_full else 1) + 1))
    metafunc.parametrize("fault", faults, ids=[fault.name for fault in faults])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in (*_TABLE.lines(), *_SHAPES.lines()):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _many_files() -> Iterator[None]:
    with let_open_many():
        yield


@pytest.fixture
def table() -> Table:
    return _TABLE


@pytest.fixture
def shape_table() -> ShapeTable:
    return _SHAPES


@pytest.fixture
async def world(
    system: WholeSystem, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> World:
    """An empty system, and a sender with its own seed; FAULT_SEED is the first's."""
    seed = next(_SEEDS)
    with capsys.disabled():
        print(f"\n{request.node.name}: FAULT_SEED={seed}", end=" ", flush=True)  # noqa: T201
    random = Random(seed)
    sender = Sender([system.url_of(name) for name in system.names("gateway")], random)
    await empty(system, sender)
    is_full = bool(request.config.getoption("faults"))
    return World(system, sender, seed, random, is_full=is_full)
