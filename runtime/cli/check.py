"""``eps check``: judge events from a file as the gateway would, without sending them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from functions.errors import Invalid
from functions.events.judging import InvalidEvent, judge
from runtime.http.splitting import split_json, split_lines
from runtime.settings import BodySettings

_STANDARD_INPUT = "-"
_ENDINGS_OF_LINES = (".ndjson", ".jsonl")


@click.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
def check(file: Path) -> None:
    """Validate the events in FILE without sending them; - is standard input.

    FILE holds one event, an array of events, or one event per line. Prints a line for
    each fault: the event's index from 0, its id, the field and the problem. Exit code 1
    if an event is invalid, 2 if there is no such file.
    """
    body = sys.stdin.buffer.read() if str(file) == _STANDARD_INPUT else file.read_bytes()
    limit = BodySettings.load().event_size_limit
    split = split_lines if _has_lines(file, body) else split_json
    valid = invalid = 0
    try:
        for window in split(body, limit):
            for raw in window:
                lines = list(_faults_of(raw, valid + invalid))
                valid, invalid = (valid, invalid + 1) if lines else (valid + 1, invalid)
                for line in lines:
                    click.echo(line)
    except Invalid as refused:
        raise click.ClickException(f"{file}: {refused}") from refused
    total = valid + invalid
    events = "event" if total == 1 else "events"
    click.echo(f"{total:,} {events}: {valid:,} valid, {invalid:,} invalid", err=True)
    if invalid:
        sys.exit(1)


def _has_lines(file: Path, body: bytes) -> bool:
    """Return whether a file has one event per line, by its name or by its first line."""
    if file.suffix.lower() in _ENDINGS_OF_LINES:
        return True
    first, _, rest = body.lstrip().partition(b"\n")
    if not first.startswith(b"{") or not rest.strip():
        return False
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _faults_of(raw: bytes, place: int) -> Iterator[str]:
    try:
        judge(raw)
    except InvalidEvent as invalid:
        name = f"event {place} ({invalid.event_id})" if invalid.event_id else f"event {place}"
        for fault in invalid.faults:
            yield f"{name}: {fault} [{fault.code}]"
