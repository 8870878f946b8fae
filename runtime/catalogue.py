"""Every function, a row each: the facts known before anything is opened.

Every list of functions comes from here: the wiring, ``eps up``, the consumers of
the streams, the zips for Lambda. It imports no driver.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import functions.fb_collector.handler as facebook
import functions.ttk_collector.handler as tiktok
from functions.collecting import Collected
from functions.events import Source
from functions.messages import AcceptedBatch
from functions.ports import EventStore
from runtime.settings import (
    MIN_PEPPER_CHARACTERS,
    CollectorSettings,
    GatewaySettings,
    ReporterSettings,
    Settings,
    check_all,
)


class Handle(Protocol):
    """Stores a batch of one source's events; see ``functions.collecting.collect``."""

    def __call__(
        self, parts: Sequence[AcceptedBatch], /, *, store: EventStore
    ) -> Awaitable[Collected]:
        """Store a batch."""


@dataclass(frozen=True, slots=True)
class OwnEvents:
    """The events that a collector fetches.

    Attributes:
        source: Their source.
        handle: Stores a batch of them.
    """

    source: Source
    handle: Handle


@dataclass(frozen=True, slots=True)
class FunctionKind:
    """Facts shared by functions of one kind.

    Attributes:
        name: Names the lock file of its packages for Lambda.
        settings: The settings it reads from the environment when it starts.
        stop_turn: Functions with a lower turn are stopped first.
        broker_user: Its user at the broker; None for no broker.
        database_group: The group role whose rights it has in the database; None for no database.
        is_public: Whether it serves others than the system's own processes, so that it listens on
            ``HOST``.
    """

    name: str
    settings: type[Settings]
    stop_turn: int
    broker_user: str | None = None
    database_group: str | None = None
    is_public: bool = False


GATEWAY: Final = FunctionKind("gateway", GatewaySettings, 1, "gateway", is_public=True)
COLLECTOR: Final = FunctionKind("collector", CollectorSettings, 2, "collector", "eps_collector")
REPORTER: Final = FunctionKind(
    "reporter", ReporterSettings, 3, database_group="eps_reporter", is_public=True
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function.

    Attributes:
        name: Its name for ``eps run``.
        port: Where it listens by default.
        kind: The facts it shares with others.
        events: The events that it collects; None for a gateway, a reporter and for dead letters.
    """

    name: str
    port: int
    kind: FunctionKind
    events: OwnEvents | None = None

    @property
    def module(self) -> str:
        """Its module: the file of ``runtime.aws`` that has its handler on Lambda."""
        return self.name.replace("-", "_")

    @property
    def port_setting(self) -> str:
        """The field of ``LocalSettings`` that sets its port."""
        return f"{self.module}_port"

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of ``python`` that run it as a process."""
        return ("-m", "runtime", "run", self.name)


FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (
        Function("gateway", 3001, GATEWAY),
        Function(
            "fb-collector",
            3002,
            COLLECTOR,
            OwnEvents("facebook", facebook.handle),
        ),
        Function("ttk-collector", 3003, COLLECTOR, OwnEvents("tiktok", tiktok.handle)),
        Function("dead-letters", 3005, COLLECTOR),
        Function("reporter", 3004, REPORTER),
    )
}
"""By name, in the order in which `eps up` starts and lists them."""

COLLECTORS: Final = tuple(it for it in FUNCTIONS.values() if it.kind is COLLECTOR)


def check_settings(*others: type[Settings]) -> None:
    """Read the settings of every function, except for what it will be given.

    Args:
        others: Further kinds of settings to read.

    Raises:
        BadSettings: Some are wrong; it names them all.
    """
    given = {
        "nats_url": "nats://given",
        "database_url": "postgresql://given",
        "user_key_pepper": "given".ljust(MIN_PEPPER_CHARACTERS),
    }
    check_all({function.kind.settings for function in FUNCTIONS.values()}, given, others)
