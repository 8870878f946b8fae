"""The whole system with each function under its container's limit."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from runtime.local.embedded.process import Program
from runtime.settings import CollectorSettings
from tests.faults.fault import FUNCTIONS
from tests.faults.kept_system import KeptSystem
from tests.faults.limits.cgroup import joined, memory_group

_COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"
_UNITS = {"m": 1024**2, "g": 1024**3}
_USUAL = CollectorSettings.model_fields


def container_bytes() -> Mapping[str, int]:
    """Read the memory limit of each function's container."""
    services = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))["services"]
    limits = {name: re.fullmatch(r"(\d+)([mg])", services[name]["mem_limit"]) for name in FUNCTIONS}
    return {name: int(it[1]) * _UNITS[it[2]] for name, it in limits.items() if it}


class LimitedSystem(KeptSystem):
    """Functions that are killed if they exceed their containers' memory.

    If this user may not create control groups, nothing is killed; the peaks are still measured.
    """

    def __init__(self, folder: Path) -> None:
        patience = ("ack_wait_seconds", "database_timeout_seconds")
        super().__init__(folder, **{name.upper(): str(_USUAL[name].default) for name in patience})
        self._groups: dict[str, Path | None] = {}

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run everything while the context is open."""
        with ExitStack() as stack:
            for name, limit in container_bytes().items():
                self._groups[name] = stack.enter_context(memory_group(limit))
            async with super().up():
                yield

    def _program(self, name: str, urls: Mapping[str, str]) -> Program:
        usual = super()._program(name, urls)
        return replace(usual, command=joined(self._groups[name], usual.command))
