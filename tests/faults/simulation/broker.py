"""A work queue like JetStream's, and a client of it for the real `Pull` and `Msg`."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from nats.aio.msg import Msg
from nats.errors import OutboundBufferLimitError

from tests.faults.simulation.schedule import Chance

ACK_WAIT_SECONDS = 3.0
_PROGRESS = b"+WPI"
_LATENCY_SECONDS = 0.05
_POLL_SECONDS = 0.5

Receive = Callable[[Msg], Awaitable[None]]


@dataclass
class Waiting:
    """A message that is not acknowledged.

    Attributes:
        data: Its bytes.
        headers: Its headers.
        deliveries: How often it was delivered.
        hidden_until: When it may be delivered again.
        published_at: When it was published, by the broker's clock, as Unix seconds.
    """

    data: bytes
    headers: dict[str, str] | None = None
    deliveries: int = 0
    hidden_until: float = 0.0
    published_at: float = 0.0


class SimulatedBroker:
    """Keeps messages until they are acknowledged.

    Attributes:
        waiting: The messages by their sequence.
    """

    def __init__(self, chance: Chance) -> None:
        self.waiting: dict[int, Waiting] = {}
        self.chance = chance
        self._sequences = count(1)

    def put(self, data: bytes, headers: dict[str, str] | None) -> None:
        """Publish a message."""
        self.waiting[next(self._sequences)] = Waiting(data, headers)

    def settle(self, reply: str, payload: bytes) -> None:
        """Take an acknowledgement, or a nack with a delay."""
        sequence = int(reply.split(".")[5])
        if payload.startswith(b"-NAK"):
            delay = json.loads(payload.removeprefix(b"-NAK") or "{}").get("delay", 0) / 1e9
            if sequence in self.waiting:
                self.waiting[sequence].hidden_until = _now() + delay
        elif payload == _PROGRESS:
            if sequence in self.waiting:
                self.waiting[sequence].hidden_until = _now() + ACK_WAIT_SECONDS
        else:
            self.waiting.pop(sequence, None)

    async def answer(self, request: dict[str, Any], reply: str, client: "SimulatedClient") -> None:
        """Send the available messages, at once or when there are some, and a status at the end."""
        until = _now() + request.get("expires", 0) / 1e9
        while not (found := self._take(request)) and _now() < until and client.is_alive:
            await asyncio.sleep(_POLL_SECONDS)
        for sequence in found:
            await self._deliver(sequence, client)
        if len(found) < request["batch"]:
            await client.receive(Msg(_client=client, subject=reply))  # type: ignore[arg-type]

    def _take(self, request: dict[str, Any]) -> list[int]:
        now = _now()
        visible = [number for number, each in self.waiting.items() if each.hidden_until <= now]
        taken = visible[: request["batch"]]
        for number in taken:
            self.waiting[number].deliveries += 1
            self.waiting[number].hidden_until = now + ACK_WAIT_SECONDS
        return taken

    async def _deliver(self, sequence: int, client: "SimulatedClient") -> None:
        for message in self._copies(sequence, client):
            await client.receive(message)

    def _copies(self, sequence: int, client: "SimulatedClient") -> Iterator[Msg]:
        what, waiting = self.chance.at("deliver"), self.waiting.get(sequence)
        if waiting is None or what == "lost":
            return
        places = f"{waiting.deliveries}.{sequence}.{sequence}"
        at = int(waiting.published_at * 1e9)
        reply = f"$JS.ACK.EVENTS.fb-collector.{places}.{at}.0"
        for _ in range(2 if what == "twice" else 1):
            yield Msg(client, "events.facebook", reply, waiting.data, waiting.headers)  # type: ignore[arg-type]


class SimulatedClient:
    """One process's connection: the parts of the real one that `Pull` and `Msg` need.

    Attributes:
        is_alive: Whether its process lives; bytes sent afterwards are dropped.
    """

    def __init__(
        self,
        broker: SimulatedBroker,
        die: Callable[[], Awaitable[None]],
        on_ack: Callable[[int], None],
    ) -> None:
        self.is_alive = True
        self._broker = broker
        self._die = die
        self._on_ack = on_ack
        self._inboxes = count()
        self._receivers: dict[str, Receive] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def new_inbox(self) -> str:
        return f"_INBOX{next(self._inboxes)}"

    async def subscribe(self, subject: str, cb: Receive, **_: Any) -> "_Subscription":
        self._receivers[subject.removesuffix(".*")] = cb
        return _Subscription(self)

    async def receive(self, message: Msg) -> None:
        """Deliver a message, if anybody is connected."""
        if self.is_alive:
            await asyncio.sleep(self._broker.chance.seconds(_LATENCY_SECONDS))
            await self._receiver_of(message)(message)

    def _receiver_of(self, message: Msg) -> Receive:
        inbox = message.subject.rpartition(".")[0]
        return self._receivers.get(inbox) or next(iter(self._receivers.values()))

    async def publish(self, subject: str, payload: bytes = b"", reply: str = "", **_: Any) -> None:
        if not self.is_alive:
            return
        chance = self._broker.chance
        is_pull, is_nak = bool(reply), payload.startswith(b"-NAK")
        if payload == _PROGRESS:
            if chance.at("progress") != "lost":
                self._broker.settle(subject, payload)
            return
        if not is_pull and not is_nak:
            self._on_ack(int(subject.split(".")[5]))
        what = chance.at("pull" if is_pull else "nak" if is_nak else "ack")
        await asyncio.sleep(0)
        if what == "killed before":
            await self._die()
        if what == "raises":
            raise OutboundBufferLimitError
        if what != "lost":
            arrive = self._pull if is_pull else self._broker.settle
            loop, latency = asyncio.get_running_loop(), chance.seconds(_LATENCY_SECONDS)
            loop.call_later(latency, arrive, *((payload, reply) if is_pull else (subject, payload)))
        if what == "killed after":
            await self._die()

    def _pull(self, payload: bytes, reply: str) -> None:
        answering = self._broker.answer(json.loads(payload), reply, self)
        task = asyncio.ensure_future(answering)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def close(self) -> None:
        """Send and receive nothing more."""
        self.is_alive = False
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)


@dataclass
class _Subscription:
    client: SimulatedClient

    async def drain(self) -> None:
        await asyncio.sleep(0)


def _now() -> float:
    return asyncio.get_running_loop().time()
