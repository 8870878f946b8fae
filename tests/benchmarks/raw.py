"""The capacity of database, broker and HTTP server alone, with the same data as a run."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.load import Plan, made
from tests.benchmarks.measure import Run
from tests.benchmarks.raw_broker import raw_broker
from tests.benchmarks.raw_copy import RawCopy, raw_copy
from tests.benchmarks.raw_http import raw_http
from tests.benchmarks.system import System


@dataclass(frozen=True, slots=True)
class RawLimits:
    """The results of database, broker and HTTP server, each alone.

    Attributes:
        copy: The three ways of storing.
        broker: Events per second by way of flushing.
        http: Events per second of a server that only reads them.
        http_p99_ms: Its slowest answers.
    """

    copy: RawCopy
    broker: dict[str, float]
    http: float
    http_p99_ms: float

    @property
    def rates(self) -> list[tuple[str, float]]:
        """All limits that are events per second."""
        return [
            ("COPY", self.copy.plain.rows_a_second),
            ("COPY with key", self.copy.keyed.rows_a_second),
            *self.broker.items(),
            ("uvicorn", self.http),
        ]

    @property
    def costs(self) -> list[tuple[str, float]]:
        """The cost of the database's ways, in processor seconds per million."""
        return [
            ("PostgreSQL for COPY", self.copy.plain.processor_seconds_a_million),
            ("with key", self.copy.keyed.processor_seconds_a_million),
        ]

    def record(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        return {
            "copy": asdict(self.copy),
            "eventsPerSecond": {**self.broker, "uvicorn": self.http},
            "uvicornP99Milliseconds": self.http_p99_ms,
        }


async def raw_limits(system: System, run: Run, plan: Plan, data_dir: Path | None) -> RawLimits:
    """Measure the capacity of each part alone with the data of a run."""
    copy = await raw_copy(system, run.events_a_commit)
    events_a_message = run.sent.accepted / max(1, run.messages)
    broker = await raw_broker(events_a_message, max(1, plan.batch.events // 2), data_dir)
    async with made(plan) as load:
        bare, _ = await raw_http(load)
    return RawLimits(copy, broker, bare.accepted / bare.seconds, bare.latency_ms["p99"])
