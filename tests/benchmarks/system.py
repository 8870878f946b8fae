"""Fresh real servers and functions, and their own measurements."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import asyncpg
import nats
from nats.aio.client import Client
from prometheus_client.parser import text_string_to_metric_families

from runtime.jetstream.streams import EVENTS
from runtime.local.supervisor.run_files import load_run_state
from tests.benchmarks.percentiles import Buckets
from tests.benchmarks.processes import peak_megabytes, processor_seconds, reset_peaks
from tests.e2e.whole_system import WholeSystem

COLLECTORS = ("fb-collector", "ttk-collector")
_POLL_SECONDS = 0.005
_PATIENCE_SECONDS = 600


class System:
    """`eps up` on an empty folder, on free ports.

    Attributes:
        gateway_url: Where events are sent.
        reporter_url: Where questions are asked.
        database_url: Where they end.
        pids: Process by name; the supervisor's too.
    """

    def __init__(self, whole: WholeSystem, data_dir: Path, broker: Client) -> None:
        state = load_run_state(data_dir)
        assert state
        self.pids = {each.name: each.pid for each in state.processes if each.pid}
        self.pids["supervisor"] = state.supervisor_pid
        self.gateway_url = whole.url_of("gateway")
        self.reporter_url = whole.url_of("reporter")
        self.database_url = whole.url_of("postgres")
        self._whole = whole
        self._broker = broker

    def url_of(self, name: str) -> str:
        """Return where a process answers."""
        return self._whole.url_of(name)

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time of each process so far."""
        supervisor = self.pids["supervisor"]
        used = {name: processor_seconds(pid) for name, pid in self.pids.items()}
        # the others are its children: the rest is its own
        used["supervisor"] -= sum(used[name] for name in used if self.pids[name] != supervisor)
        return used

    def peaks(self) -> dict[str, float]:
        """Return the peak memory of each since ``reset_peaks``, in MB."""
        others = {name: pid for name, pid in self.pids.items() if name != "supervisor"}
        return {name: peak_megabytes(pid) for name, pid in others.items()}

    def reset_peaks(self) -> None:
        """Reset the peaks."""
        reset_peaks(self.pids.values())

    async def waiting(self) -> int:
        """Count the messages that are not acknowledged, and so not committed."""
        return (await self._broker.jetstream().stream_info(EVENTS)).state.messages

    async def messages(self) -> int:
        """Count all messages ever published."""
        return (await self._broker.jetstream().stream_info(EVENTS)).state.last_seq

    async def committed(self) -> float:
        """Wait until all accepted events are committed; returns when they were.

        A collector acknowledges after its commit, at once.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await self.waiting():
                await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic()

    async def events(self) -> tuple[int, int]:
        """Count the events in the rows and in the report."""
        report = await self._whole.ask("/reports/events")
        rows = await self._whole.fetch("SELECT count(*) FROM events")
        return rows[0][0], report["totalEvents"]

    async def histogram(self, name: str) -> Buckets:
        """Read a histogram of the collectors, both together."""
        counts: Counter[float] = Counter()
        async for sample_name, labels, value in self._samples():
            if sample_name == f"{name}_bucket":
                counts[float(labels["le"])] += value  # type: ignore[assignment]
        return counts

    async def total(self, name: str) -> float:
        """Sum a figure over both collectors."""
        return sum([value async for sample, _, value in self._samples() if sample == name])

    async def _samples(self) -> AsyncIterator[tuple[str, dict[str, str], float]]:
        async with aiohttp.ClientSession() as session:
            for name in filter(_is_collector, self.pids):
                async with session.get(f"{self._whole.url_of(name)}/metrics") as answer:
                    text = await answer.text()
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        yield sample.name, sample.labels, sample.value

    @contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """Freeze processes while the context is open."""
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(self._whole.paused(name))
            yield

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Hold a connection to the database."""
        connection = await asyncpg.connect(self.database_url, command_timeout=_PATIENCE_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()


def _is_collector(name: str) -> bool:
    """Return whether a process is a replica of a collector."""
    return name.startswith(COLLECTORS)


@contextmanager
def fresh_folder(parent: Path | None) -> Iterator[Path]:
    """Hold an empty folder, deleted at the end."""
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="eps-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def fresh_system(
    parent: Path | None, *, scale: Sequence[str] = (), **settings: str
) -> AsyncIterator[System]:
    """Run everything on an empty folder while the context is open.

    Args:
        parent: Where the folder is created; None for the temporary folder.
        scale: ``NAME=N`` each, replicas of functions.
        settings: For all processes, as in the environment.
    """
    with fresh_folder(parent) as folder:
        data_dir = folder / "data"
        whole = WholeSystem(data_dir, scale=scale, **settings)
        try:
            await whole.start()
            broker = await nats.connect(whole.url_of("nats"))
            try:
                yield System(whole, data_dir, broker)
            finally:
                await broker.close()
        finally:
            await whole.stop()
