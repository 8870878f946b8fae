"""A function as Lambda runs it: a process of the real runtime client, and the API that it calls.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web

_API = "/2018-06-01/runtime"
_START_SECONDS = 60.0


class Failed(Exception):
    """The function raised, died, or did not answer in time."""


@dataclass
class Invocation:
    """An event on its way, and its result."""

    event: Any
    seconds: float
    id: str = field(default_factory=lambda: str(uuid4()))
    outcome: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Function:
    """One function with one process, which is frozen between invocations.

    Attributes:
        starts: How many processes were started.
        pid: The process, if one lives.
        listens_at: The address that the runtime client calls.
    """

    def __init__(
        self, handler: str, path: Sequence[Path], environment: Mapping[str, str], log: Path
    ) -> None:
        """Create a function; its process starts with its first invocation.

        Args:
            handler: The name of the handler for Lambda.
            path: Where Python finds modules: these folders, and its own library.
            environment: The complete environment of the process.
            log: The file for its output.
        """
        self._handler = handler
        self._environment = {
            **environment,
            "PYTHONPATH": ":".join(map(str, path)),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",  # on Lambda the zip's folder is read-only
        }
        self._log = log
        self._turn = asyncio.Lock()
        self._asked = asyncio.Event()
        self._next: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.listens_at = ""

    @property
    def pid(self) -> int | None:
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Function"]:
        """Serve the runtime's endpoints while the context is open."""
        app = web.Application(client_max_size=64 * 1024**2)
        app.add_routes(
            [
                web.get(f"{_API}/invocation/next", self._give),
                web.post(f"{_API}/invocation/{{id}}/response", self._respond),
                web.post(f"{_API}/invocation/{{id}}/error", self._fail),
                web.post(f"{_API}/init/error", self._fail),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.listens_at = "{}:{}".format(*runner.addresses[0])
        try:
            yield self
        finally:
            await self.kill()
            await runner.cleanup()

    async def invoke(self, event: Any, *, seconds: float = 20.0) -> Any:
        """Invoke the function, and freeze it again.

        Raises:
            Failed: It raised, died, or did not answer in time and was killed.
        """
        async with self._turn:
            await self._start_or_thaw()
            self._current = Invocation(event, seconds)
            await self._next.put(self._current)
            try:
                async with asyncio.timeout(seconds):
                    answer = await self._current.outcome
                    await self._asked.wait()  # until it asks for more, it may still be working
            except TimeoutError:
                await self.kill()
                raise Failed("the time is up") from None
            self._freeze()
            return answer

    async def kill(self) -> None:
        """Kill the process."""
        if self.pid and self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _start_or_thaw(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGCONT)
            return
        self.starts += 1
        self._asked.clear()
        self._next = asyncio.Queue()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-m", "awslambdaric", self._handler),
                env=self._environment | {"AWS_LAMBDA_RUNTIME_API": self.listens_at},
                cwd=self._log.parent,
                stdout=log,
                stderr=log,
            )
        self._watch = asyncio.create_task(self._wait(self._process))
        async with asyncio.timeout(_START_SECONDS):
            await self._asked.wait()

    async def _wait(self, process: asyncio.subprocess.Process) -> None:
        """Settle the current invocation when its process dies."""
        await process.wait()
        if self._current and not self._current.outcome.done():
            self._current.outcome.set_exception(Failed("the process died"))

    def _freeze(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGSTOP)

    async def _give(self, _request: web.Request) -> web.Response:
        self._asked.set()
        invocation = await self._next.get()
        self._asked.clear()
        deadline = int((time.time() + invocation.seconds) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:1:function:f",
        }
        body = json.dumps(invocation.event).encode()  # with a charset, the client would leave it so
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _respond(self, request: web.Request) -> web.Response:
        return self._settle(json.loads(await request.read()), None)

    async def _fail(self, request: web.Request) -> web.Response:
        return self._settle(None, Failed((await request.read()).decode()))

    def _settle(self, answer: Any, error: Exception | None) -> web.Response:
        if self._current and not self._current.outcome.done():
            if error:
                self._current.outcome.set_exception(error)
            else:
                self._current.outcome.set_result(answer)
        return web.json_response({"status": "OK"}, status=202)
