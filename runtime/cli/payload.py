"""``eps payload``."""

import asyncio

import click

from functions.events import SOURCES, Source
from runtime.cli.beside import load_beside
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import opened_now
from runtime.settings import DatabaseSettings


@click.command()
@click.argument("source", type=click.Choice(SOURCES, case_sensitive=False))
@click.argument("event_id", metavar="ID")
def payload(*, source: Source, event_id: str) -> None:
    """Print the event of SOURCE with this ID as received.

    Works on DATABASE_URL, or on the database of the `eps up` that runs here.
    Exit code 1 if no such event is stored. The output has personal data.
    """
    text = asyncio.run(_find(source, event_id))
    if text is None:
        raise click.ClickException(f"no event of {source} with this id is stored")
    click.echo(text)


async def _find(source: Source, event_id: str) -> str | None:
    async with opened_now(load_beside(DatabaseSettings), "eps payload") as pool:
        found = await PostgresTrails(pool).find_event(source, event_id)
    return None if found is None else found.payload
