"""For any shape: nothing dies, no function exceeds its memory, and the ledger balances."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from runtime.settings import GatewaySettings
from tests.faults.fault import World
from tests.faults.limits.drawn import Drawn, drawn_shapes
from tests.faults.limits.system import LimitedSystem
from tests.faults.limits.table import ShapeTable
from tests.faults.limits.trial import posted
from tests.shapes import SHAPES

_LIMIT = int(GatewaySettings.model_fields["body_size_limit"].default)

_FEW = ("event of empty objects", "valid event of numbers", "events just below the limit")
_EXAMPLES, _MANY_EXAMPLES = 2, 30


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[LimitedSystem]:
    with tempfile.TemporaryDirectory(prefix="eps-limits-") as folder:
        limited = LimitedSystem(Path(folder))
        async with limited.up():
            yield limited


def _as_large_as_may_be(make: Callable[[int], bytes]) -> bytes:
    """Make a body that the gateway accepts; a shape may be an element larger than requested."""
    size = _LIMIT
    while len(body := make(size)) > _LIMIT:
        size -= len(body) - _LIMIT
    return body


@pytest.mark.parametrize("name", SHAPES)
async def test_a_body_of_any_shape_kills_nothing(
    name: str, world: World, system: LimitedSystem, shape_table: ShapeTable
) -> None:
    if not world.is_full and name not in _FEW:
        pytest.skip("only with --faults")
    shape = SHAPES[name]
    body = await asyncio.to_thread(_as_large_as_may_be, shape.make)

    outcome = await posted(world, system, body, shape.media_type)

    shape_table.add(name, outcome)
    assert outcome.wrongs == []


async def test_a_drawn_body_kills_nothing(
    world: World, system: LimitedSystem, shape_table: ShapeTable
) -> None:
    @settings(
        max_examples=_MANY_EXAMPLES if world.is_full else _EXAMPLES,
        derandomize=not world.is_full,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn_shapes())
    def draw(shape: Drawn) -> None:
        drawn.append(shape)

    drawn: list[Drawn] = []
    draw()
    for shape in drawn:
        body = await asyncio.to_thread(_as_large_as_may_be, shape.make)
        outcome = await posted(world, system, body, shape.media_type)
        shape_table.add(f"{shape.way}: `{shape.piece[:40]!r}`", outcome)
        assert outcome.wrongs == [], shape
