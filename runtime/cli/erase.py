"""``eps erase``."""

import asyncio
import json
from dataclasses import asdict
from uuid import UUID

import click

from functions.events import SOURCES, Source
from runtime.cli.beside import load_beside
from runtime.postgres.pool import opened_now
from runtime.postgres.storing import erasing
from runtime.postgres.storing.erasing import Erased
from runtime.settings import DatabaseSettings


@click.command()
@click.option("--source", type=click.Choice(SOURCES, case_sensitive=False))
@click.option("--user", "user_id", metavar="ID", help="The platform's own id, in native events.")
@click.option("--key", type=click.UUID, help="The user's key, as in table users.")
@click.option("--requested", is_flag=True, help="Do the platforms' requests that are not done.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and change nothing.")
def erase(
    *,
    source: Source | None,
    user_id: str | None,
    key: UUID | None,
    requested: bool,
    dry_run: bool,
) -> None:
    """Erase a user: attributes, payloads and dead letters. Counts stay as they are.

    Works on DATABASE_URL, or on the database of the `eps up` that runs here, with the
    rights of the schema's owner. The request is kept as proof, and restored days honour it.
    """
    if requested == (source is not None):
        raise click.UsageError("give --source with --user or --key, or --requested alone")
    if requested and (dry_run or user_id or key):
        raise click.UsageError("--requested stands alone")
    if not requested and (user_id is None) == (key is None):
        raise click.UsageError("give one of --user and --key")

    async def on_database() -> list[Erased]:
        async with opened_now(load_beside(DatabaseSettings), "eps erase") as pool:
            if source is None:
                return await erasing.erase_requested(pool)
            whom = None if key is None else key.bytes
            return [await erasing.erase(pool, source, user_id=user_id, key=whom, dry_run=dry_run)]

    for erased in asyncio.run(on_database()):
        click.echo(json.dumps({"dryRun": dry_run, **asdict(erased)}))
