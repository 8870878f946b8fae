"""The command line of dead letters: ``eps dead-letters``, straight on the database."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from uuid import UUID, uuid4

import click
from pydantic import BaseModel

from functions.errors import Invalid
from functions.operator.answers import DeadLetterHead
from functions.operator.handler import (
    handle_discard,
    handle_list,
    handle_reopen,
    handle_show,
    handle_summary,
    show_elements,
)
from functions.operator.ports import Settled
from functions.operator.replay import handle_replay
from functions.parameters import Params
from runtime.bus.replaying import read_envelope
from runtime.cli.beside import load_beside
from runtime.cli.help import CommandGroup
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.pool import opened_now
from runtime.settings import DatabaseSettings

_FILTERS = (
    click.option(
        "--from", metavar="TIME", help="Accepted at this time or later: a date-time or a date."
    ),
    click.option(
        "--to", metavar="TIME", help="Accepted before this time; a date includes that day."
    ),
    click.option("--source", help="facebook or tiktok."),
    click.option("--reason", help="rejected, unreadable, refused, too_old or summarized."),
    click.option("--field", help="The field at fault, such as data.user.age."),
    click.option("--id", help="Only this dead letter."),
)
_STATE = click.option("--state", help="open, replayed, discarded or all [open].")
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show the result without changing anything."
)

_Command = Callable[..., None]


def _filtered(command: _Command) -> _Command:
    """Give a command the options that choose letters."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group("dead-letters", cls=CommandGroup)
def dead_letters() -> None:
    """Inspect, replay, discard and reopen dead letters: events that could not be stored.

    Works on DATABASE_URL, or on the database of the `eps up` that runs on
    DATA_DIR; the reporter need not run. Times are times of acceptance, in UTC
    unless they have an offset.
    """


@dead_letters.command("list")
@_filtered
@_STATE
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
def list_letters(limit: int, **chosen: str | None) -> None:
    """List dead letters, newest first, one per line, without the sender's bytes."""

    async def work(letters: PostgresDeadLetters) -> None:
        number = 0
        async for head in _heads(letters, chosen):
            if number == limit:
                click.echo(f"there are more: use --limit {10 * limit}", err=True)
                return
            number += 1
            click.echo(_line(head))

    _run(work)


@dead_letters.command()
@_filtered
@_STATE
def summary(**chosen: str | None) -> None:
    """Count dead letters by day, reason and field."""

    async def work(letters: PostgresDeadLetters) -> None:
        counted = await handle_summary(_params(chosen), letters=letters)
        for count in counted.counts:
            click.echo(
                f"{count.day}  {count.reason:10}  {count.letters:>8}  {count.field or '-'}"
                + (f"  ({count.elements} events)" if count.elements > count.letters else "")
            )
        click.echo(f"{counted.total_letters} letters")

    _run(work)


@dead_letters.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
def show(letter_id: UUID) -> None:
    """Show dead letter ID with its bytes and its history, as JSON."""

    async def work(letters: PostgresDeadLetters) -> None:
        letter = await handle_show(letter_id, letters=letters)
        if letter is None:
            raise click.ClickException("there is no such dead letter")
        _print(letter, indent=2)

    _run(work)


@dead_letters.command()
@_filtered
@_STATE
def export(**chosen: str | None) -> None:
    """Write dead letters with their bytes and history as JSON lines, newest first.

    A letter that holds many events has a line for each of them.
    What their senders wrote is in it: keep it as safe as the events.
    """

    async def work(letters: PostgresDeadLetters) -> None:
        async for head in _heads(letters, chosen):
            letter = await letters.find(head.id)
            for shown in show_elements(letter) if letter else ():
                _print(shown)

    _run(work)


