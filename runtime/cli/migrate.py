"""``eps migrate``."""

import asyncio

import click

from runtime.postgres.errors import translated
from runtime.postgres.schema.distribution import distribute, undistribute
from runtime.postgres.schema.logins import make_logins
from runtime.postgres.schema.migrate import migrate as apply_migrations
from runtime.postgres.schema.migrate import rearrange
from runtime.settings import MigrateSettings

_MOVES = {"distribute": distribute, "undistribute": undistribute}


@click.command()
@click.option(
    "--distribute",
    "layout",
    flag_value="distribute",
    help="Then distribute the large tables over the nodes of a Citus cluster.",
)
@click.option(
    "--undistribute",
    "layout",
    flag_value="undistribute",
    help="Then bring them back to the coordinator alone.",
)
def migrate(layout: str | None) -> None:
    """Bring the schema of DATABASE_URL up to date.

    Safe to run several times at once: one works, the others wait. If
    COLLECTOR_DATABASE_PASSWORD and the like are set, it also creates the logins
    that use them, or changes their passwords.
    """
    settings = MigrateSettings.load()
    url = settings.database_url.get_secret_value()
    with translated():
        applied = asyncio.run(apply_migrations(url))
        moved = asyncio.run(rearrange(url, _MOVES[layout])) if layout else ()
        asyncio.run(make_logins(url, settings.login_passwords))
    for name in applied:
        click.echo(f"applied {name}")
    for name in moved:
        click.echo(f"{layout}d {name}")
    if not applied and not moved:
        click.echo("the schema is up to date")
