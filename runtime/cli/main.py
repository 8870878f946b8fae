"""The command line: ``eps``, also ``python -m runtime``."""

import sys
from importlib import import_module

import click

from functions.errors import Refused, Unavailable
from runtime.cli.help import CommandGroup
from runtime.operating import CANT_ASK
from runtime.publishing.maker import MakerDied
from runtime.settings import BadSettings

_NAMES = (
    "archive",
    "bench",
    "broker",
    "check",
    "dead-letters",
    "deploy",
    "erase",
    "export",
    "health",
    "ledger",
    "logs",
    "migrate",
    "package",
    "payload",
    "psql",
    "publish",
    "run",
    "scale",
    "up",
)


class _Commands(CommandGroup):
    """The commands: each lives in the file of its name and is imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the names of all commands."""
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if no command has this name."""
        if cmd_name not in _NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"runtime.cli.{name}"), name)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="event-processing-system", prog_name="eps")
def eps() -> None:
    """Receive webhook events, store each exactly once, and report on them."""


def main() -> None:
    """Run the command line; exit code 0 is done, 1 failed, 2 wrong usage, 3 could not ask."""
    try:
        eps(standalone_mode=True, prog_name="eps")
    except (BadSettings, MakerDied, Refused) as error:
        click.echo(error, err=True)
        sys.exit(1)
    except Unavailable as error:
        click.echo(error, err=True)
        sys.exit(CANT_ASK)
