"""A message that really ends every process that opens it, in two replicas, on real servers."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg

from runtime.jetstream.bus import JetStreamBus
from runtime.jetstream.connection import Broker
from tests.builders import a_facebook_event, a_part, raw
from tests.contract.broker import a_broker, waiting
from tests.durables import FB_COLLECTOR
from tests.truth.payloads import stored_ids
from tests.truth.recomputation import ledger_imbalances

_REPLICAS = 2
_PATIENCE_SECONDS = 150.0
_POLL_SECONDS = 0.1
_ALL_DEATHS = 5
"""Two among others, three alone."""


class Replica:
    """A collector's process, restarted whenever it ends.

    Attributes:
        deaths: How often it was killed.
    """

    def __init__(self, nats_url: str, database_url: str) -> None:
        self._environment = os.environ | {
            "NATS_URL": nats_url,
            "DATABASE_URL": database_url,
            "PORT": "0",
            "HOST": "127.0.0.1",
        }
        self.deaths = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep it running while the context is open."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _keep(self) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.faults.deadly_collector",
                env=self._environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                self.deaths += await process.wait() == -signal.SIGKILL
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()


async def test_a_deadly_message_ends_five_processes_and_no_innocent_suffers(
    nats_url: str, database_url: str
) -> None:
    replicas = [Replica(nats_url, database_url) for _ in range(_REPLICAS)]
    connection = await asyncpg.connect(database_url)
    async with a_broker(nats_url) as broker:
        bus = JetStreamBus(broker, 5)
        for number in range(20):
            await publish(bus, f"good-{number}")
        await publish(bus, "deadly-1", "beside-it")
        for number in range(20, 40):
            await publish(bus, f"good-{number}")

        async with replicas[0].running(), replicas[1].running():
            await until(partial(is_drained, broker))
            await publish(bus, "after")
            await until(partial(is_drained, broker))

    stored = set(await stored_ids(connection.fetch))
    (letter,) = await connection.fetch("SELECT * FROM dead_letters")
    entry = await connection.fetchrow(
        "SELECT sum(counted) AS counted, sum(stored) AS stored, sum(dead) AS dead FROM ledger"
    )
    marks = await connection.fetchval("SELECT count(*) FROM attempts")
    imbalances = await ledger_imbalances(connection.fetch)
    await connection.close()
    assert stored == {"after", *(f"good-{number}" for number in range(40))}
    assert (letter["reason"], b"deadly-1" in letter["payload"]) == ("unreadable", True)
    assert "3 processes ended" in letter["message"]
    assert sum(replica.deaths for replica in replicas) == _ALL_DEATHS
    assert entry is not None
    assert (entry["counted"], entry["stored"], entry["dead"]) == (43, 41, 2)
    assert (marks, imbalances) == (0, [])


async def publish(bus: JetStreamBus, *event_ids: str) -> None:
    events = [raw(a_facebook_event(eventId=event_id)) for event_id in event_ids]
    await bus.publish("facebook", a_part(*events, accepted_at=datetime.now(UTC)))


async def is_drained(broker: Broker) -> bool:
    with suppress(Exception):  # its consumer is created by the first replica
        return await waiting(broker, FB_COLLECTOR) == 0
    return False


async def until(condition: Any) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await condition():
            await asyncio.sleep(_POLL_SECONDS)
