from datetime import UTC, datetime, timedelta

import pytest
from nats.js.errors import APIError

from functions.errors import Unavailable
from runtime.cli.broker import _answered, status_lines, window_line
from runtime.jetstream.kept import Window
from runtime.jetstream.operating.contents import Contents, First, WaitingMessages

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_the_backlog_is_written_in_lines() -> None:
    first = First(101, NOW - timedelta(hours=1), 12_288)
    contents = Contents(
        name="EVENTS",
        messages=1_012,
        bytes=3 * 1024**2,
        max_bytes=4 * 1024**3,
        last_sequence=1_112,
        copies=(3, 2),
        waiting=[
            WaitingMessages("fb-collector", undelivered=1_000, in_hand=11, again=2, first=first),
            WaitingMessages("ttk-collector", undelivered=0, in_hand=0, again=0, first=None),
        ],
        first=First(100, NOW - timedelta(days=1), 12),
    )

    lines = """\
EVENTS: 1,012 messages, 3 MB of 4 GB, up to sequence 1112, 2 of 3 replicas current
  fb-collector: 1,000 waiting, 11 in progress (2 redelivered); the first is 101, 3,600 s old, 12 KB
  ttk-collector: 0 waiting, 0 in progress
  without a consumer: 1; the first is 100, 86,400 s old, 12 B
"""
    assert list(status_lines(contents, NOW)) == lines.splitlines()


def test_the_kept_messages_are_reported_with_their_age() -> None:
    window = Window(
        first_sequence=12,
        last_sequence=1_023,
        since=NOW - timedelta(minutes=30),
        messages=1_012,
        bytes=3 * 1024**2,
        max_bytes=4 * 1024**3,
        wanted_seconds=3600,
    )

    assert window_line(window, NOW) == (
        "KEPT: 1,012 settled messages, 3 MB of 4 GB, since 2024-01-01 11:30:00Z,"
        " 1,800 s ago; 3,600 s are required"
    )


def test_whoever_stops_reading_ends_a_command_and_is_no_broker_s_fault() -> None:
    with pytest.raises(BrokenPipeError), _answered("nats://127.0.0.1:4222"):
        raise BrokenPipeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "the broker at nats://u@one:4222 can't be reached: no answer in time"),
        (
            APIError(code=503, err_code=10047, description="insufficient storage"),
            "the broker at nats://u@one:4222 refuses: insufficient storage",
        ),
    ],
)
def test_what_a_broker_does_not_do_is_said_in_words(error: Exception, words: str) -> None:
    with pytest.raises(Unavailable) as raised, _answered("nats://u:hidden@one:4222"):
        raise error

    assert str(raised.value) == words
