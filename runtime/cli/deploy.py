"""``eps deploy``."""

from pathlib import Path
from typing import get_args

import click

from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.packaging.making import make_zips
from runtime.aws.packaging.packages import (
    DEFAULT_PYTHON,
    PACKAGES,
    Architecture,
    PackagingFailed,
    Target,
)
from runtime.cli.progress import progress


def _parameters(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise click.BadParameter(f"{', '.join(wrong)}: should be NAME=VALUE")
    return {name: value for name, _, value in pairs}


@click.command()
@click.option("--stack", default="event-processing", show_default=True, help="Its name.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="Of infra/aws/template.yaml; repeatable. A stack keeps those that it has.",
)
@click.option("--bucket", help="For the zips [the account's own, made where it is missing].")
@click.option(
    "--arch", type=click.Choice(get_args(Architecture)), default="arm64", show_default=True
)
@click.option(
    "--zips",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that eps package made [made anew in dist].",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
def deploy(
    *,
    stack: str,
    parameters: dict[str, str],
    bucket: str | None,
    arch: Architecture,
    zips: Path | None,
    dry_run: bool,
) -> None:
    """Bring a stack on AWS to what infra/aws/template.yaml and the zips say.

    Takes AWS's ordinary credentials and region. With AWS_ENDPOINT_URL or
    LOCALSTACK_HOST it goes to LocalStack, or another double of AWS.
    """
    try:
        from runtime.aws.deploying.deployment import Deployment  # noqa: PLC0415 - a group of its own
        from runtime.aws.deploying.deployment import deploy as deploy_zips  # noqa: PLC0415
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing here: install what requirements-deploy.lock has"
        ) from error
    try:
        with progress() as tell:
            folder = zips or Path("dist")
            if zips is None:
                target = Target(arch, DEFAULT_PYTHON)
                make_zips(list(PACKAGES.values()), [target], folder, tell)
            wanted = Deployment(stack, folder, arch, bucket, parameters, dry_run)
            deployed = deploy_zips(wanted, tell)
    except (DeploymentFailed, PackagingFailed) as error:
        raise click.ClickException(str(error)) from error
    if deployed.changes is None:
        click.echo(f"{stack} is up to date")
    elif not deployed.changes:
        click.echo("no resource changes, only what the stack says of itself")
    else:
        for change in deployed.changes:
            click.echo(change)
    for name, value in deployed.outputs.items():
        click.echo(f"{name}: {value}")
