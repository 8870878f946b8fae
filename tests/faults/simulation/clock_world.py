"""Run a story to its end, and return what the ledger has missed or reported wrongly."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import structlog
from prometheus_client import CollectorRegistry

from functions.messages import Backlog
from runtime.bus.settling import Settling
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.connection import Broker
from runtime.telemetry.metrics import ConsumerMetrics
from tests.doubles.fakes_ledger import FakeLedger
from tests.durables import DEAD_LETTER_COLLECTOR, FB_COLLECTOR
from tests.faults.simulation import clock
from tests.faults.simulation.clocks import Wall
from tests.faults.simulation.collector import SimulatedCollector
from tests.faults.simulation.gateway import Connection, LossyBroker, SimulatedGateway
from tests.faults.simulation.schedule import Chance
from tests.faults.simulation.story import (
    GATEWAYS,
    Jump,
    Kill,
    Pause,
    Publish,
    Step,
    Story,
    Wait,
)

_COLLECTORS: Final = 2
_DAY_SECONDS: Final = 86_400.0
_LIMIT_SECONDS: Final = 600.0
_METRICS: Final = ConsumerMetrics(CollectorRegistry(), "watch")


@dataclass
class Unseen:
    """The violations.

    Attributes:
        imbalance: Events missing in the ledger at the end, minus those that the broker lost.
        false_alarms: Events that it reported missing earlier, beyond those lost until then.
        told_by_nobody: Events of lost messages that no other announces.
        broken_promises: Events that are neither stored nor in a lost message.
        unsettled: Messages that were not lost and that the ledger does not know.
    """

    imbalance: int = 0
    false_alarms: list[int] = field(default_factory=list)
    told_by_nobody: int = 0
    broken_promises: list[bytes] = field(default_factory=list)
    unsettled: list[bytes] = field(default_factory=list)


def play(story: Story, kind: type[FakeLedger] = FakeLedger) -> Unseen:
    """Let two gateways publish to two collectors, each machine by its own clock."""
    with structlog.testing.capture_logs():
        return clock.run(_World(story, kind).play())


class _World:
    def __init__(self, story: Story, kind: type[FakeLedger]) -> None:
        self._story = story
        self._kind = kind
        self._walls = {machine: Wall(days) for machine, days in story.days.items()}
        self._unseen = Unseen()

    async def play(self) -> Unseen:
        chance = Chance(self._story.schedule)
        self._broker = LossyBroker(self._story, chance, self._walls["broker"])
        self._database = self._kind(now=self._walls["database"].now)
        rejects = self._story.schedule.rejected
        self._gateways = [
            SimulatedGateway(self._broker, self._walls[cast("Any", number)], rejects)
            for number in range(GATEWAYS)
        ]
        self._start_collectors()
        for step in self._story.steps:
            await self._take(step)
        for gateway in self._gateways:
            await gateway.stop()
        await self._until_settled()
        await self._stop_collectors()
        self._unseen.imbalance = await self._look() - self._lost_and_told()
        self._check_end()
        return self._unseen

    async def _take(self, step: Step) -> None:
        match step:
            case Publish(gateway, requests):
                for events in requests:
                    self._gateways[gateway].take(events)
                await asyncio.sleep(self._broker.chance.seconds(1.0))
            case Jump(machine, days):
                self._walls[machine].jump(days)
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Pause(days):
                await self._pause(days)
            case Kill(gateway):
                await self._gateways[gateway].kill()

    async def _pause(self, days: float) -> None:
        for gateway in self._gateways:
            await gateway.settle()
        await self._stop_collectors()
        await asyncio.gather(*(it.freeze(days * _DAY_SECONDS) for it in self._gateways))
        self._start_collectors()

    def _start_collectors(self) -> None:
        self._stop = asyncio.Event()
        collectors = [
            SimulatedCollector(
                self._broker, self._database, Counter(), lambda _sequence: None, Settling
            )
            for _ in range(_COLLECTORS)
        ]
        self._running = [
            *(asyncio.create_task(collector.run(self._stop)) for collector in collectors),
            *(asyncio.create_task(self._watch(self._stop)) for _ in collectors),
        ]

    async def _stop_collectors(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._running)

    async def _watch(self, stop: asyncio.Event) -> None:
        async def note(backlog: Backlog) -> None:
            missed = await self._note(backlog)
            if missed > self._lost():
                self._unseen.false_alarms.append(missed - self._lost())

        await self._backlogs(note, stop)

    async def _look(self) -> int:
        """Measure once, and return the number of missing events."""
        stop, found = asyncio.Event(), list[int]()

        async def note(backlog: Backlog) -> None:
            found.append(await self._note(backlog))
            stop.set()

        await self._backlogs(note, stop)
        return found[0]

    async def _backlogs(self, note: Any, stop: asyncio.Event) -> None:
        durable = DEAD_LETTER_COLLECTOR if self._story.schedule.rejected else FB_COLLECTOR
        connection = cast("Broker", Connection(self._broker))
        await watch_backlog(connection, durable, _METRICS, note, stop)

    async def _note(self, backlog: Backlog) -> int:
        source = None if self._story.schedule.rejected else "facebook"
        return await self._database.note(cast("Any", source), backlog)

    async def _until_settled(self) -> None:
        now = asyncio.get_running_loop().time
        limit = now() + _LIMIT_SECONDS
        while self._broker.waiting and now() < limit:
            await asyncio.sleep(1.0)

    def _lost(self) -> int:
        """Count the events of messages that are lost and were never settled."""
        return sum(it.envelope.events for it in self._lost_messages())

    def _lost_and_told(self) -> int:
        told = self._told()
        return sum(it.envelope.events for it in self._lost_messages() if it.envelope.id in told)

    def _lost_messages(self) -> list[Any]:
        return [
            it
            for it in self._broker.kept.values()
            if it.is_lost and it.envelope.id not in self._database.ledger
        ]

    def _told(self) -> set[bytes]:
        """Name the envelopes announced by the messages that the broker kept."""
        return {
            told.id
            for it in self._broker.kept.values()
            if not it.is_lost
            for told in it.envelope.announced
        }

    def _check_end(self) -> None:
        unseen, kept = self._unseen, self._broker.kept.values()
        if not any(gateway.was_killed for gateway in self._gateways):
            unseen.told_by_nobody = self._lost() - self._lost_and_told()
        unseen.unsettled += [
            it.envelope.id
            for it in kept
            if not it.is_lost and it.envelope.id not in self._database.ledger
        ]
        lost = b"".join(it.data for it in kept if it.is_lost)
        letters = {letter.payload for letter in self._database.letters.values()}
        unseen.broken_promises += [
            it.key
            for gateway in self._gateways
            for it in gateway.promised
            if it.key not in self._database.rows and it.data not in letters and it.data not in lost
        ]
