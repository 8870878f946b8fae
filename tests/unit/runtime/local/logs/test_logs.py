import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.local.logs.files import LogFiles, earlier_file, log_file, log_folder, logged
from runtime.local.logs.form import as_json, of_process, readable
from runtime.local.logs.output import Output
from runtime.local.logs.reader import LogReader
from runtime.telemetry.logs import _JsonLine

_MEGABYTE = 1024**2
_LINE = '{"timestamp":"2024-01-01T00:00:00.5Z","level":"info","service":"gateway","message":"taken"'


def messages(*files: Path) -> list[str]:
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [json.loads(line)["message"] for line in lines]


def test_what_is_json_stays_and_the_rest_becomes_it() -> None:
    assert as_json("gateway", _LINE + "}") == _LINE + "}"
    wrapped = json.loads(as_json("nats", '[1] [INF] it\'s "ready"'))
    assert (wrapped["service"], wrapped["message"]) == ("nats", '[1] [INF] it\'s "ready"')


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("[1] 2024/01/01 [INF] Server is ready", "info"),
        ("[1] 2024/01/01 [WRN] slow", "warning"),
        ("[1] 2024/01/01 [ERR] no space", "error"),
        ("2024-01-01 UTC [7] ERROR:  relation does not exist", "error"),
        ("2024-01-01 UTC [7] FATAL:  password authentication failed", "error"),
        ("2024-01-01 UTC [7] LOG:  checkpoint starting", "info"),
    ],
)
def test_servers_lines_have_their_level(line: str, level: str) -> None:
    assert json.loads(as_json("server", line))["level"] == level


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (_LINE + "}", "2024-01-01T00:00:00.5Z info    taken"),
        (
            _LINE + ',"events":3,"why":"no room","path":"/events"}',
            '2024-01-01T00:00:00.5Z info    taken events=3 why="no room" path=/events',
        ),
        (_LINE + ',"at":{"a":[1]}}', '2024-01-01T00:00:00.5Z info    taken at={"a":[1]}'),
        ("hello from gateway", "hello from gateway"),
        (_LINE, _LINE),
        ("{", "{"),
    ],
)  # fmt: skip
def test_a_line_is_readable(line: str, shown: str) -> None:
    assert readable(line) == shown


def test_an_error_is_readable_with_where_it_came_from() -> None:
    try:
        int("no such thing")
    except ValueError:
        line = _JsonLine("gateway")(None, "error", {"event": "failed", "exc_info": True, "n": 1})

    shown = readable(line.decode().rstrip()).splitlines()

    assert shown[0].endswith(" error   failed n=1")
    assert shown[1] == "  ValueError: invalid literal for int() with base 10: 'no such thing'"
    assert "test_logs.py:" in shown[2]
    assert shown[2].endswith("in test_an_error_is_readable_with_where_it_came_from")


def test_a_line_among_others_names_its_process() -> None:
    assert json.loads(of_process("gateway-2", _LINE + "}"))["process"] == "gateway-2"


def test_files_hold_all_lines_of_a_process_for_the_owner_alone(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs", _MEGABYTE)
    for name in ("one", "two"):
        for number in range(100):
            files.write(name, as_json(name, f"{name} {number}\u2028é"))
    files.close()

    assert logged(tmp_path / "logs") == ["one", "two"]
    file = log_file(tmp_path / "logs", "one")
    told = [json.loads(line)["message"] for line in file.read_text().split("\n")[:-1]]
    assert told == [f"one {number}\u2028é" for number in range(100)]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


def test_files_are_bounded_whatever_is_written(tmp_path: Path) -> None:
    for _ in range(2):  # the second time it goes on in what is there
        files = LogFiles(tmp_path, _MEGABYTE)
        for number in range(3000):
            files.write("one", as_json("one", f"{number} {'x' * 1000}"))
        files.close()

    both = earlier_file(tmp_path, "one"), log_file(tmp_path, "one")
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in both}
    assert all(file.stat().st_size <= _MEGABYTE for file in both)
    numbers = [int(message.split()[0]) for message in messages(*both)]
    assert numbers == list(range(3000 - len(numbers), 3000))
    assert len(numbers) > 900


