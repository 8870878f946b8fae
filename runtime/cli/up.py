"""``eps up``."""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from runtime.catalogue import check_settings
from runtime.local.supervisor.plan import UpOptions
from runtime.local.supervisor.set_names import misspelled
from runtime.local.supervisor.settings import LocalSettings
from runtime.local.supervisor.supervisor import up as run_all
from runtime.settings import BadSettings, PublisherSettings


@click.command()
@click.option("--no-publisher", is_flag=True, help="Send no test events.")
@click.option("--torrent", is_flag=True, help="Send 25,500 test events a second, not 300.")
@click.option("--reload", is_flag=True, help="Restart the functions when a source file changes.")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder [.data].")
@click.option(
    "--scale", multiple=True, metavar="NAME=N", help="Run N replicas of a function; repeatable."
)
def up(
    *,
    no_publisher: bool,
    torrent: bool,
    reload: bool,
    data: Path | None,
    scale: tuple[str, ...],
) -> None:
    """Run the whole system on this machine, with its own servers, until Ctrl-C.

    Starts NATS and PostgreSQL, brings the schema up to date, runs every
    function as a process, and sends test events. The data are kept for
    the next start. If DATABASE_URL or NATS_URL is set, that server is used instead of
    an embedded one. --torrent needs some 90 GB of disk an hour.
    """
    try:
        check_settings(LocalSettings, PublisherSettings)
    except BadSettings:
        for line in misspelled():
            click.echo(line, err=True)
        raise
    if reload and not find_spec("watchfiles"):
        raise click.UsageError("watchfiles is missing: ./start.sh --reload installs it")
    options = UpOptions(not no_publisher, torrent, data_dir=data, scale=scale, reload=reload)
    sys.exit(asyncio.run(run_all(options)))
