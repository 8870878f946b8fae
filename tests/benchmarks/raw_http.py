"""uvicorn's capacity with the same requests if nothing is done with them."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import uvloop
from starlette.types import Receive, Scope, Send

from runtime.http.server.serving import served
from runtime.local.embedded.checks import check_http
from runtime.local.embedded.process import Child, Program
from runtime.local.embedded.readiness import until_ready
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port
from tests.benchmarks.load import Load, Sent
from tests.benchmarks.processes import peak_megabytes

_ANSWER = b'{"accepted":100,"rejected":0,"correlationId":"%b","errors":[]}' % (b"0" * 36)
_START_SECONDS = 20


@asynccontextmanager
async def bare_server() -> AsyncIterator[tuple[str, int]]:
    """Run the server as a process; returns its URL and process id."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.raw_http", str(port)]
    child = await Child.start(Program(command), lambda _line: None)
    url = f"http://{LOOPBACK}:{port}"

    async def ended() -> str:
        return f"the bare server ended with {await child.wait()}"

    try:
        await until_ready("bare", lambda: check_http(url), hopeless=ended(), seconds=_START_SECONDS)
        yield url, child.pid
    finally:
        await child.stop()


async def raw_http(load: Load) -> tuple[Sent, float]:
    """Send a load to it; returns the results, and its peak memory in MB."""
    async with bare_server() as (url, pid):
        sent = await load.send(url)
        return sent, peak_megabytes(pid)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, then answer as the gateway would."""
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    b"".join(chunks)
    status = HTTPStatus.OK if scope["method"] == "GET" else HTTPStatus.ACCEPTED
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


async def _run(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with served(_app, host=LOOPBACK, port=port, shutdown_timeout_seconds=5):
        await stop.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(int(sys.argv[1])))
