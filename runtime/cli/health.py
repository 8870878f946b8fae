"""`eps health`: one line per component, whether processes or containers run it."""

import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import psutil  # type: ignore[import-untyped]
from nats.errors import Error as NatsError

from functions.errors import Unavailable
from runtime.catalogue import FUNCTIONS
from runtime.jetstream.connection import connected
from runtime.jetstream.operating.contents import Contents, read_contents
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS
from runtime.local.embedded.checks import (
    check_database,
    check_http,
    check_nats,
    check_postgres,
    refuses_events,
)
from runtime.local.embedded.readiness import NotReady
from runtime.local.embedded.tcp_ports import LOOPBACK
from runtime.local.supervisor.run_files import Running, load_run_state
from runtime.local.supervisor.settings import LocalSettings
from runtime.operating import ANSWER_SECONDS
from runtime.telemetry.in_words import size_in_words

_NAME_WIDTH = 16
_NATS_PORT = 4222
_NO_ROOM = 0.02
"""The free share below which a stream counts as full: messages have kilobytes, so the
broker refuses them before the last byte is used."""

_FULL = {
    EVENTS: "the gateway answers 503",
    DEAD_LETTERS: "rejected events are kept only as summaries; no event is refused because of it",
}


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """The health of all components.

    Attributes:
        lines: One a component, for a person to read.
        ok: Whether all are healthy.
    """

    lines: tuple[str, ...]
    ok: bool


async def check_health(data_dir: Path | None = None) -> SystemHealth:
    """Ask every component at once; takes about two seconds at most.

    What runs and where is in the data folder when `eps up` runs on it, else at
    the ports of the settings, where containers have theirs.

    Args:
        data_dir: Where to look; None for the setting ``DATA_DIR``.

    Raises:
        BadSettings: The settings can't be used.
    """
    settings = LocalSettings.load()
    folder = data_dir or settings.data_dir
    state = load_run_state(folder)
    processes = state.processes if state else tuple(_expected(settings))
    faults, full = await asyncio.gather(
        asyncio.gather(*(_fault(process) for process in processes)), _full_streams(processes)
    )
    lines = [_line(*pair) for pair in zip(processes, faults, strict=True)]
    if state is None and all(faults):
        nowhere = (
            f"Nothing is running, neither on {folder.resolve()} nor on the ports of the settings."
        )
        lines = [nowhere, *lines]
    return SystemHealth((*lines, *full), ok=not any(faults) and not full)


def _expected(settings: LocalSettings) -> Iterable[Running]:
    """List the components that run in containers."""
    yield Running("nats", f"nats://{LOOPBACK}:{settings.nats_port}")
    yield Running("postgres", f"postgresql://{LOOPBACK}:{settings.postgres_port}")
    for function in FUNCTIONS.values():
        port = getattr(settings, function.port_setting)
        yield Running(function.name, f"http://{LOOPBACK}:{port}")


async def _full_streams(processes: Iterable[Running]) -> list[str]:
    """Explain each full stream; a broker that can't be asked adds nothing."""
    urls = {process.name: process.url for process in processes}
    told = [url for name, url in urls.items() if name.startswith("gateway")]
    streams, refusing = await asyncio.gather(
        _streams(urls["nats"]), asyncio.gather(*map(refuses_events, told))
    )
    return list(full_lines(streams, refusing=any(refusing)))


async def _streams(url: str) -> list[Contents]:
    with suppress(Unavailable, NatsError, TimeoutError, OSError):
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            connected(url, "operator", ANSWER_SECONDS, patient=False) as broker,
        ):
            return await read_contents(broker.client)
    return []


def full_lines(streams: Iterable[Contents], *, refusing: bool = False) -> Iterable[str]:
    """Write a line for each full stream.

    Args:
        streams: What the broker has.
        refusing: Whether a gateway says that events had no room.
    """
    for it in streams:
        is_full = it.max_bytes - it.bytes < _NO_ROOM * it.max_bytes
        if is_full or (refusing and it.name == EVENTS):
            room = f"{size_in_words(it.bytes)} of {size_in_words(it.max_bytes)}"
            yield f"stream {it.name}  full ({room}): {_FULL[it.name]}"


async def _fault(process: Running) -> str:
    """Describe what is wrong with a component; empty if it is healthy."""
    url = urlsplit(process.url)
    try:
        match url.scheme:
            case "http":
                await check_http(f"{process.url}/health/ready")
            case "nats" | "tls":
                await _check_brokers(process.url)
            case "postgresql" | "postgres" if url.path:
                await check_database(process.url)
            case "postgresql" | "postgres":
                await check_postgres(url.hostname or "", url.port or 0)
            case _:
                _check_process(process)
    except NotReady as reason:
        return str(reason) or "no answer"
    return ""


async def _check_brokers(urls: str) -> None:
    """Return as soon as one of several servers answers."""
    told = [urlsplit(url) for url in urls.split(",")]
    checks = (check_nats(url.hostname or "", url.port or _NATS_PORT) for url in told)
    answers = await asyncio.gather(*checks, return_exceptions=True)
    if all(answers):
        raise next(answer for answer in answers if answer)


def _check_process(process: Running) -> None:
    if process.finished:
        return
    if process.pid is None or not psutil.pid_exists(process.pid):
        raise NotReady("it ended and waits to be restarted")


def _line(process: Running, fault: str) -> str:
    url = urlsplit(process.url)
    where = url.netloc.rpartition("@")[2] if url.netloc else f"process {process.pid}"
    told = "finished" if process.finished else where
    words = f"not healthy  {told}  {fault}" if fault else f"healthy      {told}"
    return f"{process.name:<{_NAME_WIDTH}} {words}"


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the `eps up` [.data]."
)
def health(data: Path | None) -> None:
    """Show the health of each component; exit code 1 if one is not healthy."""
    found = asyncio.run(check_health(data))
    for line in found.lines:
        click.echo(line)
    sys.exit(0 if found.ok else 1)
