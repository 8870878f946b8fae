"""``eps publish``."""

import asyncio
import json
import signal
import sys

import click

from functions.publisher.account import Summary
from runtime.publishing.options import PublishOptions
from runtime.publishing.sender import publish as publish_events
from runtime.settings import PublisherSettings


@click.command()
@click.option("--url", help="The gateway, http://127.0.0.1:3001 [EVENT_ENDPOINT].")
@click.option("--requests", type=click.IntRange(1), help="Number of requests [until stopped].")
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
@click.option("--single", is_flag=True, help="Send one event per request, not an array.")
@click.option("--seed", type=int, help="Make every run send the same bytes.")
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

    If the gateway requires a key, set it in INGEST_API_KEY: command lines are
    visible to every user of the machine.

    Writes one JSON object to standard output at the end: what was sent, what
    was answered, and the exact figures that the reports should show.
    """
    settings = PublisherSettings.load()
    key = settings.ingest_api_key
    target = url or settings.event_endpoint
    if target is None:
        raise click.UsageError("the gateway's URL is missing: give --url or set EVENT_ENDPOINT")
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
        click.echo(f"no request to {options.events_url} was successful: {why}", err=True)
        sys.exit(1)


async def _publish(options: PublishOptions) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await publish_events(options, stop=stop)
