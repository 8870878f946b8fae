"""``eps migrate``."""

import asyncio

import click

from runtime.postgres.errors import translated
from runtime.postgres.schema.logins import make_logins
from runtime.postgres.schema.migrate import migrate as apply_migrations
from runtime.settings import MigrateSettings


@click.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date.

    Safe to run several times at once: one works, the others wait. If
    COLLECTOR_DATABASE_PASSWORD and the like are set, it also creates the logins
    that use them, or changes their passwords.
    """
    settings = MigrateSettings.load()
    url = settings.database_url.get_secret_value()
    with translated():
        applied = asyncio.run(apply_migrations(url))
        asyncio.run(make_logins(url, settings.login_passwords))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")
