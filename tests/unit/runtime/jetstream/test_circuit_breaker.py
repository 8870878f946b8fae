import asyncio

import pytest

from functions.errors import Unavailable
from runtime.jetstream.circuit_breaker import CircuitBreaker

_LONG = 1000.0
_SHORT = 0.01


class Broker:
    """Answers probes, or does not, and counts them."""

    def __init__(self) -> None:
        self.answers = False
        self.probes = 0

    async def probe(self) -> None:
        self.probes += 1
        await asyncio.sleep(0)
        if not self.answers:
            raise Unavailable("silent")


async def _opened(broker: Broker) -> CircuitBreaker:
    breaker = CircuitBreaker(broker.probe, _SHORT)
    breaker.asked()
    while breaker.left_seconds() > 0:
        await asyncio.sleep(_SHORT)
    return breaker


async def test_a_broker_that_was_not_asked_is_not_silent() -> None:
    broker = Broker()
    breaker = CircuitBreaker(broker.probe, _LONG)

    await breaker.admit()

    assert broker.probes == 0
    assert breaker.left_seconds() == _LONG


async def test_what_is_asked_while_it_is_silent_shares_the_time_of_the_first() -> None:
    breaker = CircuitBreaker(Broker().probe, _LONG)
    breaker.asked()
    await asyncio.sleep(_SHORT)
    left = breaker.left_seconds()
    breaker.asked()

    assert breaker.left_seconds() <= left < _LONG


async def test_an_answer_gives_all_the_time_again() -> None:
    breaker = CircuitBreaker(Broker().probe, _LONG)
    breaker.asked()
    await asyncio.sleep(_SHORT)
    breaker.answered()

    assert breaker.left_seconds() == _LONG


async def test_when_it_is_open_one_asks_for_all() -> None:
    broker = Broker()
    breaker = await _opened(broker)

    outcomes = await asyncio.gather(*(breaker.admit() for _ in range(100)), return_exceptions=True)

    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert broker.probes == 1


async def test_when_the_probe_is_answered_all_are_let_through() -> None:
    broker = Broker()
    breaker = await _opened(broker)
    broker.answers = True

    await asyncio.gather(*(breaker.admit() for _ in range(100)))

    assert broker.probes == 1
    assert breaker.left_seconds() > 0


async def test_a_refusal_is_not_for_ever() -> None:
    broker = Broker()
    breaker = await _opened(broker)
    with pytest.raises(Unavailable):
        await breaker.admit()
    broker.answers = True

    async with asyncio.timeout(10):
        while breaker.left_seconds() <= 0:
            await asyncio.gather(breaker.admit(), return_exceptions=True)
            await asyncio.sleep(_SHORT)
