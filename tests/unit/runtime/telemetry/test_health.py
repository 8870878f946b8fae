import asyncio

import pytest

from functions.errors import Unavailable
from runtime.telemetry.health import Health


async def fine() -> None:
    pass


async def away() -> None:
    raise Unavailable("away")


async def silent() -> None:
    await asyncio.Event().wait()


async def test_a_function_is_ready_when_all_that_it_uses_answers() -> None:
    assert await Health({"nats": fine, "postgres": fine}).readiness() == (
        True,
        {"nats": "ok", "postgres": "ok"},
    )


@pytest.mark.parametrize("check", [away, silent])
async def test_it_is_not_when_one_does_not_and_says_which(check: object) -> None:
    health = Health({"nats": fine, "postgres": check})  # type: ignore[dict-item]
    started = asyncio.get_running_loop().time()

    found = await health.readiness()

    assert found == (False, {"nats": "ok", "postgres": "unavailable"})
    assert asyncio.get_running_loop().time() - started < 5


async def test_several_that_are_silent_are_waited_for_at_once() -> None:
    found = await asyncio.wait_for(
        Health({str(number): silent for number in range(20)}).readiness(), timeout=10
    )

    assert found == (False, {str(number): "unavailable" for number in range(20)})


async def test_it_asks_anew_each_time() -> None:
    answers = [away, fine]

    async def next_answer() -> None:
        await answers.pop(0)()

    health = Health({"nats": next_answer})

    assert [(await health.readiness())[0] for _ in range(2)] == [False, True]


async def test_it_is_not_ready_from_the_moment_it_stops() -> None:
    health = Health({"nats": fine})
    health.stopping = True

    assert await health.readiness() == (False, {"nats": "ok"})


async def test_a_function_that_uses_nothing_is_ready() -> None:
    assert await Health().readiness() == (True, {})
