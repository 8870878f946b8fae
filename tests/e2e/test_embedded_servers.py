import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import psutil  # type: ignore[import-untyped]
import pytest

from runtime.local.embedded.data_folder import Locked
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.server import EmbeddedServer


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="eps-servers-") as folder:
        yield Path(folder)


async def execute(server: EmbeddedPostgres, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def publish(server: EmbeddedNats, payload: bytes) -> int:
    client = await nats.connect(server.url)
    try:
        await client.jetstream().add_stream(name="TEST", subjects=["test"])
        return (await client.jetstream().publish("test", payload)).seq
    finally:
        await client.close()


def kill(server: EmbeddedServer) -> None:
    process = psutil.Process(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    process.wait(5)


async def test_the_database_keeps_unicode_and_orders_by_code_point(
    postgres_server: EmbeddedPostgres,
) -> None:
    rows = await execute(postgres_server, "SELECT unnest(ARRAY['ä', 'Z', 'a']) AS x ORDER BY x")

    assert [row["x"] for row in rows] == ["Z", "a", "ä"]


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_a_commit_means_disk(setting: str, postgres_server: EmbeddedPostgres) -> None:
    rows = await execute(postgres_server, f"SHOW {setting}")

    assert rows[0][setting] == "on"


async def test_the_database_asks_for_a_password(postgres_server: EmbeddedPostgres) -> None:
    wrong = postgres_server.url.replace(":postgres@", ":guessed@")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_data_are_there_after_a_second_start(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir / "p") as first, EmbeddedNats(data_dir / "n") as broker:
        await execute(first, "CREATE TABLE kept AS SELECT 7 AS x")
        assert await publish(broker, b"x") == 1

    async with EmbeddedPostgres(data_dir / "p") as second, EmbeddedNats(data_dir / "n") as broker:
        assert [row["x"] for row in await execute(second, "SELECT x FROM kept")] == [7]
        assert await publish(broker, b"x") == 2


ODD_NAMES = [
    "my dir, it's [1] {b}",
    "дані; (два) + три = ½",
    "123",
    "true",
    'quo"te',
    "back\\slash",
    "$HOME `id` %41",
    "#a",
    "tab\tin it",
]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_any_folder_may_be_the_data_s(name: str, data_dir: Path) -> None:
    folder = data_dir / name
    async with EmbeddedPostgres(folder / "p") as database, EmbeddedNats(folder / "n") as broker:
        await execute(database, "SELECT 1")
        await publish(broker, b"x")

    assert os.listdir(data_dir) == [name]  # noqa: PTH208
    assert (folder / "n" / "jetstream").is_dir()


async def test_data_are_there_after_sigkill(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir / "p") as first, EmbeddedNats(data_dir / "n") as broker:
        await execute(first, "CREATE TABLE kept AS SELECT 7 AS x")
        await publish(broker, b"x")
        kill(broker)
        kill(first)

    assert (data_dir / "p" / "cluster" / "postmaster.pid").exists()
    async with EmbeddedPostgres(data_dir / "p") as second, EmbeddedNats(data_dir / "n") as broker:
        assert [row["x"] for row in await execute(second, "SELECT x FROM kept")] == [7]
        assert await publish(broker, b"x") == 2


async def test_a_pid_file_that_names_another_program_prevents_no_start(
    postgres_server: EmbeddedPostgres, data_dir: Path
) -> None:
    async with EmbeddedPostgres(data_dir):
        pass
    pid_file = data_dir / "cluster" / "postmaster.pid"
    pid_file.write_text(f"{postgres_server.pid}\n{data_dir}\n")

    async with EmbeddedPostgres(data_dir) as server:
        assert await execute(server, "SELECT 1")


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedNats])
async def test_a_data_folder_has_one_owner(
    kind: type[EmbeddedPostgres | EmbeddedNats], data_dir: Path
) -> None:
    async with kind(data_dir):
        with pytest.raises(Locked, match="in use by another process"):
            async with kind(data_dir):
                pass


async def test_a_password_that_differs_from_the_datas_is_reported(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, password="first @/%"):
        pass

    with pytest.raises(StartFailed, match="has a different password for postgres"):
        async with EmbeddedPostgres(data_dir, password="second"):
            pass


@pytest.mark.parametrize("killed", [False, True])
async def test_a_password_gives_way_to_another_before_anybody_can_connect(
    *, killed: bool, data_dir: Path
) -> None:
    async with EmbeddedPostgres(data_dir) as first:
        await execute(first, "CREATE TABLE kept AS SELECT 7 AS x")
        if killed:
            kill(first)

    second = EmbeddedPostgres(data_dir, password='it\'s \\ "1" $x', change_password=True)
    async with second:
        assert [row["x"] for row in await execute(second, "SELECT x FROM kept")] == [7]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(second.url_for("postgres", "postgres"))


async def test_a_start_that_fails_shows_the_server_s_last_words(
    nats_server: EmbeddedNats, data_dir: Path
) -> None:
    with pytest.raises(StartFailed, match="address already in use"):
        async with EmbeddedNats(data_dir, port=nats_server.port):
            pass


async def test_the_largest_message_is_taken(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    await client.jetstream().add_stream(name="TEST", subjects=["test"])

    largest = b"x" * (client.max_payload - 1024)  # room for headers
    taken = await client.jetstream().publish("test", largest, timeout=20)

    assert taken.seq == 1
    await client.close()


async def test_the_fixture_s_streams_are_gone_after_each_test(nats_url: str) -> None:
    client = await nats.connect(nats_url)

    assert await client.jetstream().streams_info() == []
    await client.close()


async def test_each_test_has_a_migrated_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    assert await connection.fetchval("SELECT count(*) FROM schema_migrations") > 0
    await connection.close()
