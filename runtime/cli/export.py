"""``eps export``."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, get_args

import asyncpg
import click

from functions.errors import Invalid
from functions.events import SOURCES, Source
from functions.parameters import Period, parse_end, parse_start, period_of, read_parameters
from functions.reporter.events_report import EventsQuestion
from runtime.archiving.formats import Format, open_writer
from runtime.archiving.pages import read_pages
from runtime.cli.beside import load_beside
from runtime.postgres.errors import translated
from runtime.postgres.pool import opened_now
from runtime.postgres.reporting.gone import REPORT_GONE
from runtime.postgres.reporting.reports import PostgresReports
from runtime.settings import DatabaseSettings

MISSING: Final = "pyarrow is not installed: install requirements-archive.lock"

_PARAMETERS: Final = {"from": parse_start, "to": parse_end}


@click.command("export")
@click.option(
    "--from", "start", metavar="TIME", help="Events of this time or later: a date-time or a date."
)
@click.option(
    "--to", "end", metavar="TIME", help="Events before this time; a date includes that day."
)
@click.option(
    "--source",
    type=click.Choice(SOURCES, case_sensitive=False),
    help="Only events of this platform.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(get_args(Format)),
    default="ndjson",
    show_default=True,
    help="ndjson: the events as they were sent; parquet: every stored column.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; it appears once it is complete [standard output].",
)
def export(
    *,
    start: str | None,
    end: str | None,
    source: Source | None,
    format_: Format,
    output: Path | None,
) -> None:
    """Write the events of a range of time to a file or to standard output.

    Works on DATABASE_URL, or on the database of the `eps up` that runs here.
    The output has personal data: protect it as you protect the events. In a CSV
    file, a sender's text that a spreadsheet would take for a formula gets a
    leading '. Events that arrive during the export may be left out.
    """
    given = {"from": start, "to": end}
    try:
        values = read_parameters([(name, it) for name, it in given.items() if it], _PARAMETERS)
    except Invalid as error:
        raise click.UsageError(str(error)) from error
    if output is None and format_ == "parquet" and sys.stdout.isatty():
        raise click.UsageError(
            "Parquet is binary and can't be written to a terminal: use --output FILE"
        )
    try:
        with _opened(output) as file:
            number = asyncio.run(_export(period_of(values), source, format_, file))
    except ModuleNotFoundError as error:
        raise click.ClickException(MISSING) from error
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    click.echo(f"{number} events", err=True)


async def _export(period: Period, source: Source | None, format_: Format, file: BinaryIO) -> int:
    number = 0
    async with opened_now(load_beside(DatabaseSettings), "eps export") as pool:
        await _check(pool, period, source)
        with open_writer(format_, file) as writer:
            async with _bar(pool, period, source) as advance:
                async for page in read_pages(pool, period, source):
                    writer.write(page)
                    number += len(page)
                    advance(len(page))
    file.flush()
    return number


async def _check(pool: asyncpg.Pool, period: Period, source: Source | None) -> None:
    """Check that no event of the range has been archived and deleted.

    Raises:
        ClickException: Some were.
    """
    with translated():
        kept_from = await pool.fetchval(REPORT_GONE, [period.start], [period.end], source)
    if kept_from is not None:
        raise click.ClickException(
            f"events before {kept_from:%Y-%m-%d} were archived: start later, or restore them with "
            "eps archive restore"
        )


@asynccontextmanager
async def _bar(
    pool: asyncpg.Pool, period: Period, source: Source | None
) -> AsyncIterator[Callable[[int], None]]:
    """Show progress on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    figures = await PostgresReports(pool).count_events(
        EventsQuestion(period, source), max_buckets=0
    )
    total = sum(kind.events for kind in figures.kinds)
    with click.progressbar(length=total, label="exported", file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Open the output; a file gets its name only once all events are in it."""
    if output is None:
        yield sys.stdout.buffer
        return
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        with _private(partial) as file:
            yield file
        partial.replace(output)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _private(path: Path) -> BinaryIO:
    """Open a new file that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
