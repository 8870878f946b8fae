"""One body of a shape, posted at the size limit, with small requests beside it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

import httpx
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.faults.bounds import SHAPE_MB
from tests.faults.fault import FUNCTIONS, World
from tests.faults.ledger import settled
from tests.faults.limits.system import LimitedSystem
from tests.faults.memory import watched
from tests.truth.recomputation import ledger_imbalances

_ANSWER_SECONDS = 300
_PAUSE_SECONDS = 0.02
_POLL_SECONDS = 0.2
ANSWERS = {202, 204, 400, 422}


@dataclass(slots=True)
class Outcome:
    """The result for a body.

    Attributes:
        status: The answer's; 0 is none.
        peaks: The most megabytes of each function.
        died: The functions whose process ended.
        small: Status and milliseconds of each small request beside it.
        imbalances: Entries of the ledger that do not balance.
    """

    status: int
    peaks: Mapping[str, int]
    died: list[str]
    small: list[tuple[int, float]] = field(default_factory=list)
    imbalances: int = 0

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the small requests' latency."""
        times = sorted(milliseconds for _, milliseconds in self.small)
        return times[int(len(times) * 0.99)] if times else 0.0

    @property
    def wrongs(self) -> list[str]:
        """Return what is wrong; empty if nothing is."""
        return list(self._wrongs())

    def _wrongs(self) -> Iterator[str]:
        if self.status not in ANSWERS:
            yield f"answer: {self.status}"
        if self.died:
            yield f"died: {', '.join(self.died)}"
        for function, peak in self.peaks.items():
            if peak > SHAPE_MB[function]:
                yield f"{function} took {peak} MB"
        if others := {status for status, _ in self.small} - {202, 503}:
            yield f"small requests: {sorted(others)}"
        if self.imbalances:
            yield f"the ledger does not balance: {self.imbalances}"


async def posted(world: World, system: LimitedSystem, body: bytes, media_type: str) -> Outcome:
    """Post a body, compressed, while small requests are sent; wait until everything is settled."""
    packed = await asyncio.to_thread(gzip.compress, body, 6)
    before = {name: system.pid_of(name) for name in FUNCTIONS}
    async with watched(system) as peaks:
        async with _small_ones(world) as small:
            status = await _post(world.sender.url, packed, media_type)
            await _taken(system.url_of("nats"))
        await settled(system)
    died = [name for name in FUNCTIONS if system.pid_of(name) != before[name]]
    imbalances = len(await ledger_imbalances(system.fetch))
    return Outcome(status, peaks, died, small, imbalances)


async def _taken(nats_url: str) -> None:
    """Wait until the broker's current messages are settled; more may arrive meanwhile."""
    client = Client()
    await client.connect(nats_url)
    try:
        jetstream = client.jetstream()
        async with asyncio.timeout(_ANSWER_SECONDS):
            for stream in await jetstream.streams_info():
                name, last = str(stream.config.name), stream.state.last_seq
                while not await _is_past(jetstream, name, last):
                    await asyncio.sleep(_POLL_SECONDS)
    finally:
        await client.close()


async def _is_past(jetstream: JetStreamContext, stream: str, place: int) -> bool:
    consumers = await jetstream.consumers_info(stream)
    floors = [it.ack_floor.stream_seq if it.ack_floor else 0 for it in consumers]
    waiting = [(it.num_pending or 0) + (it.num_ack_pending or 0) for it in consumers]
    return all(floor >= place or not more for floor, more in zip(floors, waiting, strict=True))


async def _post(url: str, packed: bytes, media_type: str) -> int:
    path = "cloudevents" if "cloudevents" in media_type else "events"
    headers = {"Content-Type": media_type, "Content-Encoding": "gzip"}
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
        try:
            return (await client.post(f"{url}/{path}", content=packed, headers=headers)).status_code
        except httpx.HTTPError:
            return 0


@asynccontextmanager
async def _small_ones(world: World) -> AsyncIterator[list[tuple[int, float]]]:
    """Send one event at a time while the context is open."""
    answers: list[tuple[int, float]] = []

    async def send() -> None:
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as client:
            while True:
                began = perf_counter()
                status = await world.sender.post(client, world.sender.events(1))
                answers.append((status, 1000 * (perf_counter() - began)))
                await asyncio.sleep(_PAUSE_SECONDS)

    sending = asyncio.create_task(send())
    try:
        yield answers
    finally:
        sending.cancel()
        await asyncio.wait([sending])
