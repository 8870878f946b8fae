"""One run: send, wait for the last commit, and measure the cost."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from tests.benchmarks.load import Plan, Sent, made
from tests.benchmarks.percentiles import Buckets, gained, histogram_percentile
from tests.benchmarks.processes import machine_seconds, used
from tests.benchmarks.system import System

_SAMPLE_SECONDS = 0.5


@dataclass(slots=True)
class Run:
    """The result of one run.

    Attributes:
        sent: The sender's results.
        seconds: From the first byte sent to the last row committed, rollups included.
        messages: Messages on the broker.
        processor_seconds: By process.
        elsewhere_seconds: Processor time of other processes meanwhile.
        peak_megabytes: By process.
        freshness_p99: From acceptance to commit, seconds.
        events_a_commit: Average events per commit.
        backlog: Messages waiting, twice a second.
        fault: A fault of the result; empty if there is none.
    """

    sent: Sent
    seconds: float
    messages: int
    processor_seconds: dict[str, float]
    elsewhere_seconds: float
    peak_megabytes: dict[str, float]
    freshness_p99: float
    events_a_commit: float
    backlog: list[int] = field(default_factory=list)
    fault: str = ""

    @property
    def events_a_second(self) -> float:
        """Committed events per second."""
        return self.sent.accepted / self.seconds

    @property
    def a_million(self) -> dict[str, float]:
        """Processor seconds by process for a million events."""
        events = max(1, self.sent.accepted)
        return {name: each * 1e6 / events for name, each in self.processor_seconds.items()}

    @property
    def total_a_million(self) -> float:
        """Processor seconds of all processes for a million events."""
        return sum(self.a_million.values())

    @property
    def elsewhere_percent(self) -> float:
        """The share of the machine's processors used by other processes."""
        return 100 * self.elsewhere_seconds / (self.seconds * (os.cpu_count() or 1))

    @property
    def catching_up_seconds(self) -> float:
        """The time from the last answer to the last commit."""
        return self.seconds - self.sent.seconds

    def record(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        return {
            "accepted": self.sent.accepted,
            "seconds": self.seconds,
            "eventsPerSecond": self.events_a_second,
            "answeredSeconds": self.sent.seconds,
            "statuses": dict(self.sent.statuses),
            "latencyMilliseconds": dict(self.sent.latency_ms),
            "besideMilliseconds": dict(self.sent.beside_ms),
            "messages": self.messages,
            "eventsPerCommit": self.events_a_commit,
            "processorSeconds": self.processor_seconds,
            "processorSecondsPerMillion": self.a_million | {"all": self.total_a_million},
            "elsewhereProcessorSeconds": self.elsewhere_seconds,
            "peakMegabytes": self.peak_megabytes,
            "freshnessP99Seconds": self.freshness_p99,
            "backlogMessages": self.backlog,
            "catchingUpSeconds": self.catching_up_seconds,
            "fault": self.fault,
        }


async def measured(system: System, send: Callable[[], Awaitable[Sent]], *, new: bool = True) -> Run:
    """Run a load on a system at rest.

    Args:
        system: The measured system.
        send: Sends the load; returns when everything is answered.
        new: Whether the events are new, or all stored already.
    """
    system.reset_peaks()
    before = await _State.of(system)
    async with _sampled(system) as backlog:
        machine, processors = machine_seconds(), system.processor_seconds()
        sent = await send()
        committed = await system.committed()
        taken = used(processors, system.processor_seconds()) | {"sender": sent.processor_seconds}
        elsewhere = machine_seconds() - machine - sum(taken.values())
    after = await _State.of(system)
    freshness = gained(before.freshness, after.freshness)
    return Run(
        sent=sent,
        seconds=committed - sent.began,
        messages=after.messages - before.messages,
        processor_seconds=taken,
        elsewhere_seconds=elsewhere,
        peak_megabytes=system.peaks(),
        freshness_p99=histogram_percentile(freshness, 99),
        events_a_commit=(after.taken - before.taken) / max(1, after.commits - before.commits),
        backlog=backlog,
        fault=_fault(after, before.rows + sent.accepted * new),
    )


async def run_once(system: System, plan: Plan) -> Run:
    """Make new requests, send them, measure."""
    async with made(plan) as load:
        return await measured(system, lambda: load.send(system.gateway_url))


@dataclass(frozen=True, slots=True)
class _State:
    rows: int
    reported: int
    messages: int
    freshness: Buckets
    taken: float
    commits: float

    @classmethod
    async def of(cls, system: System) -> Self:
        rows, reported = await system.events()
        return cls(
            rows=rows,
            reported=reported,
            messages=await system.messages(),
            freshness=await system.histogram("event_freshness_seconds"),
            taken=await system.total("batch_events_sum"),
            commits=await system.total("batch_events_count"),
        )


def _fault(state: _State, expected: int) -> str:
    """Compare the expected rows with the stored rows and with the reporter's answer."""
    if state.rows == state.reported == expected:
        return ""
    return f"{expected} events should be stored, {state.rows} are, {state.reported} are reported"


@asynccontextmanager
async def _sampled(system: System) -> AsyncIterator[list[int]]:
    """Note the backlog while the context is open."""
    samples: list[int] = []

    async def sample() -> None:
        while True:
            samples.append(await system.waiting())
            await asyncio.sleep(_SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        sampling.cancel()
        await asyncio.wait([sampling])
