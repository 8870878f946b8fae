"""A TCP proxy before a server: it stalls, cuts, loses answers, and springs traps."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Self

from tests.faults.trap import Trap, Watch

_CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards connections to a server of this machine, as long as it may.

    Attributes:
        port: Where it listens.
        answers_lost: How many chunks of answers were dropped.
    """

    def __init__(self, port: int, to_port: int) -> None:
        self.port = port
        self.answers_lost = 0
        self._to_port = to_port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._answers_get_lost = False
        self._trap: Trap | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, to_port: int) -> AsyncIterator[Self]:
        """Listen in front of a port while the context is open."""
        proxy = cls(0, to_port)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.heal()
            proxy.cut()

    def stall(self) -> None:
        """Let nothing pass; connections stay open, and new ones are accepted."""
        self._flowing.clear()

    def lose_answers(self) -> None:
        """Let requests pass, and no answers."""
        self._answers_get_lost = True

    def cut(self) -> None:
        """Close every connection at once."""
        for writer in self._writers:
            writer.transport.abort()

    def lead_to(self, port: int) -> None:
        """Lead to another server from now on, and close all connections to the previous one."""
        self._to_port = port
        self.cut()

    def heal(self) -> None:
        """Let everything pass again."""
        self._answers_get_lost = False
        self._flowing.set()

    @contextmanager
    def trapped(self, trap: Trap) -> Iterator[None]:
        """Set a trap while the context is open; held bytes go on at its end."""
        self._trap = trap
        try:
            yield
        finally:
            self._trap = None
            trap.let_go()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        watch = Watch()
        await asyncio.gather(
            self._forward(reader, server_writer, watch, are_answers=False),
            self._forward(server_reader, writer, watch, are_answers=True),
        )
        self._writers -= {writer, server_writer}

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        watch: Watch,
        *,
        are_answers: bool,
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._flowing.wait()
                if are_answers and self._answers_get_lost:
                    self.answers_lost += 1
                    continue
                if self._trap:
                    chunk = await _past(self._trap, watch, chunk, writer, are_answers=are_answers)
                writer.write(chunk)
                await writer.drain()
        writer.close()


async def _past(
    trap: Trap, watch: Watch, chunk: bytes, writer: asyncio.StreamWriter, *, are_answers: bool
) -> bytes:
    """Pass a chunk through the traps; returns the part that is still to be forwarded."""
    passing = trap.caught(watch, chunk, are_answers=are_answers)
    if passing is None:
        return chunk
    writer.write(chunk[:passing])
    await writer.drain()
    return chunk[passing:] if await trap.sprung_on() else b""
