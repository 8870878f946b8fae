"""Compare the reporter's answers with those of plain SQL, on PostgreSQL and on DuckDB."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.benchmarks.case import say
from tests.benchmarks.reports.asking import Asked
from tests.benchmarks.reports.engines import Engine

_MOST, _MOST_CHARACTERS = 3, 200
"""Differences reported for one answer, and characters of each."""


@dataclass(slots=True)
class Compared:
    """The comparison of the answers to one kind of question.

    Attributes:
        answers: How many were compared.
        milliseconds: The engines' time for each, by engine.
        faults: Differences from an engine; there should be none.
    """

    answers: int = 0
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


async def compare(
    samples: Mapping[str, Sequence[Asked]], engines: Sequence[Engine]
) -> dict[str, Compared]:
    """Put the reporter's questions to every engine, by kind."""
    return {name: await _compare(name, asked, engines) for name, asked in samples.items()}


async def _compare(name: str, sample: Sequence[Asked], engines: Sequence[Engine]) -> Compared:
    compared = Compared(answers=len(sample))
    for place, asked in enumerate(sample, 1):
        for engine in engines:
            say(f"{engine.name}: {name}, {place} of {len(sample)}")
            answer, milliseconds = await engine.answer(asked.question)
            compared.milliseconds.setdefault(engine.name, []).append(milliseconds)
            if not asked.fault and asked.answer != answer:
                where = ", ".join(islice(differences(asked.answer, answer), _MOST))
                compared.faults.append(f"{engine.name} differs: {asked.question.path}: {where}")
    return compared


def differences(found: Any, expected: Any, where: str = "") -> Iterator[str]:
    """List the differences of two JSON values."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        for name in found:
            yield from differences(found[name], expected[name], f"{where}.{name}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif found != expected:
        yield f"{where.removeprefix('.')} is {found!r}, should be {expected!r}"[:_MOST_CHARACTERS]
