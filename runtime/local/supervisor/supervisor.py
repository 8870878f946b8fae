"""`eps up`: the whole system on one machine, kept running until it is stopped."""

import asyncio
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.local.embedded.data_folder import Locked, owned, room_for
from runtime.local.embedded.inheritance import settings_of
from runtime.local.embedded.nats_server import OPERATOR, EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.process import OnLine, Program
from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.tasks import cancel
from runtime.local.embedded.tcp_ports import PortsTaken
from runtime.local.logs.files import LogFiles, log_folder
from runtime.local.logs.output import Output
from runtime.local.supervisor.banner import banner
from runtime.local.supervisor.control import listening
from runtime.local.supervisor.own_servers import OwnBroker, OwnDatabase
from runtime.local.supervisor.plan import (
    ALL_PLANNED,
    BadUsage,
    Plan,
    PlannedFunction,
    Replica,
    UpOptions,
    make_plan,
    publisher_of,
)
from runtime.local.supervisor.run_files import remove_targets, save_targets
from runtime.local.supervisor.scaling import Replicas
from runtime.local.supervisor.secrets import load_passwords, new_password, save_secrets
from runtime.local.supervisor.set_names import misspelled, names_set, unused
from runtime.local.supervisor.settings import LocalSettings
from runtime.local.supervisor.source_watch import watch_source
from runtime.local.supervisor.stopping import StopWish, stop_on_signals
from runtime.local.supervisor.system import System
from runtime.postgres.growth import disk_days
from runtime.postgres.schema.logins import login_of
from runtime.settings import BadSettings, PublisherSettings

_STDOUT = 1
_LOG_ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "LOG_FORMAT": "json"}
"""Lines are written at once, and in the form in which they are kept; they are formatted here."""

_BROKER_USERS = ("gateway", "collector")
"""Users besides the operator: they connect with passwords of one run, which are stored nowhere."""

_GRACE_SECONDS = 5.0
"""Time for a function beyond its own limit for stopping, before it is killed."""


async def up(
    options: UpOptions,
    *,
    functions: Sequence[PlannedFunction] = ALL_PLANNED,
    publisher: Sequence[str] | None = None,
) -> int:
    """Run everything until SIGINT or SIGTERM; data stay.

    Args:
        options: The command's.
        functions: What to run besides the broker and the database; the first takes events.
        publisher: The command that sends test events, to which the URL of the first
            function is added. None is the one of the options.

    Returns:
        The exit code: 0 stopped on request, 1 could not start, 2 wrong usage.
    """
    try:
        settings = LocalSettings.load()
        data_dir = (options.data_dir or settings.data_dir).resolve()
        with owned(data_dir):
            plan = make_plan(settings, options.scale, functions)
            with _output(settings, plan, data_dir) as output:
                run = _Run(settings, plan, data_dir, output, reload=options.reload)
                return await run.supervise(
                    publisher_of(options) if publisher is None else publisher
                )
    except (BadSettings, BadUsage, Locked, PortsTaken) as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, BadUsage) else 1


@contextmanager
def _output(settings: LocalSettings, plan: Plan, data_dir: Path) -> Iterator[Output]:
    names = ["publisher", *(replica.name for replica in plan.replicas)]
    coloured = os.isatty(_STDOUT) and "NO_COLOR" not in os.environ
    output = Output(
        _STDOUT,
        width=max(map(len, names)),
        coloured=coloured,
        is_json="log_format" in settings.model_fields_set and settings.log_format == "json",
        files=LogFiles(log_folder(data_dir), settings.log_file_max_bytes),
    )
    try:
        yield output
    finally:
        output.close()


