"""The servers with their defaults, or nearly: acknowledged data are not on disk yet."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from runtime.local.embedded.nats_server import EmbeddedNats
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from runtime.local.embedded.process import Program
from runtime.local.embedded.server import EmbeddedServer

_NATS_CONF = Path(__file__).parents[3] / "infra" / "nats.conf"
_ALWAYS = "sync_interval: always"


class CarelessNats(EmbeddedNats):
    """A broker with NATS's own default: it syncs every two minutes, and acknowledges before."""

    def program(self) -> Program:
        """Return the command to run."""
        usual = super().program()
        settings = _NATS_CONF.read_text(encoding="utf-8")
        assert _ALWAYS in settings
        careless = self.data_dir.with_name("careless.conf")
        careless.write_text(settings.replace(_ALWAYS, ""), encoding="utf-8")
        command = [str(careless) if it.endswith("nats.conf") else it for it in usual.command]
        return replace(usual, command=command)


class CarelessPostgres(EmbeddedPostgres):
    """A database that leaves it to the kernel when to write."""

    def program(self) -> Program:
        """Return the command to run."""
        usual = super().program()
        return replace(usual, command=[*usual.command, "-c", "fsync=off"])


CARELESS: Final[dict[str, dict[str, Callable[[Path], EmbeddedServer]]]] = {
    "NATS's default sync": {"broker": CarelessNats},
    "PostgreSQL without fsync": {"database": CarelessPostgres},
}
"""The careless servers for a system, so that a power cut loses promised data."""
