"""LocalStack's free core, an emulator of AWS by others, run as a process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import boto3
import psutil  # type: ignore[import-untyped]
from aiohttp import web

from tests.aws.conftest import REGION, wait_for_answer
from tests.aws.system import runtime_client
from tests.conftest import aws_environment

PYTHON: Final = Path(os.environ.get("LOCALSTACK_PYTHON", sys.prefix + "/localstack/bin/python"))
"""That of its own environment, which ``infra/test-tools.sh`` makes."""

_EXECUTOR: Final = Path(__file__).with_name("localstack_executor.py")


@dataclass(frozen=True, slots=True)
class LocalStack:
    """LocalStack, running.

    Attributes:
        url: Where its services are.
        pid: Its process; those of the functions are its children.
    """

    url: str
    pid: int

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of a process that uses it as AWS."""
        return {**aws_environment(self.url), "AWS_REGION": REGION}

    def client(self, service: str) -> Any:
        """Create a client of one of its services."""
        session: Any = boto3.Session("test", "test", region_name=REGION)
        return session.client(service, endpoint_url=self.url)

    def processes(self, handler: str) -> list[psutil.Process]:
        """The living processes of a function."""
        family = psutil.Process(self.pid).children(recursive=True)
        return [it for it in family if any(handler in word for word in it.cmdline())]


@contextmanager
def localstack(folder: Path) -> Iterator[LocalStack]:
    """Run it while the context is open, and end its functions with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plugins, client = _plugin(folder / "plugins"), runtime_client(folder / "client")
    for name in ("home", "tmp", "logs"):
        (folder / name).mkdir()
    settings = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "SERVICES": "cloudformation,cloudwatch,iam,lambda,logs,s3,secretsmanager,sqs,sts",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "PYTHONPATH": str(plugins),
        "RUNTIME_CLIENT": str(client),
        "FUNCTION_LOGS": str(folder / "logs"),
        "HOME": str(folder / "home"),  # entry points are cached there
        "TMPDIR": str(folder / "tmp"),
        "PATH": os.environ["PATH"],
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "localstack.runtime.main"],
            stdout=log,
            stderr=log,
            env=settings,
            cwd=folder,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for_answer(f"{url}/_localstack/health")
        yield LocalStack(url, process.pid)
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs([psutil.Process(process.pid), *family], timeout=15)
        for each in left:
            each.kill()
        process.wait()


@asynccontextmanager
async def reached(emulator: LocalStack, address: str) -> AsyncIterator[str]:
    """Serve a function URL, whose host no name server knows, at an address of this machine."""
    parts = urlsplit(address)

    async def forward(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                f"{emulator.url}{request.raw_path}",
                data=await request.read(),
                headers={**headers, "Host": parts.netloc},
            ) as answer,
        ):
            kind = {"Content-Type": answer.headers.get("Content-Type", "")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kind)

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield f"http://{host}:{port}"
    await runner.cleanup()


def _plugin(folder: Path) -> Path:
    """Install the executor as an entry point."""
    info = folder / "executor-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: executor\nVersion: 0\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[localstack.lambda.runtime_executor]\nprocess = localstack_executor:Plugin\n", "utf-8"
    )
    shutil.copy(_EXECUTOR, folder)
    return folder
