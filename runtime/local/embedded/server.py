"""Shared by the embedded servers: prepare, start, wait until it answers, stop."""

from abc import ABC, abstractmethod
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from runtime.local.embedded.data_folder import owned
from runtime.local.embedded.process import Child, OnLine, Program
from runtime.local.embedded.readiness import StartFailed, until_ready
from runtime.local.embedded.tcp_ports import free_port

_TAIL_LINES = 20


class EmbeddedServer(ABC):
    """A real server as a child of this process, on 127.0.0.1.

    Used as an async context manager it owns its data folder, runs the server, and
    stops it at the end; the data stay.

    Attributes:
        name: Its name on log lines.
        data_dir: Where its data are stored; made if missing.
        port: Where it listens.
        ready_seconds: How long a start may take, including recovery after a crash.
    """

    name: str
    ready_seconds: float = 30.0

    def __init__(self, data_dir: Path | str, *, port: int = 0) -> None:
        """Describe a server; nothing is started.

        Args:
            data_dir: Where its data are stored; made if missing.
            port: Where it listens; 0 for any free port.
        """
        self.data_dir = Path(data_dir).resolve()
        self.port = port or free_port()
        self._open = ExitStack()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, including credentials."""

    @abstractmethod
    async def prepare(self, on_line: OnLine) -> None:
        """Prepare the data folder; required before each start.

        Raises:
            StartFailed: It can't be prepared.
        """

    @abstractmethod
    def program(self) -> Program:
        """The command to run."""

    @abstractmethod
    async def check(self) -> None:
        """Return when it answers.

        Raises:
            NotReady: It does not, yet.
            StartFailed: It never will.
        """

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._child is None:
            raise StartFailed(f"{self.name} is not running")
        return self._child.pid

    async def __aenter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(owned(self.data_dir))
            await self.prepare(self._tail.append)
            self._child = await Child.start(self.program(), self._tail.append)
            try:
                await self._until_ready(self._child)
            except BaseException:
                await self._child.stop()
                raise
            self._open = opening.pop_all()
        return self

    async def _until_ready(self, child: Child) -> None:
        async def ended() -> str:
            code = await child.wait()
            return "\n".join([f"{self.name} ended with {code} during its start", *self._tail])

        await until_ready(self.name, self.check, hopeless=ended(), seconds=self.ready_seconds)

    async def __aexit__(self, *_: object) -> None:
        with self._open:
            if self._child is not None:
                await self._child.stop()
                self._child = None
