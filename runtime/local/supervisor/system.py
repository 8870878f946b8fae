"""The processes of the whole system: started in order, kept running, stopped in order."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import asyncpg

from functions.errors import Unavailable
from runtime.catalogue import COLLECTOR
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS
from runtime.local.embedded.broker_watch import watch_broker
from runtime.local.embedded.checks import check_http
from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.process import Child, Program
from runtime.local.embedded.readiness import StartFailed, until_ready
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.tasks import cancel, together
from runtime.local.logs.noise import without_noise
from runtime.local.logs.output import Output
from runtime.local.supervisor.disk_watch import in_gigabytes, watch_disk
from runtime.local.supervisor.drain import wait_until_drained
from runtime.local.supervisor.keeper import Keeper
from runtime.local.supervisor.liveness_watch import watch_liveness
from runtime.local.supervisor.logins import Logins
from runtime.local.supervisor.own_servers import OwnBroker, OwnDatabase
from runtime.local.supervisor.plan import Replica
from runtime.local.supervisor.run_files import Running, RunState, remove_run_state
from runtime.local.supervisor.stopping import StopWish
from runtime.postgres.schema.migrate import migrate

_PUBLISHER_TURN, _NATS_TURN, _POSTGRES_TURN = 0, 8, 9
"""When each is stopped; the functions have the turns in between."""

_READY_SECONDS = 60.0

_DRAIN_SECONDS = 15.0
"""How long collectors may process accepted events when everything is stopped."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept process: when it is stopped, and where it answers."""

    keeper: Keeper
    stop_turn: int
    url: str

    def running(self) -> Running:
        """Describe it for the run state."""
        return Running(
            self.keeper.name, self.url, pid=self.keeper.pid, finished=self.keeper.finished
        )


