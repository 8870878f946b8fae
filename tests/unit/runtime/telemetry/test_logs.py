import json
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

SET_UP = """
import os, signal
import structlog
from runtime.telemetry import logs
log = structlog.get_logger()
logs.configure("info", {form!r}, "gateway")
"""


def output_of(code: str, form: str = "json") -> str:
    program = SET_UP.format(form=form) + code
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )
    return ran.stdout


def lines_of(code: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output_of(code).splitlines()]


def test_a_line_says_when_how_bad_who_and_what_first() -> None:
    (line,) = lines_of("log.info('hello', number=1, path='/x')")

    assert list(line)[:4] == ["timestamp", "level", "service", "message"]
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "level": "info", "service": "gateway", "message": "hello", "number": 1, "path": "/x"
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_about_a_request_bears_its_correlation_id(form: str) -> None:
    told = output_of("logs.correlation_id.set('mine'); log.info('hello')", form)

    assert "correlation_id" in told
    assert "mine" in told
    assert "correlation_id" not in output_of("log.info('hello')", form)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_about_a_request_bears_its_trace_where_it_is_part_of_one(form: str) -> None:
    one = "logs.correlation_id.set('mine'); "
    told = output_of(f"{one}logs.trace_id.set('0af7651916cd43dd'); log.info('hello')", form)

    assert "trace_id" in told
    assert "0af7651916cd43dd" in told
    assert "mine" in told
    assert "trace_id" not in output_of(f"{one}log.info('hello')", form)


def test_lines_below_the_level_are_not_written() -> None:
    assert lines_of("log.debug('hello')") == []


def test_an_error_tells_its_trace() -> None:
    (line,) = lines_of("try: 1 / 0\nexcept ZeroDivisionError: log.exception('failed')")

    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_does_not_tell_what_its_variables_held(form: str) -> None:
    told = output_of(
        """
def connect(password):
    return 1 / 0

try:
    connect("".join(["hun", "ter2"]))
except ZeroDivisionError:
    log.exception("failed")
""",
        form,
    )

    assert "ZeroDivisionError" in told
    assert "connect" in told
    assert "hunter2" not in told


def test_libraries_warnings_come_out_the_same_way() -> None:
    (line,) = lines_of("import logging; logging.getLogger('theirs').warning('%s', 'beware')")

    assert (line["logger"], line["text"], line["level"]) == ("theirs", "beware", "warning")


@pytest.mark.parametrize("end", ["", "raise SystemExit(1)", "1 / 0"])
def test_no_line_is_lost_when_the_process_ends(end: str) -> None:
    lines = lines_of(f"for n in range(1000): log.info('line', n=n)\n{end}")

    assert [line["n"] for line in lines] == list(range(1000))


def test_an_error_is_written_at_once_with_all_before_it() -> None:
    told = lines_of(
        """
logs._GATHER_SECONDS = 3600.0
logs.configure("info", "json", "gateway")
reading, writing = os.pipe()
os.dup2(1, 9); os.dup2(writing, 1)
log.info('before'); log.error('failed')
got = b''
while got.count(b'\\n') < 2:
    got += os.read(reading, 4096)
os.write(9, got)
os.kill(os.getpid(), signal.SIGKILL)
"""
    )

    assert [line["message"] for line in told] == ["before", "failed"]


def test_a_library_s_broken_connection_is_one_short_line() -> None:
    (line,) = lines_of("""
import asyncpg, logging
for error in (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle"),):
    try:
        raise error
    except Exception:
        logging.getLogger("asyncio").exception("Future exception was never retrieved\\nfuture: <F>")
""")

    assert {name: line[name] for name in ("message", "logger", "text", "error")} == {
        "message": "library",
        "logger": "asyncio",
        "text": "Future exception was never retrieved",
        "error": "connection was closed in the middle",
    }
    assert "exception" not in line


def test_a_library_s_own_fault_keeps_its_trace() -> None:
    (line,) = lines_of("""
import logging
try:
    {}["key"]
except Exception:
    logging.getLogger("theirs").exception("oh")
""")

    assert line["exception"][0]["exc_type"] == "KeyError"
