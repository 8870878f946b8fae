"""``eps run``."""

import sys

import click

from runtime.catalogue import FUNCTIONS
from runtime.wiring.process import run as run_function


@click.command()
@click.argument("function", type=click.Choice(sorted(FUNCTIONS)))
def run(function: str) -> None:
    """Run one FUNCTION until it is told to stop.

    It uses DATABASE_URL and NATS_URL and listens on PORT: what a container runs.
    """
    sys.exit(run_function(function))
