import math
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import structlog
from prometheus_client import CollectorRegistry

from runtime.telemetry.clocks import ServerClock, clock_facts
from runtime.telemetry.metrics import ClockMetrics
from tests.builders import NOON


def an_own_clock(*seconds: float) -> Callable[[], datetime]:
    """Report noon and so many seconds, each time the next."""
    moments = iter([NOON + timedelta(seconds=each) for each in seconds])
    return lambda: next(moments)


def differing(*seconds: float) -> ServerClock:
    """A clock with these differences, one after the other."""
    clock = ServerClock("broker", lambda: NOON)
    for each in seconds:
        clock.told(NOON + timedelta(seconds=each), clock.asked())
    return clock


def test_a_server_s_clock_is_compared_with_the_middle_of_the_question() -> None:
    clock = ServerClock("broker", an_own_clock(10, 12))
    before = clock.seconds_ahead

    asked_at = clock.asked()
    clock.told(NOON + timedelta(seconds=8.5), asked_at)

    assert (before, clock.seconds_ahead) == (None, -2.5)


@pytest.mark.parametrize("sign", [-1, 1])
def test_too_much_is_said_once_and_so_is_that_it_is_over(sign: int) -> None:
    with structlog.testing.capture_logs() as logged:
        differing(*(sign * seconds for seconds in (0, 59, 61, 600_000, 5, 0)))

    assert [(line["log_level"], line["seconds_ahead"]) for line in logged] == [
        ("warning", sign * 61.0),
        ("info", sign * 5.0),
    ]


def test_readiness_and_metrics_say_it_when_it_is_known() -> None:
    registry, told, untold = CollectorRegistry(), differing(-61.5), ServerClock("database")
    ClockMetrics(registry, "gateway", told, untold)

    shown = [
        registry.get_sample_value(
            "clock_difference_seconds", {"service": "gateway", "server": server}
        )
        for server in ("broker", "database")
    ]

    assert {name: fact() for name, fact in clock_facts(told, untold).items()} == {
        "brokerClockSeconds": -61.5,
        "databaseClockSeconds": None,
    }
    assert shown[0] == -61.5
    assert math.isnan(shown[1] or 0.0)
