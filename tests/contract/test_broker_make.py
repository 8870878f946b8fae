"""`eps broker make` reports its changes."""

import os
import subprocess
import sys


def make(nats_url: str, **settings: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-m", "runtime", "broker", "make"],
        env={**os.environ, "NATS_URL": nats_url, **settings},
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.splitlines()


def test_it_reports_created_changed_and_unchanged_streams(nats_url: str) -> None:
    made = make(nats_url)
    again = make(nats_url)
    changed = make(nats_url, EVENTS_STREAM_MAX_BYTES="8gb", KEEP_SETTLED_SECONDS="60")
    longer = make(nats_url, EVENTS_STREAM_MAX_BYTES="8gb", KEEP_SETTLED_SECONDS="90")

    assert made == ["EVENTS: created, 4 GB", "DEAD_LETTERS: created, 1 GB"]
    assert again == ["EVENTS: unchanged", "DEAD_LETTERS: unchanged"]
    assert changed == [
        "EVENTS: changed, size from 4 GB to 8 GB",
        "DEAD_LETTERS: unchanged",
        "KEPT: created, 4 GB",
    ]
    assert longer[2].startswith("KEPT: changed, maximum age from 60 s to 90 s")
