"""The command line: ``eps``, also ``python -m runtime``."""

import asyncio
import importlib
import json
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from functions.errors import Invalid, Refused, Unavailable
from functions.publisher.account import Summary
from runtime.cli.archive import archive
from runtime.cli.broker import broker
from runtime.cli.check import check
from runtime.cli.dead_letters import dead_letters
from runtime.cli.deploy import deploy
from runtime.cli.export import export
from runtime.cli.help import Group
from runtime.cli.package import package
from runtime.operating import CANT_ASK
from runtime.publishing.maker import MakerDied
from runtime.publishing.options import PublishOptions
from runtime.publishing.sender import publish as publish_events
from runtime.settings import BadSettings, DatabaseSettings, MigrateSettings, PublisherSettings
from runtime.wiring.functions import FUNCTIONS, check_settings


@click.group(
    cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="event-processing-system", prog_name="eps")
def eps() -> None:
    """Take webhook events, keep each once, report on them."""


@eps.command()
@click.argument("function", type=click.Choice(sorted(FUNCTIONS)))
def run(function: str) -> None:
    """Run one FUNCTION until it is told to stop.

    It uses DATABASE_URL and NATS_URL and listens on PORT: what a container runs.
    """
    from runtime.wiring.process import run as run_function  # noqa: PLC0415 - only here is uvloop needed

    sys.exit(run_function(function))