@dead_letters.command()
@_filtered
@_DRY_RUN
def replay(*, dry_run: bool, **chosen: str | None) -> None:
    """Validate open dead letters again, oldest first, and store the valid events.

    Safe to repeat: an event is stored once, with its first correlation id.
    """
    correlation_id = str(uuid4())

    async def work(letters: PostgresDeadLetters) -> None:
        total, cursor, more = Settled(), None, True
        while more:
            params = _params({**chosen, "dryRun": str(dry_run).lower(), "cursor": cursor})
            page = await handle_replay(
                params, letters=letters, read_envelope=read_envelope, correlation_id=correlation_id
            )
            total += Settled(page.replayed, page.failed, page.stored, page.duplicates)
            cursor = page.next_cursor
            more = cursor is not None
            if sys.stderr.isatty():
                click.echo(
                    f"\r{total.replayed} replayed, {total.failed} failed", err=True, nl=not more
                )
        click.echo(json.dumps({"dryRun": dry_run, **asdict(total)}, indent=2))

    _run(work)


@dead_letters.command()
@_filtered
@_DRY_RUN
@click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
)
def discard(*, dry_run: bool, yes: bool, **chosen: str | None) -> None:
    """Discard the open dead letters that match; at least one filter. They stay in the table.

    Shows their number and asks for confirmation. `reopen` undoes it.
    """

    async def work(letters: PostgresDeadLetters) -> None:
        correlation_id = str(uuid4())
        if not dry_run and not yes:
            asked = _params({**chosen, "dryRun": "true"})
            found = await handle_discard(asked, letters=letters, correlation_id=correlation_id)
            _make_sure(found.discarded)
        params = _params({**chosen, "dryRun": str(dry_run).lower()})
        _print(
            await handle_discard(params, letters=letters, correlation_id=correlation_id), indent=2
        )

    _run(work)


def _make_sure(number: int) -> None:
    """Ask for confirmation with the number of letters; end the command if it is denied."""
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this would discard {number} letters; without a terminal, confirm with --yes"
        )
    click.confirm(f"Discard {number} dead letters?", abort=True, err=True)


@dead_letters.command()
@_filtered
@_DRY_RUN
def reopen(*, dry_run: bool, **chosen: str | None) -> None:
    """Reopen the discarded dead letters that match; at least one filter."""

    async def work(letters: PostgresDeadLetters) -> None:
        params = _params({**chosen, "dryRun": str(dry_run).lower()})
        _print(await handle_reopen(params, letters=letters, correlation_id=str(uuid4())), indent=2)

    _run(work)


def _run(work: Callable[[PostgresDeadLetters], Awaitable[None]]) -> None:
    async def on_database() -> None:
        async with _opened() as letters:
            await work(letters)

    try:
        asyncio.run(on_database())
    except Invalid as error:
        raise click.UsageError(str(error)) from error


@asynccontextmanager
async def _opened() -> AsyncIterator[PostgresDeadLetters]:
    async with opened_now(load_beside(DatabaseSettings), "eps dead-letters") as pool:
        yield PostgresDeadLetters(pool)


async def _heads(
    letters: PostgresDeadLetters, chosen: Mapping[str, str | None]
) -> AsyncIterator[DeadLetterHead]:
    """Read page after page."""
    page = await handle_list(_params(chosen), letters=letters)
    while True:
        for head in page.letters:
            yield head
        if page.next_cursor is None:
            return
        page = await handle_list(_params({**chosen, "cursor": page.next_cursor}), letters=letters)


def _params(chosen: Mapping[str, str | None]) -> Params:
    return [(name, value) for name, value in chosen.items() if value is not None]


def _line(head: DeadLetterHead) -> str:
    accepted = f"{head.accepted_at:%Y-%m-%dT%H:%M:%SZ}"
    where = f"{head.field}: " if head.field else ""
    source = head.source or "unknown"
    return f"{head.id}  {accepted}  {head.state}  {head.reason}  {source}  {where}{head.message}"


def _print(answer: BaseModel, indent: int | None = None) -> None:
    click.echo(answer.model_dump_json(indent=indent))