def test_a_line_that_a_crash_cut_does_not_spoil_the_next(tmp_path: Path) -> None:
    log_file(tmp_path, "one").write_text('{"timestamp":"20')

    files = LogFiles(tmp_path, _MEGABYTE)
    files.write("one", as_json("one", "next"))
    files.close()

    lines = log_file(tmp_path, "one").read_text().splitlines()
    assert (lines[0], json.loads(lines[1])["message"]) == ('{"timestamp":"20', "next")


def test_lines_lost_to_a_full_disk_are_reported_later(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.write_text("a file where the folder should be")
    files = LogFiles(folder, _MEGABYTE)
    files.write("one", "\n".join([as_json("one", "lost")] * 3))
    wait_until(lambda: not files._waiting and files._files)  # noqa: SLF001
    wait_until(lambda: files._files["one"]._lost == 3)  # noqa: SLF001
    folder.unlink()

    files.write("one", as_json("one", "kept"))
    files.close()

    assert messages(log_file(folder, "one")) == [
        "WARNING: 3 lines are lost: they could not be written to disk",
        "kept",
    ]


def test_a_line_half_written_is_ended(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    files = LogFiles(tmp_path, _MEGABYTE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        files.write("one", as_json("one", "x" * 1000))
        wait_until(lambda: bool(files._files) and files._files["one"]._lost == 1)  # noqa: SLF001
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    files.write("one", as_json("one", "kept"))
    files.close()

    lines = log_file(tmp_path, "one").read_text().splitlines()
    assert len(lines) == 3
    assert [json.loads(line)["message"][:9] for line in lines[1:]] == ["WARNING: ", "kept"]


def wait_until(condition: Callable[[], object]) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it never came")


def test_output_is_kept_as_json_and_shown_readable(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        output = Output(
            file.fileno(), width=4, coloured=False, files=LogFiles(tmp_path / "logs", _MEGABYTE)
        )
        output.named("gateway-2")(f"{_LINE}}}\nplain")
        output.close()

    assert (tmp_path / "out").read_text().splitlines() == [
        "gateway-2 | 2024-01-01T00:00:00.5Z info    taken",
        "gateway-2 | plain",
    ]
    assert messages(log_file(tmp_path / "logs", "gateway-2")) == ["taken", "plain"]


def test_output_can_be_json_to_its_last_line(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        output = Output(file.fileno(), width=4, coloured=False, is_json=True)
        output.named("gateway-2")(f"{_LINE}}}\nplain")
        output.write("\nEverything is ready.\n\n  a  table")
        output.close()

    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["message"] for line in lines[:2]] == ["taken", "plain"]
    assert {line["process"] for line in lines[:2]} == {"gateway-2"}
    assert lines[2]["message"].endswith("Everything is ready.\n\n  a  table")


class Log:
    """A process's files, written by hand."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def write(self, *texts: str, end: str = "\n") -> None:
        with log_file(self._folder, self._name).open("a") as file:
            file.writelines(f"{text}{end}" for text in texts)

    def rotate(self) -> None:
        log_file(self._folder, self._name).replace(earlier_file(self._folder, self._name))


def at(second: int) -> str:
    return f'{{"timestamp":"2024-01-01T00:00:{second:02}Z","message":"{second}"}}'


def read(reader: LogReader) -> list[tuple[str, str]]:
    return [
        (name, json.loads(line)["message"] if line[:1] == b"{" else line.decode())
        for name, line in reader.there()
    ]


def test_processes_are_read_in_the_order_of_time_over_both_files(tmp_path: Path) -> None:
    one, two = Log(tmp_path, "one"), Log(tmp_path, "two")
    one.write(at(1), at(4))
    one.rotate()
    one.write(at(6))
    two.write(at(2), "no json", at(5))

    reader = LogReader(tmp_path)

    assert read(reader) == [
        *(("one", "1"), ("two", "2"), ("two", "no json"), ("one", "4"), ("two", "5")),
        ("one", "6"),
    ]
    reader.close()


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_new_lines_are_read_once_over_rotations(rotations: int, tmp_path: Path) -> None:
    one = Log(tmp_path, "one")
    one.write(at(1), at(2))
    reader = LogReader(tmp_path)
    read(reader)

    for number in range(rotations):
        one.write(at(10 + number))
        one.rotate()
    one.write(at(20))

    wanted = [str(10 + number) for number in range(rotations)]
    assert [text for _, text in read(reader)] == [*wanted, "20"]
    assert read(reader) == []
    reader.close()


def test_half_a_line_waits_for_its_rest(tmp_path: Path) -> None:
    one = Log(tmp_path, "one")
    one.write("half", end="")
    reader = LogReader(tmp_path)

    first = read(reader)
    one.write(" and half")

    assert (first, read(reader)) == ([], [("one", "half and half")])
    reader.close()


def test_new_processes_and_new_and_emptied_files_are_found(tmp_path: Path) -> None:
    one = Log(tmp_path, "one")
    one.write(at(1), at(2))
    reader = LogReader(tmp_path)
    read(reader)

    Log(tmp_path, "two").write(at(3))
    log_file(tmp_path, "one").unlink()
    gone = read(reader)
    one.write(at(4))
    new = read(reader)
    os.truncate(log_file(tmp_path, "one"), 0)
    one.write("5")

    assert (gone, new) == ([("two", "3")], [("one", "4")])
    assert read(reader) == [("one", "5")]
    reader.close()


@pytest.fixture
def some_logs(tmp_path: Path) -> Path:
    folder = log_folder(tmp_path)
    folder.mkdir()
    for name in ("gateway", "fb-collector", "fb-collector-2", "nats"):
        Log(folder, name).write(*(at(second) for second in range(20)))
    return tmp_path


def logs(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime", "logs", "--data", str(data_dir), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], {"gateway", "fb-collector", "fb-collector-2", "nats"}),
        (["fb-collector"], {"fb-collector", "fb-collector-2"}),
        (["fb-collector-2", "nats"], {"fb-collector-2", "nats"}),
    ],
)
def test_the_command_shows_who_is_asked_for(
    wanted: list[str], found: set[str], some_logs: Path
) -> None:
    result = logs(some_logs, "-n", "3", *wanted)

    assert {line.split(" | ")[0].rstrip() for line in result.stdout.splitlines()} == found
    assert len(result.stdout.splitlines()) == 3 * len(found)
    shown = json.loads(logs(some_logs, "-n", "1", "--json", "nats").stdout)
    assert (shown["process"], shown["message"]) == ("nats", "19")


def test_a_process_without_a_log_is_reported(some_logs: Path, tmp_path: Path) -> None:
    unknown = logs(some_logs, "nobody")
    nothing = logs(tmp_path / "empty")

    assert unknown.returncode == nothing.returncode == 1
    assert "fb-collector, fb-collector-2, gateway, nats" in unknown.stderr
    assert "nothing has run on" in nothing.stderr


@pytest.mark.parametrize("options", [[], ["-f"]])
def test_a_closed_pipe_ends_it_quietly(options: list[str], some_logs: Path) -> None:
    folder = log_folder(some_logs)
    for _ in range(50):
        Log(folder, "nats").write(*(at(second) for second in range(50)))
    command = [sys.executable, "-m", "runtime", "logs", "--data", str(some_logs), *options]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) in {0, -signal.SIGPIPE}
        assert process.stderr.read() == b""


def test_following_shows_new_lines_and_ctrl_c_ends_it_quietly(some_logs: Path) -> None:
    command = [sys.executable, "-m", "runtime", "logs", "--data", str(some_logs), "-f", "-n", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        wanted = "{} | new"
        stop = threading.Event()
        one = Log(log_folder(some_logs), "late")

        def write() -> None:
            while not stop.wait(0.05):
                one.write("new")

        writer = threading.Thread(target=write)
        writer.start()
        line = process.stdout.readline()
        stop.set()
        writer.join()
        process.send_signal(signal.SIGINT)

        assert process.wait(20) == 130
        assert line.split() == wanted.format("late").split()
        assert process.stderr.read() == ""
