"""Ask the reporter over HTTP, one question after another, and time the answers."""

import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from tests.truth.questions import Question

_PATIENCE = aiohttp.ClientTimeout(total=120)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the time until the last byte of its answer, and the answer."""

    question: Question
    milliseconds: float
    status: int
    body: bytes

    @property
    def fault(self) -> str:
        """The obvious fault of the answer; empty if there is none."""
        if self.status == HTTPStatus.OK:
            return ""
        return f"{self.question.path} was answered {self.status}"

    @property
    def answer(self) -> Any:
        """The report without the echo of the filters."""
        report = json.loads(self.body)
        report.pop("filters", None)
        return report


@dataclass(frozen=True, slots=True)
class Round:
    """The questions of one kind in one run.

    Attributes:
        asked: In their order.
        processor_seconds: Those of the reporter and the database.
    """

    asked: list[Asked]
    processor_seconds: float

    @property
    def milliseconds(self) -> list[float]:
        """The latency of each."""
        return [each.milliseconds for each in self.asked]


class Client:
    """One connection to the reporter."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, question: Question) -> Asked:
        """Ask one question."""
        began = time.perf_counter()
        async with self._session.get(question.path) as answer:
            body = await answer.read()
        milliseconds = (time.perf_counter() - began) * 1000
        return Asked(question, milliseconds, answer.status, body)

    async def ask_all(self, questions: Iterable[Question]) -> list[Asked]:
        """Ask one after another."""
        return [await self.ask(question) for question in questions]


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """Hold a client while the context is open."""
    async with aiohttp.ClientSession(base_url=url, timeout=_PATIENCE) as session:
        yield Client(session)
