"""The command line of the broker: ``eps broker``."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from nats.errors import Error as NatsError
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from functions.errors import Unavailable
from runtime.cli.beside import load_beside
from runtime.cli.help import CommandGroup
from runtime.cli.progress import progress
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.kept import Window, read_window
from runtime.jetstream.operating.contents import (
    Contents,
    First,
    WaitingMessages,
    clear_settled,
    read_contents,
)
from runtime.jetstream.operating.replay import NotKept, replay, settled_since
from runtime.jetstream.operating.set_aside import NotSetAside, put_back, set_aside
from runtime.jetstream.operating.snapshots import BadCopy, back_up, copied_streams, restore
from runtime.jetstream.readying import ready_broker
from runtime.jetstream.streams import DEAD_LETTERS, EVENTS, KEPT
from runtime.operating import ANSWER_SECONDS
from runtime.settings import BrokerSettings
from runtime.telemetry.in_words import in_words, size_in_words
from runtime.telemetry.safe_urls import shown

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))

_Work = Callable[[Broker, BrokerSettings], Awaitable[None]]


@click.group("broker", cls=CommandGroup)
def broker() -> None:
    """Inspect the streams of the broker at NATS_URL, back them up, and take out messages.

    The broker of an `eps up` is found through DATA_DIR. For another broker that has
    users, log in as its operator: NATS_URL=nats://operator:<password>@broker:4222
    """


@broker.command()
def status() -> None:
    """Show what each stream holds, and each consumer's backlog.

    Exit code 1 if a stream is missing, or has messages that no consumer will receive.
    """

    async def work(connection: Broker, _: BrokerSettings) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await read_contents(connection.client)
                window = await read_window(connection.client)
        except TimeoutError as error:
            why = in_words(error, ANSWER_SECONDS)
            raise Unavailable(f"the broker did not list its streams: {why}") from error
        for contents in found:
            for line in status_lines(contents, datetime.now(UTC)):
                click.echo(line)
        if window:
            click.echo(window_line(window, datetime.now(UTC)))
        missing = {EVENTS, DEAD_LETTERS} - {it.name for it in found}
        if missing:
            raise click.ClickException(f"missing: {', '.join(sorted(missing))}")
        if any(it.unclaimed for it in found):
            raise click.ClickException(
                "there are messages that no consumer will receive; see eps broker clear"
            )

    _run(work)


@broker.command()
@_FOLDER
def backup(folder: Path) -> None:
    """Copy the streams, also the stored messages that are kept, into FOLDER while in use.

    What senders wrote is in it: keep it as safe as the events.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def work(connection: Broker, _: BrokerSettings) -> None:
        kept = [KEPT] if await read_window(connection.client) else []
        for stream in (EVENTS, DEAD_LETTERS, *kept):
            messages = await back_up(connection.client, stream, folder)
            click.echo(f"{stream}: {messages} messages copied")

    _run(work)


@broker.command("restore")
@_FOLDER
def restore_streams(folder: Path) -> None:
    """Restore streams from the copies in FOLDER.

    The broker must not have them: it is new, or its functions are stopped and
    its folder is empty.
    """

    async def work(connection: Broker, _: BrokerSettings) -> None:
        for stream in copied_streams(folder):
            messages = await restore(connection.client, stream, folder)
            click.echo(f"{stream}: {messages} messages restored")

    _run(work)


@broker.command()
def clear() -> None:
    """Remove acknowledged messages that the broker did not delete, as after a full disk.

    All that they hold is in the database: an acknowledgement follows the commit.
    """

    async def work(connection: Broker, _: BrokerSettings) -> None:
        for consumer, messages in (await clear_settled(connection.client)).items():
            click.echo(f"{consumer}: {messages:,} messages removed")

    _run(work)


@broker.command()
@click.option(
    "--first-sequence",
    type=click.IntRange(1),
    help="First sequence of a created stream: above every one that the ledger knows [1].",
)
def make(first_sequence: int | None) -> None:
    """Create the streams that are missing, and bring the settings of the others up to date."""

    async def work(connection: Broker, settings: BrokerSettings) -> None:
        before = await _configurations(connection)
        await ready_broker(connection, settings, first_sequence=first_sequence)
        for name, config in (await _configurations(connection)).items():
            click.echo(f"{name}: {_difference(before.get(name), config)}")

    _run(work)


@broker.command()
@click.argument("stream", type=click.Choice([EVENTS, DEAD_LETTERS]))
@click.argument("sequence", type=click.IntRange(1))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def take(stream: str, sequence: int, file: Path) -> None:
    """Move message SEQUENCE of STREAM into FILE, which must not exist yet.

    The ledger misses what it holds until `eps broker put` brings it back.
    """

    async def work(connection: Broker, _: BrokerSettings) -> None:
        await set_aside(connection.jetstream, stream, sequence, file)
        click.echo(f"message {sequence} of {stream} was moved to {file}")

    _run(work)


@broker.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def put(file: Path) -> None:
    """Put the message in FILE back at the end of its stream; the file stays."""

    async def work(connection: Broker, _: BrokerSettings) -> None:
        click.echo(f"published as message {await put_back(connection.jetstream, file)}")

    _run(work)


