"""The collectors' loop in thousands of worlds with faults between any two steps."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from functions.errors import Unavailable
from functions.messages import AcceptedBatch
from runtime.bus.settling import Settling
from runtime.bus.work import Attempts
from runtime.jetstream.consumer import StreamMessage
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


Policy = Settling[StreamMessage, AcceptedBatch]


class AcknowledgesFirst(Policy):
    async def _settle(self, messages: Sequence[StreamMessage]) -> bool:
        for message in messages:
            await self._ack(message)
        await self._handle(messages, [])
        return True


class AcknowledgesFailures(Policy):
    async def _return(self, messages: Sequence[StreamMessage]) -> None:
        for message in messages:
            await self._ack(message)


class DropsUnreadable(Policy):
    async def _dead_letter(self, message: StreamMessage, why: str) -> None:
        pass


class GivesUpOnUnavailable(Policy):
    async def _handle(self, messages: Sequence[StreamMessage], items: list[AcceptedBatch]) -> None:
        try:
            await super()._handle(messages, items)
        except Unavailable as error:
            raise RuntimeError from error

    async def _isolate(self, messages: Sequence[StreamMessage]) -> bool:
        for message in messages:
            await self._dead_letter(message, "gave up")
            await self._ack(message)
        return True


class OpensWhatIsDeadly(Policy):
    async def _settle_alone(self, message: StreamMessage, _attempts: Attempts) -> bool:
        return await self._settle([message])


class BuriesByDeliveries(Policy):
    def _is_suspicious(self, message: StreamMessage) -> bool:
        return message.times >= _DELIVERIES

    async def _settle_alone(self, message: StreamMessage, _attempts: Attempts) -> bool:
        return await self._set_aside(message, "it came too often")


_DELIVERIES = 4


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
def test_the_simulation_finds_a_loop_that_is_wrong(mutant: type[Policy]) -> None:
    only_search = settings(_ALIKE, phases=(Phase.generate,))

    schedule = find(schedules(), lambda each: play(each, mutant) != Broken(), settings=only_search)

    assert play(schedule) == Broken()


def test_the_same_schedule_is_always_the_same_world() -> None:
    faults = [Fault("settle", 0, "slow"), Fault("ack", 1, "killed after"), Fault("nak", 0, "lost")]
    schedule = Schedule([("good", "poison"), ("good",), UNREADABLE, ("refused",)], faults, seed=7)

    once, again = (play(schedule, AcknowledgesFailures) for _ in range(2))

    assert once == again != Broken()
