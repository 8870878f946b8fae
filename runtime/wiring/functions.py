"""Every function, and how it is run: the only place that knows them all."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from runtime.settings import (
    CollectorSettings,
    GatewaySettings,
    ReporterSettings,
    Settings,
    check_all,
)
from runtime.wiring.collectors import dead_letters, fb_collector, ttk_collector
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from runtime.wiring.running import PORTS, RunningFunction


@dataclass(frozen=True, slots=True)
class Function:
    """How a function is run.

    Attributes:
        settings: What it is told, read when it starts.
        port: Where it listens unless told otherwise.
        hold: Binds it while a context is open.
    """

    settings: type[Settings]
    port: int
    hold: Callable[[Any], AbstractAsyncContextManager[RunningFunction]]


FUNCTIONS: Final[Mapping[str, Function]] = {
    "gateway": Function(GatewaySettings, PORTS["gateway"], gateway),
    "fb-collector": Function(CollectorSettings, PORTS["fb-collector"], fb_collector),
    "ttk-collector": Function(CollectorSettings, PORTS["ttk-collector"], ttk_collector),
    "reporter": Function(ReporterSettings, PORTS["reporter"], reporter),
    "dead-letters": Function(CollectorSettings, PORTS["dead-letters"], dead_letters),
}


def check_settings(*others: type[Settings]) -> None:
    """Read the settings of every function, but for the addresses that it will be given.

    Args:
        others: Kinds to read beside them.

    Raises:
        BadSettings: Some are wrong; it names them all.
    """
    given = {"nats_url": "nats://given", "database_url": "postgresql://given"}
    check_all({function.settings for function in FUNCTIONS.values()}, given, others)
