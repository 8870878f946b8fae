import os
import threading
from pathlib import Path

from runtime.local.logs.output import Output, prefix


def test_a_name_is_padded_and_coloured_on_a_terminal_only() -> None:
    assert prefix("nats", 8) == "nats     | "
    assert prefix("nats", 8, 36) == "\x1b[36mnats     | \x1b[0m"


def test_each_of_several_lines_bears_the_name(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        output = Output(file.fileno(), width=4, coloured=False)
        output.named("nats")("one\ntwo\n")
        output.close()

    assert (tmp_path / "out").read_text() == "nats | one\nnats | two\nnats | \n"


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        output = Output(file.fileno(), width=2, coloured=False)
        writers = [threading.Thread(target=_write_lines, args=(output, n)) for n in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        output.close()

    lines = (tmp_path / "out").read_text().splitlines()
    assert sorted(lines) == sorted(f"f{n} | {'x' * 200} {i}" for n in range(4) for i in range(500))


def _write_lines(output: Output, number: int) -> None:
    write = output.named(f"f{number}")
    for index in range(500):
        write(f"{'x' * 200} {index}")


def test_a_terminal_that_stands_still_stops_nobody() -> None:
    reading, writing = os.pipe()
    output = Output(writing, width=1, coloured=False)

    for _ in range(2_500):
        output.write("x" * 8_000)

    lines: list[bytes] = []
    reader = threading.Thread(target=_read_lines, args=(reading, lines))
    reader.start()
    output.close()
    os.close(writing)
    reader.join()
    whole = lines.count(b"x" * 8_000 + b"\n")
    told = [line for line in lines if line.endswith(b" lines are not shown)\n")]
    assert 1_000 <= whole < 2_500
    assert whole + len(told) == len(lines)
    assert whole + sum(int(line[1:].split()[0]) for line in told) == 2_500


def _read_lines(descriptor: int, lines: list[bytes]) -> None:
    with os.fdopen(descriptor, "rb") as file:
        lines.extend(file)


def test_a_reader_that_left_is_no_fault() -> None:
    reading, writing = os.pipe()
    output = Output(writing, width=1, coloured=False)
    os.close(reading)

    for _ in range(25_000):
        output.write("lost")

    output.close()
    os.close(writing)
