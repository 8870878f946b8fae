"""ministack, an independent emulator of AWS, as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import psutil  # type: ignore[import-untyped]

from tests.aws.conftest import REGION, wait_for_answer
from tests.conftest import aws_environment

PYTHON: Final = Path(sys.prefix) / "ministack" / "bin" / "python"
"""The Python of its environment, made by ``infra/test-tools.sh``; it also runs functions."""

_PLACES: Final = {
    "execute-api": "/_aws/execute-api/{id}/$default",
    "lambda-url": "/_aws/lambda-url/{id}",
}
"""The real addresses behind host names that no name server resolves, by kind."""


@dataclass(frozen=True, slots=True)
class Ministack:
    """A running ministack.

    Attributes:
        url: The address of its services.
    """

    url: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment of a process that uses it as AWS."""
        return {**aws_environment(self.url), "AWS_REGION": REGION}

    def client(self, service: str) -> Any:
        """Create a client of one of its services."""
        session: Any = boto3.Session("test", "test", region_name=REGION)
        return session.client(service, endpoint_url=self.url)

    def bound_pollers(self, most: int) -> None:
        """Set again how many processes a queue may call at once.

        It keeps the number of a template's parameter as a string, and then polls nothing.
        """
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": most}
            )

    def allow_batches(self, role: str) -> None:
        """Allow a role to send messages in batches: on AWS the right SendMessage includes it."""
        allowed = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "*"}
        self.client("iam").put_role_policy(
            RoleName=role,
            PolicyName="batches",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )

    def reached(self, address: str) -> str:
        """Return where an address of the stack's outputs can be reached."""
        identity, kind, *_ = str(urlsplit(address).hostname).split(".")
        return self.url + _PLACES[kind].format(id=identity)


@contextmanager
def ministack(folder: Path) -> Iterator[Ministack]:
    """Run it while the context is open, and end it with all processes that it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {
        "GATEWAY_PORT": port,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",  # roles allow only their stated rights
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "ministack"], stdout=log, stderr=log, env=settings, cwd=folder
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for_answer(f"{url}/_ministack/health")
        yield Ministack(url)
    finally:
        family = [
            psutil.Process(process.pid),
            *psutil.Process(process.pid).children(recursive=True),
        ]
        process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=10)
        for each in left:
            each.kill()
        process.wait()
