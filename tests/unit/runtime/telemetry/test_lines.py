import os
from pathlib import Path

from runtime.telemetry.lines import LineWriter

FOR_EVER_SECONDS = 3600.0


def a_writer(descriptor: int, gather_seconds: float) -> LineWriter:
    return LineWriter(
        descriptor, gather_seconds=gather_seconds, tell_lost=lambda lines: b"%d lost\n" % lines
    )


def test_lines_gather_until_one_is_urgent_and_keep_their_order() -> None:
    reading, writing = os.pipe()
    lines = a_writer(writing, FOR_EVER_SECONDS)

    lines.write(b"one\n")
    lines.write(b"two\n")
    lines.write(b"urgent\n", at_once=True)

    assert os.read(reading, 1000) == b"one\ntwo\nurgent\n"
    lines.close()
    os.close(reading)
    os.close(writing)


def test_lines_are_written_when_they_have_gathered() -> None:
    reading, writing = os.pipe()
    lines = a_writer(writing, 0.01)

    for line in (b"one\n", b"two\n"):
        lines.write(line)
        assert os.read(reading, 1000) == line

    lines.close()
    os.close(reading)
    os.close(writing)


def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        lines = a_writer(file.fileno(), FOR_EVER_SECONDS)
        lines.write(b"last\n")
        lines.close()

    assert (tmp_path / "out").read_bytes() == b"last\n"