@eps.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date.

    Safe to run several times at once: one works, the others wait. Where
    COLLECTOR_DATABASE_PASSWORD and the like are set, it also makes the roles
    that log in with them, or gives them these passwords.
    """
    from runtime.postgres.errors import translated  # noqa: PLC0415
    from runtime.postgres.schema.logins import make_logins  # noqa: PLC0415
    from runtime.postgres.schema.migrate import migrate as apply_migrations  # noqa: PLC0415

    settings = MigrateSettings.load()
    url = settings.database_url.get_secret_value()
    with translated():
        applied = asyncio.run(apply_migrations(url))
        asyncio.run(make_logins(url, settings.login_passwords))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")


@eps.command()
@click.option("--no-publisher", is_flag=True, help="Send no test events.")
@click.option("--torrent", is_flag=True, help="Send 25,500 test events a second, not 300.")
@click.option("--reload", is_flag=True, help="Restart the functions when a source file changes.")
@click.option("--data", type=click.Path(path_type=Path), help="Where data are kept [.data].")
@click.option("--scale", multiple=True, metavar="NAME=N", help="Run N of a function; repeatable.")
def up(
    *,
    no_publisher: bool,
    torrent: bool,
    reload: bool,
    data: Path | None,
    scale: tuple[str, ...],
) -> None:
    """Run the whole system here, with servers of its own, until Ctrl-C.

    Starts NATS and PostgreSQL, brings the schema up to date, runs every
    function as a process, and sends test events. Data stay for the next time.
    Where DATABASE_URL or NATS_URL is set, that server is used, and none of its own.
    The torrent takes some 90 GB an hour on the disk.
    """
    from runtime.local.supervisor.plan import UpOptions  # noqa: PLC0415
    from runtime.local.supervisor.set_names import misspelled  # noqa: PLC0415
    from runtime.local.supervisor.settings import LocalSettings  # noqa: PLC0415
    from runtime.local.supervisor.supervisor import up as run_all  # noqa: PLC0415

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


@eps.command()
@click.argument("wanted", nargs=-1, required=True, metavar="NAME=N…")
@click.option("--data", type=click.Path(path_type=Path), help="Of which `eps up` [.data].")
def scale(*, wanted: tuple[str, ...], data: Path | None) -> None:
    """Have the running `eps up` run N of function NAME: fb-collector=3.

    Returns when the new ones are ready, and those that are too many have
    finished their work in hand. The next `eps up` does not know of it: give it
    --scale.
    """
    from runtime.local.supervisor.control import NoSupervisor, ask_to_scale  # noqa: PLC0415
    from runtime.local.supervisor.plan import FUNCTIONS as LOCAL  # noqa: PLC0415
    from runtime.local.supervisor.plan import BadUsage, parse_scale  # noqa: PLC0415
    from runtime.local.supervisor.settings import LocalSettings  # noqa: PLC0415

    folder = data or LocalSettings.load().data_dir
    try:
        parse_scale(wanted, [function.name for function in LOCAL])
        asyncio.run(ask_to_scale(folder, wanted, click.echo))
    except BadUsage as error:
        raise click.UsageError(str(error)) from error
    except NoSupervisor as error:
        raise click.ClickException(str(error)) from error


@eps.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.option("--data", type=click.Path(path_type=Path), help="Of which `eps up` [.data].")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(*, data: Path | None, arguments: tuple[str, ...]) -> None:
    """Open psql on DATABASE_URL, or on the database of the `eps up` that runs here.

    ARGUMENTS are psql's: eps psql -c "SELECT count(*) FROM events". With --data
    it is the database of what runs there, whatever is set.
    """
    from runtime.cli.beside import load_beside  # noqa: PLC0415
    from runtime.cli.psql import run_psql  # noqa: PLC0415
    from runtime.local.embedded.readiness import StartFailed  # noqa: PLC0415

    settings = load_beside(DatabaseSettings, data)
    try:
        run_psql(settings.database_url.get_secret_value(), arguments)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error


@eps.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option("--tail", "-n", type=click.IntRange(0), help="Only the last so many of a process.")
@click.option("--json", "is_json", is_flag=True, help="As they are kept: JSON lines.")
@click.option("--data", type=click.Path(path_type=Path), help="Of which `eps up` [.data].")
def logs(
    *, names: tuple[str, ...], follow: bool, tail: int | None, is_json: bool, data: Path | None
) -> None:
    """Show what the processes of `eps up` wrote, in the order of time.

    NAME is a process or a function with all its replicas: gateway,
    fb-collector-2, nats, postgres, eps for the supervisor itself.
    """
    from runtime.cli.logs import UnknownLog, show_logs  # noqa: PLC0415
    from runtime.local.supervisor.settings import LocalSettings  # noqa: PLC0415

    folder = data or LocalSettings.load().data_dir
    try:
        show_logs(folder, names, follow=follow, tail=tail, is_json=is_json)
    except UnknownLog as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(130)


@eps.command()
@click.option("--data", type=click.Path(path_type=Path), help="Of which `eps up` [.data].")
def health(data: Path | None) -> None:
    """Say of each component whether it is healthy; exit 1 when one is not."""
    from runtime.cli.health import check_health  # noqa: PLC0415

    found = asyncio.run(check_health(data))
    for line in found.lines:
        click.echo(line)
    sys.exit(0 if found.ok else 1)


@eps.command()
@click.option("--from", "start", help="Events accepted from then on: a date-time or a date.")
@click.option("--to", "end", help="Events accepted before then; a date takes that day in.")
@click.option("--source", help="Only this platform's: facebook or tiktok.")
@click.option("--interval", default="minute", show_default=True, help="Also hour, day, week.")
@click.option("--quick", is_flag=True, help="Leave the days before the range out.")
def ledger(
    *, start: str | None, end: str | None, source: str | None, interval: str, quick: bool
) -> None:
    """Account for every event of DATABASE_URL, or of `eps up`.

    A line for each minute of the last hour, or of the range that is given:
    accepted = stored + duplicates + dead + in flight + imbalance, and the same
    of what was rejected. Without a range, also a line for each day before that
    is not even. Then what waits at the broker, as it says itself where NATS_URL
    is known.

    Exit code 0: all is even. 1: events are missed. 3: nobody can tell, as the
    database or the broker can't be asked, or a collector does not measure.
    """
    from runtime.cli.beside import load_beside, nats_url_beside  # noqa: PLC0415
    from runtime.cli.ledger import account_lines, read_account  # noqa: PLC0415

    given = {"from": start, "to": end, "source": source, "interval": interval}
    params = [(name, text) for name, text in given.items() if text is not None]
    settings = load_beside(DatabaseSettings)
    try:
        account = asyncio.run(read_account(settings, nats_url_beside(), params, quick=quick))
    except Invalid as error:
        raise click.UsageError(str(error)) from error
    for line in account_lines(account):
        click.echo(line)
    if account.trouble:
        click.echo(account.trouble, err=True)
    sys.exit(account.exit_code)


@eps.command()
@click.option("--url", help="The gateway, http://127.0.0.1:3001 [EVENT_ENDPOINT].")
@click.option("--requests", type=click.IntRange(1), help="How many [until stopped].")
@click.option(
    "--min",
    "least",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    help="Fewest events in a request.",
)
@click.option(
    "--max",
    "most",
    type=click.IntRange(0),
    default=50_000,
    show_default=True,
    help="Most events in a request.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Seconds from one request to the next; 0 is as fast as possible.",
)
@click.option("--concurrency", type=click.IntRange(1), help="Most requests in flight.")
@click.option(
    "--corrupt",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of requests whose last event is broken.",
)
@click.option(
    "--duplicates",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of events that repeat an earlier one.",
)
@click.option("--single", is_flag=True, help="One event a request, not in an array.")
@click.option("--seed", type=int, help="Send the very same bytes every time.")
def publish(
    *,
    url: str | None,
    requests: int | None,
    least: int,
    most: int,
    interval: float,
    concurrency: int | None,
    corrupt: float,
    duplicates: float,
    single: bool,
    seed: int | None,
) -> None:
    """Send test events to a gateway, as the platforms would.

    Where the gateway asks for a key, INGEST_API_KEY has it: a command line is
    there for everyone on the machine to read.

    Writes one JSON object to standard output at the end: what was sent, what
    was answered, and the exact figures that the reports should show.
    """
    settings = PublisherSettings.load()
    key = settings.ingest_api_key
    target = url or settings.event_endpoint
    if target is None:
        raise click.UsageError("where to? Give --url, or set EVENT_ENDPOINT")
    try:
        options = PublishOptions(
            url=target,
            requests=requests,
            min_events=least,
            max_events=most,
            interval_seconds=interval,
            concurrency=concurrency,
            corrupt_probability=corrupt,
            duplicate_probability=duplicates,
            single=single,
            seed=seed,
            key=None if key is None else key.get_secret_value(),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    summary = asyncio.run(_publish(options))
    click.echo(json.dumps(summary, indent=2))
    if summary["requests"] and not any(status.startswith("2") for status in summary["byStatus"]):
        why = summary["commonestError"] or f"the answers were {', '.join(summary['byStatus'])}"
        click.echo(f"no request to {options.events_url} was answered with success: {why}", err=True)
        sys.exit(1)


async def _publish(options: PublishOptions) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await publish_events(options, stop=stop)


@eps.command()
@click.option("--quick", is_flag=True, help="One short run of each case, not three.")
@click.option("--only", multiple=True, metavar="CASE", help="Run this case; repeatable.")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write every figure there."
)
@click.option("--data", type=click.Path(path_type=Path), help="Where servers keep data meanwhile.")
@click.option("--events", type=click.IntRange(10_000), help="Of the case reports [ten million].")
def bench(
    *,
    quick: bool,
    only: tuple[str, ...],
    runs: int,
    json_file: Path | None,
    data: Path | None,
    events: int | None,
) -> None:
    """Measure what the system can do on this machine, with fresh servers of its own.

    Prints each case with its goal, whether it is met, and what the servers
    alone can do; exit code 1 says that an answer was wrong. Only a checkout of
    the source has it.
    """
    root = Path(__file__).parents[2]
    if not (root / "tests" / "benchmarks").is_dir():
        raise click.UsageError("the benchmarks are not installed: run it in a checkout")
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


eps.add_command(broker)
eps.add_command(check)
eps.add_command(dead_letters)
eps.add_command(archive)
eps.add_command(export)
eps.add_command(package)
eps.add_command(deploy)


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