class System:
    """Broker, database, functions and publisher on one machine.

    Attributes:
        say: Writes a line in the supervisor's own name.
        logins: The database's login roles.
    """

    def __init__(
        self,
        nats: EmbeddedNats | OwnBroker,
        postgres: EmbeddedPostgres | OwnDatabase,
        *,
        data_dir: Path,
        output: Output,
        reach_seconds: float,
    ) -> None:
        """Describe it; nothing is started.

        Args:
            nats: The broker: to start, or to connect to.
            postgres: The database; same.
            data_dir: Where data and the run state are stored.
            output: Where lines are written.
            reach_seconds: How long a server that is not started here may take to answer.
        """
        self.say = output.named("eps")
        self.logins = Logins()
        self._nats = nats
        self._postgres = postgres
        self._data_dir = data_dir
        self._output = output
        self._reach_seconds = reach_seconds
        self._own: list[Running] = []
        self._kept: list[Kept] = []
        self._is_ready = False
        self._hurried = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._disk_watch: asyncio.Task[None] | None = None
        self._liveness_watch: asyncio.Task[None] | None = None

    async def start(self, programs: Sequence[tuple[Replica, Program]]) -> None:
        """Start broker and database, migrate, start the functions; returns when all are ready.

        Raises:
            StartFailed: Something could not be started; the others keep running.
        """
        await together(
            self._have_server(self._nats, _NATS_TURN),
            self._have_server(self._postgres, _POSTGRES_TURN),
        )
        if isinstance(self._nats, EmbeddedNats):
            self._watch = asyncio.create_task(self._watch_broker(self._nats))
        await self._migrate()
        await together(*(self._start_replica(*program) for program in programs))
        self._is_ready = True
        self._save()
        self._liveness_watch = asyncio.create_task(watch_liveness(self._answering, self.say))

    def _answering(self) -> list[tuple[str, str, int]]:
        """List the functions that run now: name, URL, process."""
        return [
            (it.keeper.name, it.url, it.keeper.pid)
            for it in self._kept
            if it.url.startswith("http") and it.keeper.pid is not None
        ]

    async def add(self, replica: Replica, program: Program) -> None:
        """Start one more, and return when it is ready.

        Raises:
            StartFailed: It could not be started; nothing is left of it.
        """
        try:
            await self._start_replica(replica, program)
        except StartFailed:
            await self.remove(replica)
            raise
        self._save()

    async def remove(self, replica: Replica) -> None:
        """End one for good, after it has finished the work in hand."""
        kept = next(it for it in self._kept if it.keeper.name == replica.name)
        await self._stop(kept.keeper, self._hurried)
        self._kept.remove(kept)
        self._save()

    async def restart_functions(self) -> None:
        """Restart every function, each after it has finished the work in hand."""
        keepers = [it.keeper for it in self._kept if _PUBLISHER_TURN < it.stop_turn < _NATS_TURN]
        await asyncio.gather(*(keeper.start_anew() for keeper in keepers))

    def start_publisher(self, program: Program, reserve_bytes: int) -> None:
        """Send test events, while so much is free on the data's disk; it may finish."""
        free = shutil.disk_usage(self._data_dir).free
        self.say(
            f"{in_gigabytes(free)} are free for data; test events stop when less than "
            f"{in_gigabytes(reserve_bytes)} are left"
        )
        start = partial(Child.start, program, self._output.named("publisher"))
        keeper = self._keep("publisher", start, _PUBLISHER_TURN, may_finish=True)

        async def stop() -> None:
            self.say("the disk is almost full: no more test events are sent")
            await keeper.stop(asyncio.Event())

        self._disk_watch = asyncio.create_task(watch_disk(self._data_dir, reserve_bytes, stop))

    async def stop(self, wish: StopWish) -> None:
        """Stop everything that was started, turn by turn."""
        was_ready, self._is_ready = self._is_ready, False
        remove_run_state(self._data_dir)
        watches = (self._watch, self._disk_watch, self._liveness_watch)
        await cancel(*(task for task in watches if task))
        in_turn = sorted(self._kept, key=attrgetter("stop_turn"))
        for turn, group in groupby(in_turn, key=attrgetter("stop_turn")):
            if turn == COLLECTOR.stop_turn and was_ready:
                await self._drain(wish)
            impatient = wish.forced if turn >= _NATS_TURN else wish.hurried
            await asyncio.gather(*(self._stop(kept.keeper, impatient) for kept in group))

    async def _drain(self, wish: StopWish) -> None:
        waiting = await wait_until_drained(
            self._nats.url,
            seconds=_DRAIN_SECONDS,
            impatient=wish.hurried,
            streams=(EVENTS, DEAD_LETTERS),
        )
        if waiting:
            self.say(f"{waiting} messages wait on the broker's disk for the next start")

    async def _stop(self, keeper: Keeper, impatient: asyncio.Event) -> None:
        await keeper.stop(impatient)
        self.say(f"{keeper.name} stopped")

    async def _have_server(
        self, server: EmbeddedServer | OwnBroker | OwnDatabase, stop_turn: int
    ) -> None:
        if isinstance(server, EmbeddedServer):
            await self._start_server(server, stop_turn)
            return
        await server.reach(self._reach_seconds)
        self._own.append(Running(server.name, server.url))

    async def _start_server(self, server: EmbeddedServer, stop_turn: int) -> None:
        on_line = without_noise(server.name, self._output.named(server.name))

        async def start() -> Child:
            await server.prepare(on_line)
            return await Child.start(server.program(), on_line)

        await server.prepare(on_line)  # a failure here is reported at once, not retried
        keeper = self._keep(server.name, start, stop_turn, url=server.url)
        await until_ready(
            server.name, server.check, hopeless=keeper.hopeless(), seconds=server.ready_seconds
        )

    async def _watch_broker(self, nats: EmbeddedNats) -> None:
        """Restart a broker that a full disk has stopped."""
        [keeper] = [kept.keeper for kept in self._kept if kept.keeper.name == nats.name]

        async def restart() -> None:
            self.say("nats stopped writing because its disk was full; restarting it")
            await keeper.restart()

        await watch_broker(nats.monitoring_url, nats.data_dir, restart)

    async def _migrate(self) -> None:
        try:
            applied = await migrate(self._postgres.url)
            if isinstance(self._postgres, EmbeddedPostgres):
                await self.logins.make(self._postgres.url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable) as error:
            raise StartFailed(f"The schema can't be brought up to date: {error}") from error
        self.say(f"schema up to date, {_counted(len(applied), 'migration')} applied")

    async def _start_replica(self, replica: Replica, program: Program) -> None:
        start = partial(Child.start, program, self._output.named(replica.name))
        keeper = self._keep(replica.name, start, replica.function.stop_turn, url=replica.url)
        check = partial(check_http, f"{replica.url}/health/ready")
        await until_ready(replica.name, check, hopeless=keeper.hopeless(), seconds=_READY_SECONDS)

    def _keep(
        self,
        name: str,
        start: Callable[[], Awaitable[Child]],
        stop_turn: int,
        *,
        url: str = "",
        may_finish: bool = False,
    ) -> Keeper:
        keeper = Keeper(name, start, say=self.say, changed=self._save, may_finish=may_finish)
        self._kept.append(Kept(keeper, stop_turn, url))
        return keeper

    def _save(self) -> None:
        if self._is_ready:
            kept = (kept.running() for kept in self._kept)
            RunState(os.getpid(), (*self._own, *kept)).save(self._data_dir)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
