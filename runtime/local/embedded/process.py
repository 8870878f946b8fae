"""One child process: tied to this one's life, its lines read, ended within a limit."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runtime.local.embedded.inheritance import inherited

MAX_LINE_BYTES = 64 * 1024
"""How much of a line is kept. The longest sensible log line names the requests of a batch."""


class LineSplitter:
    """Splits bytes into lines, in bounded memory."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines that ``chunk`` completes, if any, as one text.

        It has newlines between the lines, none at its end. A line that is too
        long is cut.
        """
        complete, newline, rest = chunk.rpartition(b"\n")
        if newline:
            lines, self._begun = self._begun + complete, b""
            yield _to_text(lines)
        self._begun = (self._begun + rest)[: MAX_LINE_BYTES + 1]  # one more marks that it was cut

    def end(self) -> Iterator[str]:
        """Yield the last line, if it did not end in a newline."""
        if self._begun:
            yield _to_text(self._begun)
            self._begun = b""


def _to_text(lines: bytes) -> str:
    if len(lines) > MAX_LINE_BYTES:  # otherwise none of them can be too long
        lines = b"\n".join(map(_cut, lines.split(b"\n")))
    return lines.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\r")


def _cut(line: bytes) -> bytes:
    return line if len(line) <= MAX_LINE_BYTES else line[:MAX_LINE_BYTES] + "…".encode()


OnLine = Callable[[str], None]
"""Receives output: a line, or several that came together, with newlines between them."""

_CHILD = Path(__file__).with_name("child.py")
_LAST_LINES_SECONDS = 1.0
"""How long a grandchild that outlives its parent may keep the pipe open."""


@dataclass(frozen=True, slots=True)
class Program:
    """The command to run, and how to end it.

    Attributes:
        command: Path and arguments.
        environment: Variables besides the inherited ones.
        settings: Names of settings that it inherits; others, and anything that
            looks like a secret, are withheld.
        text: Its standard input, up to 64 KB; none if empty.
        user: The user to run as; empty for the same user.
        stop_signal: Makes it finish its work and exit.
        stop_seconds: How long that may take before it is killed.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Collection[str] = ()
    text: str = ""
    user: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0


class Child:
    """A running program in its own session, so that Ctrl-C does not reach it.

    It is sent its stop signal when this process ends, however that happens.
    """

    def __init__(
        self, program: Program, process: asyncio.subprocess.Process, lines: asyncio.Task[None]
    ) -> None:
        self._program = program
        self._process = process
        self._lines = lines

    @classmethod
    async def start(cls, program: Program, on_line: OnLine) -> Self:
        """Start a program; ``on_line`` gets its output, by whole lines, as soon as it comes."""
        reading, writing = os.pipe()
        try:
            process = await _execute(program, writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        lines = asyncio.create_task(_read_lines(reading, on_line))
        return cls(program, process, lines)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the end and the last line; returns the exit code, or minus the signal."""
        code = await asyncio.shield(self._process.wait())
        await asyncio.wait([self._lines], timeout=_LAST_LINES_SECONDS)
        self._lines.cancel()
        await asyncio.wait([self._lines])
        return code

    def kill(self) -> None:
        """End it at once, with everything it started in its session."""
        self._send(os.killpg, signal.SIGKILL)

    async def stop(self, impatient: asyncio.Event | None = None) -> bool:
        """Ask it to end; kill it after its limit, or as soon as ``impatient`` is set.

        Returns:
            Whether it ended on its own.
        """
        self._send(os.kill, self._program.stop_signal)
        ended = await self._ends_in_time(impatient or asyncio.Event())
        if not ended:
            self.kill()
        await self.wait()
        return ended

    def _send(self, how: Callable[[int, int], None], number: signal.Signals) -> None:
        # Not through asyncio, which polls, and takes the exit code from its own watcher.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                how(self.pid, number)

    async def _ends_in_time(self, impatient: asyncio.Event) -> bool:
        end = asyncio.create_task(self._process.wait())
        hurry = asyncio.create_task(impatient.wait())
        try:
            await asyncio.wait(
                [end, hurry],
                timeout=self._program.stop_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return end.done()
        finally:
            end.cancel()
            hurry.cancel()


async def _execute(program: Program, output: int) -> asyncio.subprocess.Process:
    wrapper = [sys.executable, "-I", "-S", str(_CHILD)]
    leash = [str(os.getpid()), program.user, str(int(program.stop_signal))]
    with _input(program.text) as text:
        return await asyncio.create_subprocess_exec(
            *wrapper,
            *leash,
            *program.command,
            stdin=text,
            stdout=output,
            stderr=output,
            env={**inherited(program.settings), **program.environment},
            start_new_session=True,
        )


@contextmanager
def _input(text: str) -> Iterator[int]:
    """Provide a child's input by a pipe, and not in its arguments, which everyone can see."""
    if not text:
        yield asyncio.subprocess.DEVNULL
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, text.encode())
    finally:
        os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)


async def _read_lines(descriptor: int, on_line: OnLine) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    splitter = LineSplitter()
    try:
        while chunk := await reader.read(65536):
            for lines in splitter.feed(chunk):
                on_line(lines)
    finally:
        for lines in splitter.end():
            on_line(lines)
        transport.close()
