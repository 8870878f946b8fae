"""Measure cold starts; ``./test.sh tests/aws/cold_starts.py -s`` prints the times.

A run of all tests leaves it out: it measures, and takes a quiet machine.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest

from tests.aws.invoking import a_request
from tests.aws.runtime_api import Function
from tests.aws.system import on_lambda
from tests.builders import a_facebook_event

_STARTS: Final = 7

_REQUESTS: Final[Mapping[str, Any]] = {
    "fb-collector": {"Records": []},
    "dead-letters": {"Records": []},
    "reporter": a_request("GET", "/reports/events"),
    "gateway": a_request(
        "POST", "/events", json.dumps(a_facebook_event(eventId="fb-cold")).encode()
    ),
}
"""The request for each function. A collector gets an empty batch: it opens all resources and
inserts nothing. The gateway is last, because its events would reach the other functions."""


@pytest.fixture
def double(aws_double: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    leading = {name: value for name, value in aws_double.items() if name.startswith("AWS_")}
    for name, value in leading.items():
        monkeypatch.setenv(name, value)
    return leading


async def test_cold_starts(
    unpacked: dict[str, Path], double: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    async with on_lambda(
        unpacked, tmp_path, database_url, double, handlers={}, beside=tmp_path
    ) as system:
        print("\n| function | first answer of a new process, s | the next one, s |\n|---|---|---|")  # noqa: T201
        for name, request in _REQUESTS.items():
            cold, warm = [], []
            for _ in range(_STARTS):
                await system.functions[name].kill()
                cold.append(await _seconds(system.functions[name], request))
                warm.append(await _seconds(system.functions[name], request))
            print(f"| {name} | {_spread(cold)} | {_spread(warm)} |")  # noqa: T201


async def _seconds(function: Function, request: Any) -> float:
    started = time.perf_counter()
    answer = await function.invoke(request)
    assert answer.get("statusCode", 200) < 300, answer
    assert not answer.get("batchItemFailures")
    return time.perf_counter() - started


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.3f} ({min(seconds):.3f}…{max(seconds):.3f})"
