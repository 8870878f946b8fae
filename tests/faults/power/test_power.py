"""Power is cut for the whole system at once, at random moments and at known ones."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.fault import Fault, World
from tests.faults.phases import PHASES
from tests.faults.power import cuts
from tests.faults.power.disk import forgetful_disk
from tests.faults.power.system import PoweredSystem
from tests.faults.table import Table
from tests.faults.trial import survived

FAULTS = [
    Fault("power cut", cuts.at_random),
    Fault("power cut while much waits", cuts.while_much_waits, is_short=True),
    Fault("power cut, unsynced writes torn", cuts.torn),
    *(
        Fault(f"power cut: {function} {phase.name}", cuts.held_at(function, phase))
        for function in ("gateway", "fb-collector", "dead-letters")
        for phase in PHASES[function]
    ),
]


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[PoweredSystem]:
    async with forgetful_disk() as disk:
        powered = PoweredSystem(disk)
        async with powered.up():
            yield powered


async def test_nothing_promised_is_lost_or_doubled_by_a_power_cut(
    fault: Fault, turn: int, world: World, table: Table
) -> None:
    assert turn  # repeated at other moments
    assert (await survived(fault, world, table)).wrongs == []
