import asyncio
import json
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from functions.errors import Unavailable
from runtime.cli.health import check_health
from runtime.jetstream.connection import connected
from runtime.local.embedded.tcp_ports import LOOPBACK

_SCRIPT = Path(__file__).with_name("dummy_system.py")
_ENVIRONMENT = {
    "GATEWAY_PORT": "0",
    "FB_COLLECTOR_PORT": "0",
    "TTK_COLLECTOR_PORT": "0",
    "REPORTER_PORT": "0",
    "DEAD_LETTERS_PORT": "0",
    "NATS_PORT": "0",
    "POSTGRES_PORT": "0",
    "SHUTDOWN_TIMEOUT_SECONDS": "30",
}

_KEPT_SECONDS = 20


class Supervised:
    """A supervisor as a separate process, with its output."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._stops = folder / "stops"
        self._output = folder / "output"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *names: str, **settings: str) -> None:
        arguments = [str(_SCRIPT), str(self.data_dir.parent), *names]
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *arguments),
                stdout=output,
                stderr=output,
                env={**os.environ, **_ENVIRONMENT, **settings},
                cwd=self.data_dir.parent,
            )

    async def ready(self) -> None:
        await until(lambda: self.pid_of("publisher") is not None and self.said("publishing"))

    @property
    def lines(self) -> list[str]:
        return self._output.read_text().splitlines()

    @property
    def stops(self) -> list[str]:
        return self._stops.read_text().splitlines() if self._stops.exists() else []

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    @property
    def processes(self) -> dict[str, dict[str, Any]]:
        file = self.data_dir / "run.json"
        state = json.loads(file.read_text()) if file.exists() else {"processes": []}
        return {process["name"]: process for process in state["processes"]}

    @property
    def secrets(self) -> Path:
        return self.data_dir / "secrets.env"

    @property
    def passwords(self) -> list[str]:
        """The stored passwords: of the database's superuser and of the broker's operator."""
        return re.findall(r"://\w+:([^@]+)@", self.secrets.read_text())

    async def told(self, *command: str) -> str:
        """Run a command of ``eps`` beside it, and read all its output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime", *command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "DATA_DIR": str(self.data_dir)},
        )
        output, _ = await process.communicate()
        return output.decode()

    def pid_of(self, name: str) -> int | None:
        return self.processes.get(name, {}).get("pid")

    def kill(self, name: str) -> None:
        os.kill(self.pid_of(name) or 0, signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    async def exit_code(self) -> int:
        assert self._process
        async with asyncio.timeout(20):
            return await self._process.wait()

    def descendants(self) -> list[psutil.Process]:
        assert self._process
        found: list[psutil.Process] = psutil.Process(self._process.pid).children(recursive=True)
        return found

    async def end(self) -> None:
        if self._process and self._process.returncode is None:
            self.signal(signal.SIGTERM)
            await self.exit_code()


@pytest.fixture
async def system() -> AsyncIterator[Supervised]:
    with tempfile.TemporaryDirectory(prefix="eps-up-") as folder:
        supervised = Supervised(Path(folder))
        yield supervised
        await supervised.end()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_lines_bear_the_name_of_their_process(system: Supervised) -> None:
    await system.start("gateway", "fb-collector", "reporter")
    await system.ready()

    assert "gateway      | hello from gateway" in system.lines
    assert "fb-collector | hello from fb-collector" in system.lines
    assert system.said("curl 'http://127.0.0.1:")


async def test_lines_are_kept_and_shown_again(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()

    shown = await system.told("logs")
    of_one = await system.told("logs", "fb-collector")
    async with asyncio.timeout(_KEPT_SECONDS):  # lines are gathered before they are written
        while "ready to accept connections" not in await system.told("logs", "--json", "postgres"):
            await asyncio.sleep(0.1)
    as_kept = await system.told("logs", "--json", "postgres")

    assert {line.split("|")[0].strip() for line in shown.splitlines()} == {
        *("eps", "nats", "postgres", "gateway", "fb-collector", "publisher")
    }
    assert "hello from fb-collector" in of_one
    assert len(of_one.splitlines()) == 1
    lines = [json.loads(line) for line in as_kept.splitlines()]
    assert any("ready to accept connections" in line["message"] for line in lines)
    assert not any(password in shown for password in system.passwords)


async def test_all_output_is_json_where_that_is_asked_for(system: Supervised) -> None:
    await system.start("gateway", LOG_FORMAT="json")
    await system.ready()
    await system.end()

    lines = [json.loads(line) for line in system.lines]
    assert any("Everything is ready" in line["message"] for line in lines)
    assert {line.get("process") for line in lines} >= {"eps", "nats", "postgres", "gateway"}


async def test_everything_stops_in_order_and_data_stay(system: Supervised) -> None:
    await system.start("gateway", "fb-collector", "reporter")
    await system.ready()
    children = system.descendants()

    system.signal(signal.SIGINT)

    assert await system.exit_code() == 0
    assert system.stops == ["publisher", "gateway", "fb-collector", "reporter"]
    ended = [line.split()[2] for line in system.lines if line.endswith(" stopped")]
    assert ended == ["publisher", "gateway", "fb-collector", "reporter", "nats", "postgres"]
    assert not any(child.is_running() for child in children)
    assert not (system.data_dir / "run.json").exists()
    assert (system.data_dir / "postgres" / "cluster").is_dir()


@pytest.mark.parametrize("name", ["fb-collector", "nats", "postgres", "publisher"])
async def test_a_dead_process_is_restarted(name: str, system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    before = system.pid_of(name)

    system.kill(name)

    await until(lambda: system.pid_of(name) not in {before, None})
    assert system.said(f"{name} was ended by SIGKILL; restarting in 0.2 s")
    system.signal(signal.SIGTERM)
    assert await system.exit_code() == 0


_FOREIGN = {
    "INGEST_API_KEYS": "first-secret",
    "OPERATOR_API_KEYS": "second-secret",
    "operator_database_password": "third-secret",
    "AWS_SECRET_ACCESS_KEY": "fourth-secret",
    "SOME_URL": "redis://user:fifth-secret@127.0.0.1",
    "POSTGRES_PASSWORD": "it's a sixth-secret",
}


async def test_no_process_knows_another_s_secrets_and_none_is_printed(
    system: Supervised,
) -> None:
    await system.start("gateway", "fb-collector", "reporter", **_FOREIGN)
    await system.ready()

    told = {name: known_to(process["pid"]) for name, process in system.processes.items()}
    passwords = set(system.passwords)

    assert told["publisher"] & set(_FOREIGN.values()) == {"first-secret"}
    for name in ("nats", "postgres", "gateway", "fb-collector", "reporter"):
        assert not any("-secret" in value for value in told[name])
    assert not told["postgres"] & passwords
    printed = "\n".join(system.lines)
    assert not any(secret in printed for secret in passwords | {"-secret"})
    assert f"  passwords      {system.secrets}" in system.lines
    for file in (system.secrets, system.data_dir / "run.json"):
        assert file.stat().st_mode & 0o777 == 0o600


def known_to(pid: int) -> set[str]:
    return set(psutil.Process(pid).environ().values())


async def test_nobody_can_reach_its_servers_without_a_password(system: Supervised) -> None:
    await system.start("gateway")
    await system.ready()
    database, broker = (urlsplit(system.processes[name]["url"]) for name in ("postgres", "nats"))

    for password in ("postgres", "", "guessed"):
        with pytest.raises(asyncpg.PostgresError, match="password"):
            await asyncpg.connect(
                host=LOOPBACK, port=database.port, user="postgres", password=password
            )
    with pytest.raises(Unavailable, match="refuses the user and password"):
        async with connected(f"nats://{LOOPBACK}:{broker.port}", "test", 30):
            pass


async def test_commands_beside_it_find_its_servers(system: Supervised) -> None:
    await system.start("gateway")
    await system.ready()

    assert "missing: DEAD_LETTERS, EVENTS" in await system.told("broker", "status")
    assert "0 letters" in await system.told("dead-letters", "summary")


async def test_passwords_stay_and_can_be_lost(system: Supervised) -> None:
    await system.start("gateway")
    await system.ready()
    first = system.passwords
    system.signal(signal.SIGTERM)
    await system.exit_code()

    await system.start("gateway")
    await system.ready()
    second = system.passwords
    system.signal(signal.SIGTERM)
    await system.exit_code()
    system.secrets.unlink()

    await system.start("gateway")
    await system.ready()

    assert second == first
    assert not set(system.passwords) & set(first)
    assert "0 letters" in await system.told("dead-letters", "summary")


async def test_a_second_ctrl_c_hurries(system: Supervised) -> None:
    await system.start("gateway", "stubborn", "reporter")
    await system.ready()

    system.signal(signal.SIGINT)
    await until(lambda: "stubborn" in system.stops)
    system.signal(signal.SIGINT)

    assert await system.exit_code() == 0
    assert system.said("stubborn was killed: to stop quickly")
    assert system.said("database system is shut down")


async def test_a_process_that_does_not_end_in_time_is_killed(system: Supervised) -> None:
    await system.start("gateway", "stubborn", SHUTDOWN_TIMEOUT_SECONDS="0.1")
    await system.ready()

    system.signal(signal.SIGINT)

    assert await system.exit_code() == 0
    assert system.said("stubborn was killed: it took too long")


async def test_a_function_that_can_t_start_ends_everything(system: Supervised) -> None:
    await system.start("gateway", "broken")

    assert await system.exit_code() == 1
    assert system.said("broken ended 3 times during its start")
    assert system.said("database system is shut down")


@pytest.mark.parametrize("said", ["", "starting PostgreSQL", "hello from gateway"])
async def test_a_signal_while_it_starts_stops_it(said: str, system: Supervised) -> None:
    await system.start("gateway", "reporter")
    await until(lambda: (system.data_dir / "postgres").exists() and system.said(said))

    system.signal(signal.SIGTERM)

    assert await system.exit_code() == 0
    assert not system.said("Everything is ready") or said == "hello from gateway"


async def test_nothing_outlives_a_supervisor_that_is_killed(system: Supervised) -> None:
    await system.start("gateway", "fb-collector")
    await system.ready()
    children = system.descendants()
    assert len(children) > 5

    system.signal(signal.SIGKILL)
    await system.exit_code()

    await until(lambda: not any(child.is_running() for child in children))


async def test_a_start_right_after_a_kill_goes_on(system: Supervised) -> None:
    await system.start("gateway")
    await system.ready()
    system.signal(signal.SIGKILL)
    await system.exit_code()
    (system.data_dir / "run.json").unlink()

    await system.start("gateway")

    await system.ready()


async def test_a_second_supervisor_on_the_same_data_is_refused(system: Supervised) -> None:
    await system.start("gateway")
    await system.ready()
    second = Supervised(system.data_dir.parent)

    await second.start("gateway")

    assert await second.exit_code() == 1
    assert system.said("is in use by another process; stop it, or choose another folder")
    assert system.pid_of("gateway")


async def test_a_taken_port_stops_it_before_anything_starts(system: Supervised) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]

        await system.start("gateway", GATEWAY_PORT=str(port), NATS_PORT=str(port))

        assert await system.exit_code() == 1
    assert f"  {port}, from GATEWAY_PORT: Address already in use" in system.lines
    assert f"  {port}, from NATS_PORT: Address already in use" in system.lines
    assert [file.name for file in system.data_dir.iterdir()] == ["lock"]


async def test_health_reports_healthy_and_unhealthy_components(
    system: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, value in _ENVIRONMENT.items():
        monkeypatch.setenv(setting, value)
    await system.start("gateway", "reporter")
    await system.ready()

    well = await check_health(system.data_dir)
    os.kill(system.pid_of("gateway") or 0, signal.SIGSTOP)
    ill = await check_health(system.data_dir)
    system.kill("gateway")
    system.signal(signal.SIGTERM)
    await system.exit_code()
    nothing = await check_health(system.data_dir)

    assert well.ok
    assert [line.split()[0] for line in well.lines] == [
        *("nats", "postgres", "gateway", "reporter", "publisher")
    ]
    assert not ill.ok
    assert next(line for line in ill.lines if "not healthy" in line).startswith("gateway ")
    assert "no answer within 2 s" in "".join(ill.lines)
    assert not nothing.ok
    assert nothing.lines[0].startswith("Nothing is running")


async def test_test_events_stop_before_the_disk_is_full(system: Supervised) -> None:
    await system.start("gateway", "reporter", DISK_RESERVE_BYTES="900000gb")

    await until(lambda: system.said("the disk is almost full: no more test events are sent"))
    await until(lambda: system.pid_of("publisher") is None)

    assert system.pid_of("gateway") is not None
    system.signal(signal.SIGTERM)
    assert await system.exit_code() == 0
