"""``eps scale``."""

import asyncio
from pathlib import Path

import click

from runtime.catalogue import FUNCTIONS
from runtime.local.supervisor.control import NoSupervisor, ask_to_scale
from runtime.local.supervisor.plan import BadUsage, parse_scale
from runtime.local.supervisor.settings import LocalSettings


@click.command()
@click.argument("wanted", nargs=-1, required=True, metavar="NAME=N…")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the `eps up` [.data]."
)
def scale(*, wanted: tuple[str, ...], data: Path | None) -> None:
    """Set the number of replicas of a function in the running `eps up`: fb-collector=3.

    Returns when the new replicas are ready and the surplus ones have finished
    their work. The change ends with this `eps up`; for the next one, use its
    option --scale.
    """
    folder = data or LocalSettings.load().data_dir
    try:
        parse_scale(wanted, list(FUNCTIONS))
        asyncio.run(ask_to_scale(folder, wanted, click.echo))
    except BadUsage as error:
        raise click.UsageError(str(error)) from error
    except NoSupervisor as error:
        raise click.ClickException(str(error)) from error
