"""``eps bench``."""

import importlib
import sys
from pathlib import Path

import click


@click.command()
@click.option("--quick", is_flag=True, help="One short run of each case, not three.")
@click.option("--only", multiple=True, metavar="CASE", help="Run this case; repeatable.")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write every figure to this file."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder for the servers' data during the run."
)
@click.option(
    "--events",
    type=click.IntRange(10_000),
    help="Number of events in the case `reports` [ten million].",
)
def bench(
    *,
    quick: bool,
    only: tuple[str, ...],
    runs: int,
    json_file: Path | None,
    data: Path | None,
    events: int | None,
) -> None:
    """Measure the system's throughput and latency on this machine, on fresh servers.

    Prints each case with its goal, whether it is met, and the limit of the
    servers alone. Exit code 1 if an answer was wrong. Needs a checkout of the
    source.
    """
    root = Path(__file__).parents[2]
    if not (root / "tests" / "benchmarks").is_dir():
        raise click.UsageError(
            "the benchmarks are not installed: run this in a checkout of the source"
        )
    sys.path.insert(0, str(root))
    try:
        command = importlib.import_module("tests.benchmarks.command")
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{error.name} is missing: ./test.sh installs it") from error
    options = command.Options(quick, runs, data, events)
    try:
        report = command.bench(options, only, json_file)
    except command.UnknownCase as error:
        raise click.UsageError(str(error)) from error
    click.echo(report.text)
    sys.exit(1 if report.faults else 0)
