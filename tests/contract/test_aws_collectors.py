"""The collectors as Lambda runs them, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from functions.fb_collector.handler import handle
from functions.messages import AcceptedBatch
from runtime.aws.client import open_client
from runtime.aws.collecting import event_collector
from runtime.aws.sqs import QueueFunction
from runtime.bus.envelopes import encode
from runtime.bus.manifests import write_manifest
from tests.aws.invoking import AContext, a_record, closed, invoke
from tests.builders import a_facebook_event, a_part, an_envelope, raw
from tests.truth.payloads import stored_ids

NOTHING_LISTED: Final[dict[str, list[object]]] = {"batchItemFailures": []}


@pytest.fixture
async def collector(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[QueueFunction[AcceptedBatch]]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATABASE_TIMEOUT_SECONDS", "2")
    made = event_collector("fb-collector", "facebook", handle)
    async with closed(made):
        yield made


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def a_message(event_id: str, message_id: str = "1") -> dict[str, object]:
    part = a_part(raw(a_facebook_event(eventId=event_id)))
    headers = write_manifest(an_envelope(1))
    names = {name.replace("-", "_"): text for name, text in headers.items()}
    return a_record(encode("facebook", [part]), message_id, **names)


async def _cut_connections(database: asyncpg.Connection) -> None:
    """End the server's side of the function's connections, and wait until they are closed."""
    ended = await database.fetch(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'fb-collector'"
    )
    assert ended
    async with asyncio.timeout(10):
        while any(psutil.pid_exists(row["pid"]) for row in ended):
            await asyncio.sleep(0.02)


async def test_a_batch_is_stored_once_however_often_it_comes(
    collector: QueueFunction[AcceptedBatch], database: asyncpg.Connection
) -> None:
    batch = {"Records": [a_message("fb-1", "1"), a_message("fb-2", "2")]}

    assert await invoke(collector, batch) == NOTHING_LISTED
    assert await invoke(collector, batch) == NOTHING_LISTED

    assert await stored_ids(database.fetch) == ["fb-1", "fb-2"]
    [ledger] = await database.fetch("SELECT sum(counted) AS a, sum(stored) AS s FROM ledger")
    assert (ledger["a"], ledger["s"]) == (2, 2)


async def test_connections_that_were_cut_in_a_freeze_are_replaced_before_they_are_used(
    collector: QueueFunction[AcceptedBatch], database: asyncpg.Connection
) -> None:
    for number in range(3):
        batch = {"Records": [a_message(f"fb-{number}")]}
        assert await invoke(collector, batch) == NOTHING_LISTED
        await _cut_connections(database)

    assert await stored_ids(database.fetch) == ["fb-0", "fb-1", "fb-2"]


async def test_a_database_that_does_not_answer_gives_everything_back_in_time(
    collector: QueueFunction[AcceptedBatch], database: asyncpg.Connection
) -> None:
    batch = {"Records": [a_message("fb-1")]}
    blocked = database.transaction()
    await blocked.start()
    await database.execute("LOCK TABLE envelopes IN ACCESS EXCLUSIVE MODE")
    answer = await invoke(collector, batch, AContext(milliseconds=1_800))
    await blocked.rollback()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert await invoke(collector, batch) == NOTHING_LISTED
    assert await stored_ids(database.fetch) == ["fb-1"]


@pytest.mark.usefixtures("aws")
async def test_the_databases_url_comes_from_its_secret(
    database_url: str,
    database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = open_client("secretsmanager")
    made = secrets.create_secret(Name="database", SecretString=database_url)
    monkeypatch.setenv("DATABASE_SECRET_ARN", made["ARN"])
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    function = event_collector("fb-collector", "facebook", handle)
    async with closed(function):
        assert await invoke(function, {"Records": [a_message("fb-1")]}) == NOTHING_LISTED
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
    gone = event_collector("fb-collector", "facebook", handle)
    async with closed(gone):
        answer = await invoke(gone, {"Records": [a_message("fb-2")]})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert await stored_ids(database.fetch) == ["fb-1"]
