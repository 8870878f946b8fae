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
@click.option("--stack", default="event-processing", show_default=True, help="The stack's name.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="A parameter of infra/aws/template.yaml; repeatable. Others keep their values.",
)
@click.option("--bucket", help="Bucket for the zips [the account's own, created if missing].")
@click.option(
    "--arch", type=click.Choice(get_args(Architecture)), default="arm64", show_default=True
)
@click.option(
    "--zips",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that `eps package` made [built again in dist].",
)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
def deploy(
    *,
    stack: str,
    parameters: dict[str, str],
    bucket: str | None,
    arch: Architecture,
    zips: Path | None,
    dry_run: bool,
) -> None:
    """Create or update the stack on AWS from infra/aws/template.yaml and the zips.

    Uses AWS's usual credentials and region. With AWS_ENDPOINT_URL or
    LOCALSTACK_HOST it deploys to LocalStack or another emulator of AWS.
    """
    try:
        from runtime.aws.deploying.deployment import Deployment  # noqa: PLC0415 - a group of its own
        from runtime.aws.deploying.deployment import deploy as deploy_zips  # noqa: PLC0415
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed: install requirements-deploy.lock"
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
        click.echo("no resource changes, only the description of the stack")
    else:
        for change in deployed.changes:
            click.echo(change)
    for name, value in deployed.outputs.items():
        click.echo(f"{name}: {value}")
