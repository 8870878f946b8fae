"""A client under load that records the promises for each event."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from tests.builders import a_facebook_event, a_tiktok_event

BROKEN = "broken"
REFUSED = "refused"
"""Marks in the id of an event that is invalid, or that the database is to refuse."""

_WORKERS = 3
_EVENTS = (1, 500)
_USERS = 300
_PAUSE_SECONDS = 0.1
_ANSWER_SECONDS = 15.0
_PATIENCE_SECONDS = 180.0
_START = datetime(2024, 1, 1, tzinfo=UTC)

Moment = Callable[[Random], str]


def in_a_week(random: Random) -> str:
    """Draw a time within a week, in UTC."""
    return (_START + timedelta(milliseconds=random.randrange(7 * 86_400_000))).isoformat()


@dataclass
class Sender:
    """Posts arrays of new, repeated and broken events.

    Attributes:
        urls: The gateways'.
        random: The only source of randomness.
        moment: Draws the times of events.
        refused_share: How many events the database is to refuse.
        sent: Every event, by id.
        acknowledged: The ids of the requests that were answered 202.
        statuses: How often each answer came; 0 is none.
    """

    urls: Sequence[str]
    random: Random
    moment: Moment = in_a_week
    refused_share: float = 0.0
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The first gateway's."""
        return self.urls[0]

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send while the context is open, several requests at once, and wait for the answers."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._send(stop))
            try:
                yield
            finally:
                stop.set()

    async def accepted(self, more: int) -> None:
        """Wait until so many more requests were answered 202."""
        wanted = self.statuses.count(202) + more
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.statuses.count(202) < wanted:
                await asyncio.sleep(_PAUSE_SECONDS / 2)

    async def _send(self, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
            while not stop.is_set():
                await self.post(client, self._body())
                await asyncio.sleep(_PAUSE_SECONDS)

    async def post(self, client: httpx.AsyncClient, body: list[dict[str, Any]]) -> int:
        """Send a request; returns its status, 0 without an answer."""
        return await self.post_raw(client, json.dumps(body).encode(), body)

    async def post_raw(
        self, client: httpx.AsyncClient, content: bytes, events: Sequence[dict[str, Any]]
    ) -> int:
        """Send bytes that contain these events, perhaps among others, like ``post``."""
        self.sent |= {event["eventId"]: event for event in events}
        try:
            answer = await client.post(
                f"{self.random.choice(self.urls)}/events",
                content=content,
                headers={"Content-Type": "application/json"},
            )
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        if status == httpx.codes.ACCEPTED:
            self.acknowledged |= {event["eventId"] for event in events}
        self.statuses.append(status)
        return status

    def _body(self) -> list[dict[str, Any]]:
        body = self.events(self.random.randint(*_EVENTS))
        if self.sent and not self.random.randrange(3):
            body.append(self.random.choice(list(self.sent.values())))
        if not self.random.randrange(4):
            body.append(self._event(BROKEN, age="old", followers="many"))
        return body

    def events(self, number: int) -> list[dict[str, Any]]:
        """Make new events."""
        return [self._event() for _ in range(number)]

    def _event(self, word: str = "", **user: Any) -> dict[str, Any]:
        make: Callable[..., dict[str, Any]] = self.random.choice((a_facebook_event, a_tiktok_event))
        fields: dict[str, Any] = {}
        if not word and self.random.random() < self.refused_share:
            make = a_facebook_event
            fields = {"eventType": "ad.click", "engagement": {"campaignId": REFUSED}}
        identity = f"{word}-{self.random.getrandbits(64):x}"
        user_id = f"user-{self.random.randrange(_USERS)}"
        return make(
            eventId=identity,
            timestamp=self.moment(self.random),
            user={"userId": user_id, **user},
            **fields,
        )
