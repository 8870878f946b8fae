"""`eps psql`: PostgreSQL's own client, connected to the system's database."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

import click

from runtime.cli.beside import load_beside
from runtime.local.embedded.postgres_server import binary
from runtime.local.embedded.readiness import StartFailed
from runtime.settings import DatabaseSettings

_ODD_NAMES: Final = {
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""Parameters whose environment variable is not simply PG and the name without underscores."""

_ELSEWHERE: Final = ("PGHOSTADDR", "PGSERVICE")
"""Environment variables that would send psql to a server other than the URL's."""

_HOST: Final = re.compile(r"(\[[^]]*\]|[^:]*)(?::([0-9]*))?")


def run_psql(url: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by psql; the password is not in the arguments, which are public.

    Args:
        url: The database's; a database that the arguments name is one of the same server.
        arguments: As psql takes them.

    Raises:
        StartFailed: The embedded server's programs are missing.
    """
    program = str(binary("psql"))
    inherited = {name: text for name, text in os.environ.items() if name not in _ELSEWHERE}
    os.execve(program, [program, *arguments], {**inherited, **variables_of(url)})  # noqa: S606


def variables_of(url: str) -> Mapping[str, str]:
    """Translate a URL into libpq's environment variables."""
    return {name: text for name, text in _told(url) if text}


def _told(url: str) -> Iterator[tuple[str, str]]:
    parts = urlsplit(url)
    login, _, servers = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts = [_host(server) for server in servers.split(",")]
    yield "PGHOST", ",".join(host for host, _ in hosts)
    if any(port for _, port in hosts):
        yield "PGPORT", ",".join(port for _, port in hosts)
    yield "PGUSER", unquote(user)
    yield "PGPASSWORD", unquote(password)
    yield "PGDATABASE", unquote(parts.path.removeprefix("/"))
    for name, text in parse_qsl(parts.query):
        yield _ODD_NAMES.get(name, f"PG{name.replace('_', '').upper()}"), text


def _host(server: str) -> tuple[str, str]:
    match = _HOST.fullmatch(server)
    if match is None:
        return server, ""
    return unquote(match[1].strip("[]")), match[2] or ""


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the `eps up` [.data]."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(*, data: Path | None, arguments: tuple[str, ...]) -> None:
    """Open psql on DATABASE_URL, or on the database of the `eps up` that runs here.

    ARGUMENTS are psql's: eps psql -c "SELECT count(*) FROM events". With --data,
    it opens the database of the `eps up` on that folder, whatever DATABASE_URL
    says.
    """
    settings = load_beside(DatabaseSettings, data)
    try:
        run_psql(settings.database_url.get_secret_value(), arguments)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error
