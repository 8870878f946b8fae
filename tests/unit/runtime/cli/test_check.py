"""``eps check``: a sender's check of a file of events, without any server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime.cli.main import eps
from tests.builders import a_facebook_event, a_tiktok_event, raw

GOOD, OTHER = raw(a_facebook_event()), raw(a_tiktok_event())
BAD = raw(a_facebook_event(eventId="fb-bad", user={"age": "old", "gender": "x"}))
AGE = "event 1 (fb-bad): data.user.age: Input should be a valid integer [int_type]"
GENDER = "event 1 (fb-bad): data.user.gender: Input should be 'male', 'female' or 'non-binary'"
FAULTS = [AGE, f"{GENDER} [literal_error]"]


def check(content: bytes, folder: Path, name: str = "events.json") -> Result:
    file = folder / name
    file.write_bytes(content)
    return CliRunner().invoke(eps, ["check", str(file)])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"[" + GOOD + b",\n" + BAD + b"]", "events.json"),
        (b"\xef\xbb\xbf" + GOOD + b"\n\n" + BAD + b"\n", "events.ndjson"),
        (GOOD + b"\r\n" + BAD, "events.txt"),
    ],
)
def test_each_fault_is_a_line_with_its_place(content: bytes, name: str, tmp_path: Path) -> None:
    done = check(content, tmp_path, name)

    assert done.stdout.splitlines() == FAULTS
    assert done.stderr == "2 events: 1 valid, 1 invalid\n"
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (GOOD, 1),
        (json.dumps(a_facebook_event(), indent=2).encode(), 1),
        (b"[" + GOOD + b"," + OTHER + b"]", 2),
        (b"[]", 0),
    ],
)
def test_what_is_valid_is_told_in_one_line(content: bytes, events: int, tmp_path: Path) -> None:
    done = check(content, tmp_path)

    assert (done.stdout, done.exit_code) == ("", 0)
    word = "event" if events == 1 else "events"
    assert done.stderr == f"{events} {word}: {events} valid, 0 invalid\n"


def test_standard_input_is_taken() -> None:
    done = CliRunner().invoke(eps, ["check", "-"], input=b"[" + GOOD + b"," + BAD + b"]")

    assert (done.stdout.splitlines(), done.exit_code) == (FAULTS, 1)


@pytest.mark.parametrize("content", [b"", b"hello", b"[{]", b'{"a": '])
def test_what_holds_no_events_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    done = check(content, tmp_path)

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(eps, ["check", str(tmp_path / "none.json")])

    assert done.exit_code == 2


def test_an_event_that_is_too_large_is_judged_as_the_gateway_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_SIZE_LIMIT", "1kb")

    done = check(raw(a_facebook_event(extra="x" * 2000)), tmp_path)

    assert "event_too_large" in done.stdout
