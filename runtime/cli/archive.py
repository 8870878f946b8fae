"""``eps archive``."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, get_args

import asyncpg
import click

from functions.events import Source
from runtime.archiving.errors import ArchiveFailed
from runtime.archiving.places import NEEDS, ArchivePlace, open_place
from runtime.cli.beside import load_beside
from runtime.cli.help import CommandGroup
from runtime.postgres.errors import translated
from runtime.postgres.pool import opened_now
from runtime.settings import ArchiveSettings

_ERASE_LINE: Final = "\r\033[K"

_PLACE: Final = click.option(
    "--to",
    "--from",
    "place",
    metavar="PLACE",
    help="The archive: a folder or s3://bucket/prefix [ARCHIVE_URL].",
)
_DAYS: Final = click.argument(
    "days", nargs=-1, metavar="DAY…", type=click.DateTime(formats=["%Y-%m-%d"])
)
_SOURCE: Final = click.option(
    "--source", type=click.Choice(get_args(Source)), help="Only events of this platform."
)

_Work = Callable[[asyncpg.Pool, "_Job"], Awaitable[None]]


class _Job:
    """The archive and the output of a command, beside its database."""

    def __init__(self, settings: ArchiveSettings, place: str | None, tell: Any) -> None:
        self.settings = settings
        self._place = place
        self.tell: Callable[[str], None] = tell

    @property
    def place(self) -> ArchivePlace:
        """The archive's folder or bucket.

        Raises:
            UsageError: It is not set.
        """
        url = self._place or self.settings.archive_url
        if url is None:
            raise click.UsageError(
                "the archive's location is missing: give --to or set ARCHIVE_URL"
            )
        return open_place(url)

    def done(self, line: str) -> None:
        """Report one finished step."""
        self.tell("")
        click.echo(line)


@click.group("archive", cls=CommandGroup, invoke_without_command=True)
@_PLACE
@click.option("--restored", is_flag=True, help="Also delete days that were restored before.")
@click.pass_context
def archive(context: click.Context, *, place: str | None, restored: bool) -> None:
    """Archive old days as Parquet, verify the files, and delete their events.

    Archives each day that ended more than EVENTS_KEEP_DAYS ago, by the events'
    own time in UTC. From then on, events of that day are no longer accepted. The
    rollups stay, so reports do not change. DEAD_LETTERS_KEEP_DAYS limits dead
    letters that are not open, and LEDGER_KEEP_DAYS limits ledger entries that
    balance. Without its setting, nothing of a kind is deleted. Safe to
    interrupt: the next run continues.

    Works on DATABASE_URL with the rights of the tables' owner, or on the
    database of the `eps up` that runs here.
    """
    context.obj = place
    if context.invoked_subcommand is None:
        _run(place, lambda pool, job: _let_go(pool, job, restored=restored))


@archive.command()
@_DAYS
@_SOURCE
@_PLACE
@click.pass_obj
def restore(
    outer: str | None, *, days: tuple[datetime, ...], source: Source | None, place: str | None
) -> None:
    """Restore the events of DAY into the database, unchanged.

    They stay until `eps archive --restored` deletes them.
    """
    if not days:
        raise click.UsageError("name one or more days to restore, such as 2024-01-31")
    _run(place or outer, lambda pool, job: _restore(pool, job, days, source))


@archive.command()
@_DAYS
@_SOURCE
@_PLACE
@click.pass_obj
def check(
    outer: str | None, *, days: tuple[datetime, ...], source: Source | None, place: str | None
) -> None:
    """Read archived days, and compare them with their manifests and with the rollups.

    Without DAY, it checks every archived day. Exit code 1 if one differs.
    """
    _run(place or outer, lambda pool, job: _check(pool, job, days, source))


async def _let_go(pool: asyncpg.Pool, job: _Job, *, restored: bool) -> None:
    retaining = _retaining()
    settings, tell = job.settings, job.tell
    if settings.events_keep_days is not None:
        gone = retaining.let_events_go(
            pool, job.place, settings.events_keep_days, restored=restored, tell=tell
        )
        number = 0
        async for day in gone:
            number += 1
            job.done(f"{day.key}: {day.events} events archived and dropped")
        if not number:
            job.done("no day has to be archived")
    if settings.dead_letters_keep_days is not None:
        number = await retaining.forget_letters(pool, settings.dead_letters_keep_days, tell)
        job.done(f"{number} dead letters dropped")
    if settings.ledger_keep_days is not None:
        number = await retaining.forget_ledger(pool, settings.ledger_keep_days, tell)
        job.done(f"{number} ledger entries dropped")
    kept = {settings.events_keep_days, settings.dead_letters_keep_days, settings.ledger_keep_days}
    if kept == {None}:
        job.done(
            "everything is kept forever: neither EVENTS_KEEP_DAYS nor any other KEEP_DAYS setting "
            "is set"
        )


async def _restore(
    pool: asyncpg.Pool, job: _Job, days: tuple[datetime, ...], source: Source | None
) -> None:
    retaining = _retaining()
    for day in await retaining.known_days(pool, [it.date() for it in days], source):
        if await retaining.restore(pool, job.place, day, job.tell):
            job.done(f"{day.key}: {day.events} events restored")
        else:
            job.done(f"{day.key}: is in the database already")


async def _check(
    pool: asyncpg.Pool, job: _Job, days: tuple[datetime, ...], source: Source | None
) -> None:
    retaining = _retaining()
    asked = [it.date() for it in days] if days else None
    place, is_bad = job.place, False
    for day in await retaining.known_days(pool, asked, source):
        try:
            retaining.prove(place, day, job.tell)
        except ArchiveFailed as error:
            is_bad = True
            job.done(f"{error}")
        else:
            state = "also in the database" if day.dropped_until == day.key.start else "dropped"
            job.done(f"{day.key}: {day.events} events, correct; {state}")
    if is_bad:
        sys.exit(1)


def _retaining() -> Any:  # a module
    """Import pyarrow and the modules that need it.

    Raises:
        ArchiveFailed: pyarrow is not installed.
    """
    try:
        from runtime.archiving import retaining  # noqa: PLC0415 - is large, and optional
    except ModuleNotFoundError as error:
        raise ArchiveFailed(f"{error.name} {NEEDS}") from error
    return retaining


def _run(place: str | None, work: _Work) -> None:
    async def on_database() -> None:
        settings = load_beside(ArchiveSettings)
        async with opened_now(settings, "eps archive") as pool:
            with _progress() as tell, translated():
                async with _retaining().alone(pool):
                    await work(pool, _Job(settings, place, tell))

    try:
        asyncio.run(on_database())
    except ArchiveFailed as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show progress on a terminal; elsewhere print nothing."""
    if not sys.stderr.isatty():
        yield lambda _step: None
        return

    def show(step: str) -> None:
        sys.stderr.write(f"{_ERASE_LINE}{step}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        show("")
