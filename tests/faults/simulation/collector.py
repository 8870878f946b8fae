"""A collector's process: the real loops on a simulated connection and store, restarted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.fb_collector.handler import handle
from functions.ports import Lot, Stored
from functions.rows import EventRow
from runtime.collector import dead_letter_work, event_work
from runtime.jetstream.consumer import Consumer
from runtime.jetstream.pull import Pull
from runtime.jetstream.streams import FB_COLLECTOR
from runtime.metrics import ConsumerMetrics, EventMetrics
from tests.fakes import FakeEventStore
from tests.faults.simulation.broker import ACK_WAIT_SECONDS, SimulatedBroker, SimulatedClient
from tests.faults.simulation.schedule import Chance, Place

_LOOPS = 2
_COMMIT_SECONDS = 0.5
_RESTART_SECONDS = 3.0
_METRICS = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
_EVENTS = EventMetrics(CollectorRegistry(), FB_COLLECTOR.name)

Die = Callable[[], Awaitable[None]]
Answer = TypeVar("Answer")


class SimulatedStore:
    """One process's way to the database that all share.

    Args:
        database: Where rows and letters are.
        chance: What goes wrong.
        die: Ends the process that calls.
    """

    def __init__(self, database: FakeEventStore, chance: Chance, die: Die) -> None:
        self._database = database
        self._chance = chance
        self._die = die

    async def settle(self, lots: Sequence[Lot]) -> Stored:
        return await self._transact("settle", partial(self._database.settle, lots))

    async def store(self, rows: Sequence[EventRow]) -> Stored:
        return await self.settle([Lot(None, rows)])

    async def keep(self, lots: Sequence[Lot]) -> Stored:
        return await self._transact("settle", partial(self._database.keep, lots))

    async def probe(self, rows: Sequence[EventRow]) -> None:
        await self._transact("probe", partial(self._database.probe, rows))

    async def _transact(self, place: Place, do: Callable[[], Awaitable[Answer]]) -> Answer:
        what = self._chance.at(place)
        await asyncio.sleep(self._chance.seconds(_COMMIT_SECONDS))
        if what == "slow":
            await asyncio.sleep(2 * ACK_WAIT_SECONDS)
        if what == "killed before":
            await self._die()
        if what == "away":
            raise Unavailable("away")
        if what == "crashes":
            raise ZeroDivisionError
        answer = await do()
        if what == "killed after":
            await self._die()
        if what == "answer lost":
            raise Unavailable("answer lost")
        return answer


class SimulatedCollector:
    """Runs a collector until it is stopped."""

    def __init__(
        self,
        broker: SimulatedBroker,
        database: FakeEventStore,
        on_ack: Callable[[int], None],
        kind: type[Consumer[Any]],
    ) -> None:
        self._broker = broker
        self._database = database
        self._on_ack = on_ack
        self._kind = kind

    async def run(self, stop: asyncio.Event) -> None:
        """Live and die until told to stop."""
        while not stop.is_set():
            await self._live(stop)
            await asyncio.sleep(self._broker.chance.seconds(_RESTART_SECONDS))

    async def _live(self, stop: asyncio.Event) -> None:
        """Run the loops until they have stopped, one has failed, or all are killed."""
        killed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def die() -> None:
            client.is_alive = False
            if not killed.done():
                killed.set_result(None)
            await asyncio.Event().wait()

        client = SimulatedClient(self._broker, die, self._on_ack)
        consumer = self._consumer(SimulatedStore(self._database, self._broker.chance, die))
        loops = [asyncio.create_task(_consume(consumer, client, stop)) for _ in range(_LOOPS)]
        ended = asyncio.create_task(asyncio.wait(loops, return_when=asyncio.FIRST_EXCEPTION))
        await asyncio.wait((ended, killed), return_when=asyncio.FIRST_COMPLETED)
        await client.close()
        for task in (ended, *loops):
            task.cancel()
        await asyncio.gather(ended, *loops, return_exceptions=True)

    def _consumer(self, store: SimulatedStore) -> Consumer[Any]:
        if self._broker.chance.schedule.rejected:
            return self._kind(dead_letter_work(store, _METRICS), _METRICS)
        collect = partial(handle, store=store)
        return self._kind(event_work("facebook", collect, store, _METRICS, _EVENTS), _METRICS)


def _consume(consumer: Consumer[Any], client: Any, stop: asyncio.Event) -> Any:
    pull = Pull(cast("Client", client), FB_COLLECTOR, max_messages=3, max_bytes=2**20)
    return consumer.run(pull, stop)
