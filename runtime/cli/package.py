"""``eps package``."""

from pathlib import Path
from typing import get_args

import click

from runtime.aws.packaging.making import make_zips
from runtime.aws.packaging.manifest import Zip
from runtime.aws.packaging.packages import (
    ARCHITECTURES,
    DEFAULT_PYTHON,
    PACKAGES,
    Architecture,
    PackagingFailed,
    Target,
)
from runtime.cli.progress import progress


@click.command()
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1, type=click.Choice(list(PACKAGES)))
@click.option(
    "--arch",
    "architectures",
    multiple=True,
    type=click.Choice(get_args(Architecture)),
    help="Lambda's processor; repeatable [both].",
)
@click.option("--python", default=DEFAULT_PYTHON, show_default=True, help="Lambda's Python.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="The folder for zips and manifest.json.",
)
def package(
    *,
    functions: tuple[str, ...],
    architectures: tuple[Architecture, ...],
    python: str,
    output: Path,
) -> None:
    """Build the AWS Lambda zip of each FUNCTION; of all if none is named.

    Each holds the modules that its handler imports and the packages of its lock.
    Building it again gives the same bytes.
    """
    try:
        targets = [Target(it, python) for it in architectures or ARCHITECTURES]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        with progress() as tell:
            packages = [PACKAGES[name] for name in dict.fromkeys(functions or PACKAGES)]
            manifest = make_zips(packages, targets, output, tell)
    except PackagingFailed as error:
        raise click.ClickException(str(error)) from error
    for made in manifest.zips:
        click.echo(_line(made, output))


def _line(made: Zip, folder: Path) -> str:
    return f"{made.sha256}  {made.bytes / 1e6:5.2f} MB  {folder / made.file}"
