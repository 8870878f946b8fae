"""What database, broker and HTTP server can do alone with what a run brought them."""

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
    """What database, broker and HTTP server do with the same, each alone.

    Attributes:
        copy: The database's ways.
        broker: Events a second by way of flushing.
        http: Events a second of a server that only reads them.
        http_p99_ms: Its slowest answers.
    """

    copy: RawCopy
    broker: dict[str, float]
    http: float
    http_p99_ms: float

    @property
    def rates(self) -> list[tuple[str, float]]:
        """All limits that are events a second."""
        return [
            ("COPY", self.copy.plain.rows_a_second),
            ("COPY with key", self.copy.keyed.rows_a_second),
            *self.broker.items(),
            ("uvicorn", self.http),
        ]

    @property
    def costs(self) -> list[tuple[str, float]]:
        """What the database's ways cost it, processor seconds a million."""
        return [
            ("PostgreSQL for COPY", self.copy.plain.processor_seconds_a_million),
            ("with key", self.copy.keyed.processor_seconds_a_million),
        ]

    def record(self) -> dict[str, Any]:
        """Give all figures for JSON."""
        return {
            "copy": asdict(self.copy),
            "eventsPerSecond": {**self.broker, "uvicorn": self.http},
            "uvicornP99Milliseconds": self.http_p99_ms,
        }


async def raw_limits(system: System, run: Run, plan: Plan, data_dir: Path | None) -> RawLimits:
    """Measure what each part could do alone with what a run brought it."""
    copy = await raw_copy(system, run.events_a_commit)
    events_a_message = run.sent.accepted / max(1, run.messages)
    broker = await raw_broker(events_a_message, max(1, plan.batch.events // 2), data_dir)
    async with made(plan) as load:
        bare, _ = await raw_http(load)
    return RawLimits(copy, broker, bare.accepted / bare.seconds, bare.latency_ms["p99"])
