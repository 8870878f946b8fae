"""``eps run``."""

import sys

import click

from runtime.catalogue import FUNCTIONS
from runtime.wiring.process import run as run_function


@click.command()
@click.argument("function", type=click.Choice(sorted(FUNCTIONS)))
def run(function: str) -> None:
    """Run one FUNCTION until SIGTERM or Ctrl-C.

    It uses DATABASE_URL and NATS_URL and listens on PORT. Containers run this command.
    """
    sys.exit(run_function(function))
