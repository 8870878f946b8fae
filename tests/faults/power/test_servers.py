"""A server alone keeps its promises, and one that does not sync is found."""

import os
from collections.abc import Callable
from pathlib import Path

import asyncpg
import nats
import pytest

from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.readiness import StartFailed
from tests.faults.power.careless import CarelessNats, CarelessPostgres
from tests.faults.power.disk import ForgetfulDisk, forgetful_disk
from tests.faults.power.family import kill_all

_NUMBER = 100
_LARGE = b"x" * 300_000
"""So many need several of the broker's files, of 8 MB each."""


@pytest.mark.parametrize(("broker", "kept"), [(EmbeddedNats, _NUMBER), (CarelessNats, 0)])
async def test_a_broker_keeps_what_it_acknowledged_only_if_it_syncs(
    broker: Callable[[Path], EmbeddedNats], kept: int
) -> None:
    async with forgetful_disk() as disk:
        assert await _messages_after_a_cut(broker, disk) == kept


@pytest.mark.parametrize(("database", "kept"), [(EmbeddedPostgres, _NUMBER), (CarelessPostgres, 0)])
async def test_a_database_keeps_what_it_committed_only_if_it_syncs(
    database: Callable[[Path], EmbeddedPostgres], kept: int
) -> None:
    async with forgetful_disk() as disk:
        assert await _rows_after_a_cut(database, disk) == kept


async def test_a_database_syncs_folders_and_a_broker_does_not(
    pytestconfig: pytest.Config,
) -> None:
    """Harmless on ext4, XFS and btrfs, which keep a new file's name with its bytes."""
    if not pytestconfig.getoption("faults"):
        pytest.skip("only with --faults: no disk of today wants it")
    async with forgetful_disk(by_folder=True) as disk:
        assert await _rows_after_a_cut(EmbeddedPostgres, disk) == _NUMBER
    async with forgetful_disk(by_folder=True) as disk:
        assert 0 < await _messages_after_a_cut(EmbeddedNats, disk) < _NUMBER


async def _messages_after_a_cut(broker: Callable[[Path], EmbeddedNats], disk: ForgetfulDisk) -> int:
    async with broker(disk.path / "nats") as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name="S", subjects=["s"])
        await client.jetstream().publish("s", b"0")
        if broker is EmbeddedNats:
            _sync_folders(disk.path)
        for _ in range(_NUMBER - 1):
            await client.jetstream().publish("s", _LARGE)
        await client.close()
        await disk.cut()
        kill_all([server.pid])
    await disk.restore()

    async with broker(disk.path / "nats") as server:
        client = await nats.connect(server.url)
        streams = await client.jetstream().streams_info()
        await client.close()
    return sum(stream.state.messages for stream in streams)


async def _rows_after_a_cut(
    database: Callable[[Path], EmbeddedPostgres], disk: ForgetfulDisk
) -> int:
    """Count the stored events; none if the server or the table is broken."""
    async with database(disk.path / "postgres") as server:
        if database is EmbeddedPostgres:
            _sync_folders(disk.path)
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE TABLE kept (id int)")
        for number in range(_NUMBER):
            await connection.execute("INSERT INTO kept VALUES ($1)", number)
        await connection.close()
        await disk.cut()
        kill_all([server.pid])
    await disk.restore()
    try:
        return await _rows(database(disk.path / "postgres"))
    except (StartFailed, asyncpg.PostgresError):
        return 0


async def _rows(server: EmbeddedPostgres) -> int:
    async with server:
        connection = await asyncpg.connect(server.url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM kept"))
        finally:
            await connection.close()


def _sync_folders(path: Path) -> None:
    """Make the folders durable that a server created when it was new, long before the power cut."""
    for folder, _, _ in os.walk(path):
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
