"""A balance that notices nothing proves nothing."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.whole_system import WholeSystem
from tests.faults.fault import World
from tests.faults.ledger import Balance, balance
from tests.faults.trial import Outcome

_COPY_ONE = """
    CREATE TEMPORARY TABLE one AS SELECT * FROM events LIMIT 1;
    UPDATE one SET id = gen_random_uuid();
    INSERT INTO events SELECT * FROM one
"""
_TELL_OF_ONE_THAT_NEVER_COMES = """
    INSERT INTO announced_envelopes (id, minute, instance, events, sequence, rejected)
    VALUES (gen_random_uuid(), now(), gen_random_uuid(), 1, 1, true)
"""


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[WholeSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-ledger-") as folder:
        running = WholeSystem(Path(folder) / "data")
        await running.start()
        yield running
        assert await running.stop() == 0


async def test_the_books_show_what_is_missing_and_what_is_there_twice(world: World) -> None:
    async with world.sender.sending():
        await world.sender.accepted(5)
    before = await balance(world.system, world.sender)

    await world.system.execute(_TELL_OF_ONE_THAT_NEVER_COMES)
    missed = await balance(world.system, world.sender)
    await world.system.execute(_COPY_ONE)
    twice = await balance(world.system, world.sender)
    await world.system.execute(
        "DELETE FROM events WHERE (block, position) IN (SELECT min(block), 0 FROM events)"
    )
    fewer = await balance(world.system, world.sender)

    assert not (before.lost | before.doubled | before.differences)
    assert missed.differences == {"ledger"}
    assert len(twice.doubled) == 1
    assert {"event_rollups", "ledger"} <= twice.differences
    assert len(fewer.lost) == 1


def test_an_outcome_names_all_that_must_not_be() -> None:
    nothing: frozenset[str] = frozenset()
    fine = Balance(10, 10, 0, lost=nothing, doubled=nothing, differences=nothing)
    bad = Balance(10, 10, 0, frozenset({"a"}), frozenset({"b"}), frozenset({"ledger"}))

    well = Outcome(fine, {"gateway": 80}, frozenset({0, 202, 503}))
    ill = Outcome(bad, {"gateway": 8_000}, frozenset({202, 500}))

    assert well.wrongs == []
    assert ill.wrongs == [
        "lost: 1, ['a']",
        "doubled: 1, ['b']",
        "differences: 1, ['ledger']",
        "gateway took 8000 MB",
        "answers: [500]",
    ]