class _Run:
    """One run of the system, from the start to the last process's end."""

    def __init__(
        self,
        settings: LocalSettings,
        plan: Plan,
        data_dir: Path,
        output: Output,
        *,
        reload: bool = False,
    ) -> None:
        self._reload = reload
        self._settings = settings
        self._plan = plan
        self._data_dir = data_dir
        self._output = output
        kept = load_passwords(data_dir)
        given = settings.user_key_pepper
        self._own_pepper = None if given else kept.pepper or new_password()
        self._nats = self._choose_broker(kept.broker)
        self._postgres = self._choose_database(kept.database)
        self._system = System(
            self._nats,
            self._postgres,
            data_dir=data_dir,
            output=output,
            reach_seconds=settings.startup_timeout_seconds,
        )

    def _choose_broker(self, password: str | None) -> EmbeddedNats | OwnBroker:
        if self._settings.nats_url:
            return OwnBroker(self._settings.nats_url, self._settings.nats_monitoring_url)
        return EmbeddedNats(
            self._data_dir / "nats",
            port=self._plan.nats_port,
            max_store_bytes=self._settings.nats_max_file_store,
            passwords={
                OPERATOR: password or new_password(),
                **{user: new_password() for user in _BROKER_USERS},
            },
        )

    def _choose_database(self, kept: str | None) -> EmbeddedPostgres | OwnDatabase:
        if self._settings.database_url:
            return OwnDatabase(self._settings.database_url)
        given = self._settings.postgres_password
        password = given.get_secret_value() if given else kept or new_password()
        return EmbeddedPostgres(
            self._data_dir / "postgres",
            port=self._plan.postgres_port,
            password=password,
            change_password=password != kept,
        )

    async def supervise(self, publisher: Sequence[str]) -> int:
        """Start, keep running until stopped, stop; returns the exit code."""
        wish = StopWish()
        with stop_on_signals(wish, self._system.say):
            start = asyncio.create_task(self._run(publisher))
            wanted = asyncio.create_task(wish.wanted.wait())
            try:
                return await _until_wanted(start, wanted)
            except StartFailed as error:
                self._system.say(str(error))
                return 1
            finally:
                await cancel(start, wanted)
                remove_targets(self._data_dir)
                await self._system.stop(wish)

    async def _run(self, publisher: Sequence[str]) -> None:
        """Start everything, and handle requests until this is cancelled."""
        await self._start(publisher)
        replicas = Replicas(
            self._plan.replicas,
            start=lambda replica: self._system.add(replica, self._program(replica)),
            stop=self._system.remove,
            changed=lambda running: save_targets(self._data_dir, running),
        )

        async def scale(wanted: Sequence[str], say: OnLine) -> None:
            self._system.say(f"scaling to {' '.join(wanted)}")
            await replicas.scale(wanted, say)

        watch = watch_source(self._restart_functions) if self._reload else asyncio.Event().wait()
        watching = asyncio.create_task(watch)
        try:
            await asyncio.sleep(0)  # from here on no change is missed
            async with listening(self._data_dir, scale):
                await watching
        finally:
            await cancel(watching)

    async def _restart_functions(self, changed: str) -> None:
        self._system.say(f"{changed} changed: restarting the functions")
        await self._system.restart_functions()

    async def _start(self, publisher: Sequence[str]) -> None:
        for note in self._notes():
            self._system.say(note)
        replicas = self._plan.replicas
        self._save_pepper()
        await self._system.start([(replica, self._program(replica)) for replica in replicas])
        self._save_secrets()
        save_targets(self._data_dir, replicas)
        self._output.write(self._banner(await self._disk_days()))
        if publisher:
            key = self._settings.publisher_key
            environment = {
                **_LOG_ENVIRONMENT,
                **({} if key is None else {"INGEST_API_KEY": key}),
            }
            command = [*publisher, replicas[0].url]
            told = settings_of(PublisherSettings)
            reserve = self._settings.disk_reserve_bytes
            self._system.start_publisher(Program(command, environment, settings=told), reserve)

    def _notes(self) -> Iterator[str]:
        yield from self._plan.notes
        if isinstance(self._postgres, OwnDatabase):
            yield (
                f"using the database of DATABASE_URL, {self._postgres}; no embedded one is started"
            )
        if isinstance(self._nats, OwnBroker):
            yield f"using the broker of NATS_URL, {self._nats}; no embedded one is started"
        yield from unused(self._settings, names_set())
        yield from misspelled()

    def _program(self, replica: Replica) -> Program:
        return Program(
            command=replica.function.command,
            environment={
                **self._broker_environment(replica.function.broker_user),
                **self._database_environment(replica.function.database_group),
                **self._pepper_environment(replica.function.settings),
                "HOST": replica.host,
                "PORT": str(replica.port),
                **_LOG_ENVIRONMENT,
            },
            settings=replica.function.settings,
            stop_seconds=self._settings.shutdown_timeout_seconds + _GRACE_SECONDS,
        )

    def _pepper_environment(self, settings: Collection[str]) -> dict[str, str]:
        if self._own_pepper is None or "USER_KEY_PEPPER" not in settings:
            return {}
        return {"USER_KEY_PEPPER": self._own_pepper}

    def _broker_environment(self, user: str | None) -> dict[str, str]:
        if user is None:
            return {}
        monitoring_url = self._nats.monitoring_url
        return {
            "NATS_URL": self._nats.url_for(user),
            **({} if monitoring_url is None else {"NATS_MONITORING_URL": monitoring_url}),
        }

    def _database_environment(self, group: str | None) -> dict[str, str]:
        if group is None:
            return {}
        if isinstance(self._postgres, OwnDatabase):
            return {"DATABASE_URL": self._postgres.url}
        told = {"DATABASE_URL": self._url_of(self._postgres, group)}
        if group == "eps_reporter":
            told["OPERATOR_DATABASE_URL"] = self._url_of(self._postgres, "eps_operator")
            room = self._settings.database_disk_bytes or room_for(self._postgres.data_dir)
            told["DATABASE_DISK_BYTES"] = str(room)
            told["GATEWAY_URL"] = self._settings.gateway_url or self._gateway_urls()
        return told

    def _gateway_urls(self) -> str:
        return ",".join(it.url for it in self._plan.replicas if it.function.name == "gateway")

    def _url_of(self, postgres: EmbeddedPostgres, group: str) -> str:
        return postgres.url_for(login_of(group), self._system.logins.passwords[group])

    def _save_pepper(self) -> None:
        """Save it before anything is derived by it."""
        if self._own_pepper is not None:
            pepper = self._own_pepper
            save_secrets(self._data_dir, database_url=None, nats_url=None, pepper=pepper)

    def _save_secrets(self) -> None:
        servers = (self._postgres, self._nats)
        database, broker = (it.url if isinstance(it, EmbeddedServer) else None for it in servers)
        save_secrets(
            self._data_dir, database_url=database, nats_url=broker, pepper=self._own_pepper
        )

    async def _disk_days(self) -> float | None:
        """Return how many days the disk lasts at the rate of the last hour that had events."""
        disk_bytes = self._settings.database_disk_bytes
        if isinstance(self._postgres, EmbeddedPostgres):
            disk_bytes = disk_bytes or room_for(self._postgres.data_dir)
        if disk_bytes is None:
            return None
        return await disk_days(self._postgres.url, disk_bytes)

    def _banner(self, disk_days: float | None) -> str:
        return banner(
            self._plan,
            database_url=self._postgres.url,
            nats_url=self._nats.url,
            monitoring_url=self._nats.monitoring_url,
            data_dir=self._data_dir,
            disk_days=disk_days,
        )


async def _until_wanted(start: asyncio.Task[None], wanted: asyncio.Task[bool]) -> int:
    """Wait for the request to stop, and raise errors that occur before it."""
    await asyncio.wait([start, wanted], return_when=asyncio.FIRST_COMPLETED)
    if start.done():
        start.result()
    return 0
