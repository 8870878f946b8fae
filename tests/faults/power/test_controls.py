"""A power cut that loses nothing of a careless system would prove nothing."""

import signal
from collections.abc import AsyncIterator

import pytest

from runtime.local.embedded.readiness import StartFailed
from tests.faults.fault import World
from tests.faults.ledger import balance
from tests.faults.power.careless import CARELESS
from tests.faults.power.cuts import COLLECTORS
from tests.faults.power.disk import forgetful_disk
from tests.faults.power.system import PoweredSystem


@pytest.fixture(params=CARELESS)
async def system(request: pytest.FixtureRequest) -> AsyncIterator[PoweredSystem]:
    if not request.config.getoption("faults"):
        pytest.skip("only with --faults: test_servers.py finds each server alone")
    async with forgetful_disk() as disk:
        powered = PoweredSystem(disk, **CARELESS[request.param])
        async with powered.up():
            yield powered


async def test_a_power_cut_loses_the_promises_of_a_careless_server(
    world: World, system: PoweredSystem
) -> None:
    async with world.sender.sending():
        await world.sender.accepted(10)
    await balance(system, world.sender)
    for name in COLLECTORS:
        system.signal(name, signal.SIGSTOP)
    async with world.sender.sending():
        await world.sender.accepted(10)

    await system.cut_power()

    assert await _lost(world, system) > 0


async def _lost(world: World, system: PoweredSystem) -> int:
    """Count the lost events: all if a server does not even start any more."""
    try:
        await system.restore_power()
    except StartFailed:
        return len(world.sender.acknowledged)
    return len((await balance(system, world.sender)).lost)
