"""A flipped bit on a disk: damaged data are missing or refused, and no answer is wrong."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.faults.fault import FUNCTIONS, World
from tests.faults.kept_system import KeptSystem
from tests.faults.ledger import balance

_COLLECTORS = ("fb-collector", "ttk-collector", "dead-letters")
_PATIENCE_SECONDS = 60
_MORE_THAN_WAITED = 40
"""Requests: a broker may give the sequences of lost messages to new ones, and only messages before
the first waiting one are known to be missing."""

_RAGGED = "from=2024-01-02T03:04:05.678Z&to=2024-01-05T06:07:08.9Z"
_REPORTS = [
    f"/reports/{report}{question}"
    for report in ("events", "revenue", "demographics")
    for question in ("", "?source=tiktok", f"?{_RAGGED}")
]
_RELATIONS = """
    SELECT relname, pg_relation_filepath(oid) AS file FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
        AND pg_relation_size(oid) > 0
"""
_FEW = ("events", "event_rollups", "users")


class _System(KeptSystem):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stream = folder / "nats" / "jetstream" / "$G" / "streams" / "EVENTS"
        self.cluster = folder / "postgres" / "cluster"


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[_System]:
    with tempfile.TemporaryDirectory(prefix="eps-bits-") as folder:
        kept = _System(Path(folder))
        async with kept.up():
            yield kept


def _flip(file: Path, random: Random, begin: int = 0) -> None:
    """Flip one bit of a file, somewhere after a position."""
    content = bytearray(file.read_bytes())
    content[random.randrange(begin, len(content))] ^= 1 << random.randrange(8)
    file.write_bytes(content)


@asynccontextmanager
async def _waiting_on_the_broker(world: World, system: _System) -> AsyncIterator[None]:
    """Have events on the broker that nobody consumes until the context is left."""
    async with world.sender.sending():
        await world.sender.accepted(5)
    await balance(system, world.sender)
    for name in _COLLECTORS:
        system.signal(name, signal.SIGSTOP)
    async with world.sender.sending():
        await world.sender.accepted(10)
    yield
    for name in _COLLECTORS:
        system.signal(name, signal.SIGCONT)


async def test_nothing_is_taken_by_a_broker_that_cannot_read_what_its_stream_is(
    world: World, system: _System
) -> None:
    async with _waiting_on_the_broker(world, system):
        description = system.stream / "meta.inf"
        before = description.read_bytes()
        async with system.away("nats"):
            _flip(description, world.random)
        async with httpx.AsyncClient(timeout=30) as client:
            assert await world.sender.post(client, world.sender.events(3)) == 503
            ready = await client.get(f"{system.url_of('gateway')}/health/ready")
        async with system.away("nats"):
            description.write_bytes(before)
    await system.all_ready(*FUNCTIONS)
    found = await balance(system, world.sender)

    assert ready.status_code == 503
    assert not (found.lost | found.doubled | found.differences)


async def test_no_report_is_wrong_when_a_bit_of_the_database_flipped(
    world: World, system: _System
) -> None:
    async with world.sender.sending():
        await world.sender.accepted(20)
    await balance(system, world.sender)
    right = await _reports(system)
    files = {row["relname"]: row["file"] for row in await system.fetch(_RELATIONS)}
    [checksums] = await system.fetch("SHOW data_checksums")
    assert checksums[0] == "on"

    refused: set[str] = set()
    for names in [[each] for each in files] if world.is_full else [_FEW]:
        before: dict[Path, bytes] = {}
        async with system.away("postgres"):
            for file in [system.cluster / files[name] for name in names]:
                before[file] = file.read_bytes()
                _flip(file, world.random)
        await system.all_ready(*FUNCTIONS)
        told = await _reports(system)
        async with system.away("postgres"):
            for file, content in before.items():
                file.write_bytes(content)
        await system.all_ready(*FUNCTIONS)

        refused |= {path for path, answer in told.items() if answer is None}
        assert {path: told[path] or answer for path, answer in right.items()} == right
    assert refused
    assert await _reports(system) == right


async def _reports(system: _System) -> Mapping[str, Any]:
    """Ask every report; None is a 503."""
    async with httpx.AsyncClient(base_url=system.url_of("reporter"), timeout=60) as client:
        answers = {path: await client.get(path) for path in _REPORTS}
    assert {answer.status_code for answer in answers.values()} <= {200, 503}
    return {
        path: answer.json() if answer.status_code == 200 else None
        for path, answer in answers.items()
    }


async def test_the_ledger_reports_what_a_flipped_bit_loses(world: World, system: _System) -> None:
    async with _waiting_on_the_broker(world, system), system.away("nats"):
        [*_, block] = sorted(system.stream.glob("msgs/*.blk"))
        _flip(block, world.random, block.read_bytes().rindex(b"Nats-Msg-Id"))
    await system.all_ready(*FUNCTIONS)
    async with world.sender.sending():
        await world.sender.accepted(_MORE_THAN_WAITED)

    await _until_missed(system)
    found = await balance(system, world.sender)

    assert found.lost
    assert not found.doubled
    assert found.differences == {"ledger"}


async def _until_missed(system: _System) -> None:
    """Wait until the ledger reports missing events.

    Not all of them: an envelope announces the eight before it, and if a
    broken record also hides those after it, there may be more.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not (await system.ask("/reports/ledger"))["total"]["imbalance"]:
            await asyncio.sleep(0.2)
