"""The collectors' loop in thousands of worlds where anything goes wrong between any two steps."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from nats.aio.msg import Msg

from functions.errors import Unavailable
from functions.messages import AcceptedBatch, DeadLetter
from runtime.bus.manifests import Headers
from runtime.bus.work import MessageHandler
from runtime.jetstream.consumer import Consumer
from runtime.telemetry.metrics import ConsumerMetrics
from tests.faults.simulation.schedule import UNREADABLE, Fault, Schedule, schedules
from tests.faults.simulation.world import Broken, play

_ALIKE = settings(
    max_examples=1000,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)


_OTHERS = settings(_ALIKE, max_examples=20_000, derandomize=False)


def test_nothing_is_lost_or_acknowledged_early_whatever_happens(
    request: pytest.FixtureRequest,
) -> None:
    @given(schedules())
    def nothing_breaks(schedule: Schedule) -> None:
        assert play(schedule) == Broken()

    (_OTHERS if request.config.getoption("faults") else _ALIKE)(nothing_breaks)()


class AcknowledgesFirst(Consumer[AcceptedBatch]):
    async def _process(self, messages: Sequence[Msg]) -> bool:
        for message in messages:
            await message.ack()
        await self._handle(messages, [])
        return True


class AcknowledgesFailures(Consumer[AcceptedBatch]):
    async def _nack(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            await message.ack()


class DropsUnreadable(Consumer[AcceptedBatch]):
    def __init__(
        self, work: MessageHandler[AcceptedBatch], metrics: ConsumerMetrics, **options: Any
    ) -> None:
        forgetful = MessageHandler(work.source, work.decode, work.handle, _forget)
        super().__init__(forgetful, metrics, **options)


class GivesUpOnUnavailable(Consumer[AcceptedBatch]):
    async def _handle(self, messages: Sequence[Msg], items: list[AcceptedBatch]) -> None:
        try:
            await super()._handle(messages, items)
        except Unavailable as error:
            raise RuntimeError from error

    async def _isolate(self, messages: Sequence[Msg]) -> bool:
        for message in messages:
            await self._dead_letter(message, "gave up")
            await message.ack()
        return True


class OpensWhatIsDeadly(Consumer[AcceptedBatch]):
    async def _process_alone(self, message: Msg) -> bool:
        return await self._process([message])


class BuriesByDeliveries(Consumer[AcceptedBatch]):
    def _is_suspicious(self, message: Msg) -> bool:
        return (message.metadata.num_delivered or 1) >= _DELIVERIES

    async def _process_alone(self, message: Msg) -> bool:
        return await self._set_aside(message, "it came too often")


_DELIVERIES = 4


async def _forget(_letter: DeadLetter, _headers: Headers) -> None:
    pass


@pytest.mark.parametrize(
    "mutant",
    [
        AcknowledgesFirst,
        AcknowledgesFailures,
        DropsUnreadable,
        GivesUpOnUnavailable,
        OpensWhatIsDeadly,
        BuriesByDeliveries,
    ],
)
def test_the_simulation_finds_a_loop_that_is_wrong(mutant: type[Consumer[AcceptedBatch]]) -> None:
    only_search = settings(_ALIKE, phases=(Phase.generate,))

    schedule = find(schedules(), lambda each: play(each, mutant) != Broken(), settings=only_search)

    assert play(schedule) == Broken()


def test_the_same_schedule_is_always_the_same_world() -> None:
    faults = [Fault("settle", 0, "slow"), Fault("ack", 1, "killed after"), Fault("nak", 0, "lost")]
    schedule = Schedule([("good", "poison"), ("good",), UNREADABLE, ("refused",)], faults, seed=7)

    once, again = (play(schedule, AcknowledgesFailures) for _ in range(2))

    assert once == again != Broken()
