"""Talk to the running supervisor: `control.sock` in the data folder, for its owner alone.

A request is one line, ``fb-collector=3 ttk-collector=2``. Each line of the
answer is prefixed with one of ``_SAID``, ``_DONE`` and ``_FAILED``; the last two
end it.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.tasks import cancel

_SAID, _DONE, _FAILED = b"-", b"+", b"!"
_LONGEST_PATH: Final = 100
"""Bytes; the kernel has 107 for a socket's path, macOS 103."""

_REQUEST_BYTES: Final = 4096
"""Limit for a request and for a line of the answer; scaling every function takes some hundred."""

_REQUEST_SECONDS: Final = 5.0
"""For a request to arrive, and for the first line of the answer."""

Say = Callable[[str], None]
Scale = Callable[[Sequence[str], Say], Awaitable[None]]
"""Scales functions to so many replicas; raises ``StartFailed`` when it can't."""


class NoSupervisor(Exception):
    """There is no supervisor on the data folder, or it could not do the request."""


@asynccontextmanager
async def listening(data_dir: Path, scale: Scale) -> AsyncIterator[None]:
    """Answer until the end of the context; an unfinished request is then cancelled.

    Args:
        data_dir: Owned by this process; a socket left by a crash is replaced.
        scale: Handles requests.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a callback of the server is a task
        tasks.add(task)
        try:
            await _answer(reader, writer, scale)
        except asyncio.CancelledError:
            with suppress(OSError):
                writer.write(_FAILED + b"the system is being stopped\n")
        finally:
            tasks.discard(task)
            writer.close()

    with _bound(data_dir) as listener:
        server = await asyncio.start_unix_server(answer, sock=listener, limit=_REQUEST_BYTES)
        try:
            yield
        finally:
            server.close()
            await cancel(*tasks)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scale: Scale) -> None:
    def write(mark: bytes, text: str) -> None:
        writer.write(mark + text.replace("\n", " ").encode()[: _REQUEST_BYTES // 2] + b"\n")

    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            request = (await reader.readline()).decode()
    except (TimeoutError, ValueError):  # too slow, too long, or not text
        return
    write(_SAID, "")
    try:
        await scale(request.split(), lambda text: write(_SAID, text))
    except StartFailed as error:
        write(_FAILED, str(error))
    else:
        write(_DONE, "")
    with suppress(OSError):  # the client is gone
        await writer.drain()


async def ask_to_scale(data_dir: Path, scale: Sequence[str], say: Say) -> None:
    """Ask the supervisor of a data folder to scale functions; returns when it has done so.

    Raises:
        NoSupervisor: Nothing runs there, or it could not.
    """
    try:
        reader, writer = await _connect(data_dir)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NoSupervisor(
            f"nothing is running on {_absolute(data_dir)}: start it with ./start.sh"
        ) from None
    except OSError as error:
        raise NoSupervisor(
            f"the system on {_absolute(data_dir)} can't be reached: {error.strerror or error}"
        ) from error
    try:
        writer.write(" ".join(scale).encode() + b"\n")
        async with asyncio.timeout(_REQUEST_SECONDS):
            line = await reader.readline()
        while line[:1] == _SAID:
            if text := line[1:].decode().rstrip("\n"):
                say(text)
            line = await reader.readline()
    except TimeoutError:
        raise NoSupervisor(f"the system on {_absolute(data_dir)} does not answer") from None
    except OSError as error:
        raise NoSupervisor(f"`eps up` has ended: {error}") from error
    finally:
        writer.close()
    if line[:1] != _DONE:
        raise NoSupervisor(line[1:].decode().rstrip("\n") or "`eps up` ended before it was done")


async def _connect(data_dir: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with _short_path(data_dir) as path:
        return await asyncio.open_unix_connection(path, limit=_REQUEST_BYTES)


@contextmanager
def _bound(data_dir: Path) -> Iterator[socket.socket]:
    file = _file(data_dir)
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with listener, _short_path(data_dir) as path:
        before = os.umask(0o177)  # private to its owner from the first moment
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        try:
            yield listener
        finally:
            file.unlink(missing_ok=True)


@contextmanager
def _short_path(data_dir: Path) -> Iterator[str]:
    """Return a path of the socket that is short enough, through a descriptor if necessary."""
    path = str(_file(data_dir))
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{_file(data_dir).name}"
    finally:
        os.close(folder)


def _file(data_dir: Path) -> Path:
    return data_dir / "control.sock"


def _absolute(data_dir: Path) -> Path:
    return data_dir.resolve()