@broker.command("replay")
@click.option(
    "--since",
    "since",
    required=True,
    metavar="MOMENT",
    help="A date-time or a date, RFC 3339; in UTC if it has no offset.",
)
@click.option("--dry-run", is_flag=True, help="Only show how many messages would be replayed.")
def replay_kept(since: str, *, dry_run: bool) -> None:
    """Replay the messages settled since MOMENT, into a database that has lost them.

    The broker keeps what collectors have stored for KEEP_SETTLED_SECONDS.
    Events that the database still has are passed over: nothing is counted
    twice, and running it again is safe, also while all runs. MOMENT is when
    the database was last known to have everything: of a backup its beginning,
    of a replica the last moment that it had.

    Exit code 1 when what is kept does not reach back to MOMENT.
    """
    moment = _moment(since)

    async def work(connection: Broker, _: BrokerSettings) -> None:
        span = await settled_since(connection.client, moment)
        if dry_run:
            click.echo(f"{span.messages:,} messages would be replayed")
            return
        with progress() if sys.stderr.isatty() else nullcontext(_say_nothing) as told:
            done = await replay(connection, span, told)
        click.echo(f"{done:,} messages replayed; `eps broker status` shows how many still wait")
        if done < span.messages:
            gone = span.messages - done
            raise click.ClickException(
                f"{gone:,} messages were deleted by the broker before their turn"
            )

    _run(work)


async def _configurations(connection: Broker) -> dict[str, StreamConfig]:
    """Read the settings of the existing streams, by name."""
    configs = {}
    for name in (EVENTS, DEAD_LETTERS, KEPT):
        with suppress(NotFoundError):
            configs[name] = (await connection.jetstream.stream_info(name)).config
    return configs


def _difference(before: StreamConfig | None, now: StreamConfig) -> str:
    """Describe how a stream's settings changed."""
    if before is None:
        return f"created, {size_in_words(now.max_bytes or 0)}"
    changed = [
        f"{words} {show(was)} to {show(to)}"
        for field, (words, show) in _TOLD.items()
        if (was := getattr(before, field)) != (to := getattr(now, field))
    ]
    return f"changed, {', '.join(changed)}" if changed else "unchanged"


def _seconds(number: float) -> str:
    return f"{number:,.0f} s"


_TOLD: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "max_bytes": ("size from", lambda size: size_in_words(size or 0)),
    "num_replicas": ("replicas from", str),
    "max_age": ("maximum age from", lambda seconds: _seconds(seconds or 0)),
    "duplicate_window": ("duplicate window from", lambda seconds: _seconds(seconds or 0)),
    "retention": ("retention from", str),
    "discard": ("when full, from", str),
    "subjects": ("subjects from", str),
}
"""The settings of a stream whose changes are reported, and how each is written."""


def _say_nothing(_: str) -> None:
    """Print no progress: a log has no use for it."""


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is not a date-time", param_hint="--since") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def window_line(window: Window, now: datetime) -> str:
    """Describe, for people, the settled messages that are kept."""
    reach = (now - window.since).total_seconds()
    return (
        f"{KEPT}: {window.messages:,} settled messages, {size_in_words(window.bytes)} of "
        f"{size_in_words(window.max_bytes)}, since {window.since:%Y-%m-%d %H:%M:%SZ}, {reach:,.0f} "
        f"s ago; {window.wanted_seconds:,.0f} s are required"
    )


def status_lines(contents: Contents, now: datetime) -> Iterator[str]:
    """Write the contents of a stream for people."""
    copies, current = contents.copies
    yield (
        f"{contents.name}: {contents.messages:,} messages, {size_in_words(contents.bytes)} of "
        f"{size_in_words(contents.max_bytes)}, up to sequence {contents.last_sequence}, {current} "
        f"of {copies} replicas current"
    )
    for waiting in contents.waiting:
        yield f"  {waiting.consumer}: {_waiting(waiting)}{_first(waiting.first, now)}"
    if contents.unclaimed:
        yield f"  without a consumer: {contents.unclaimed:,}{_first(contents.first, now)}"


def _waiting(waiting: WaitingMessages) -> str:
    again = f" ({waiting.again:,} redelivered)" if waiting.again else ""
    return f"{waiting.undelivered:,} waiting, {waiting.in_hand:,} in progress{again}"


def _first(first: First | None, now: datetime) -> str:
    if first is None:
        return ""
    age = (now - first.stored_at).total_seconds()
    return f"; the first is {first.sequence}, {age:,.0f} s old, {size_in_words(first.bytes)}"


def _run(work: _Work) -> None:
    async def on_broker() -> None:
        settings = load_beside(BrokerSettings)
        url = settings.nats_url.get_secret_value()
        async with connected(url, "operator", ANSWER_SECONDS, patient=False) as connection:
            with _answered(url):
                await work(connection, settings)

    try:
        asyncio.run(on_broker())
    except (BadCopy, NotKept, NotSetAside) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _answered(url: str) -> Iterator[None]:
    """Report in one line the request that the broker did not do.

    Raises:
        Unavailable: It refused, or did not answer.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader has closed, which is not the broker's fault
    except APIError as error:
        raise Unavailable(f"the broker at {shown(url)} refuses: {in_words(error)}") from error
    except (NatsError, TimeoutError, OSError) as error:
        raise Unavailable(
            f"the broker at {shown(url)} can't be reached: {in_words(error)}"
        ) from error
