"""The plan of `eps up`: functions, replicas, ports."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.catalogue import FUNCTIONS, Function
from runtime.local.embedded.inheritance import settings_of
from runtime.local.embedded.tcp_ports import LOOPBACK, PortWish, choose_ports, free_port
from runtime.local.supervisor.settings import LocalSettings

MOST_REPLICAS = 32
_EVERYWHERE = ("0.0.0.0", "::", "localhost")  # noqa: S104 - to compare with
_SCALE = re.compile(r"([a-z-]+)=([0-9]{1,4})", re.ASCII)
_MAY_MOVE = {"nats_port", "postgres_port", "dead_letters_port"}
"""Ports that no client of the system relies on: if the default is taken (a developer often
runs a PostgreSQL), another one is used."""


class BadUsage(Exception):
    """The command was given unusable options."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    """Options of `eps up`.

    Attributes:
        publisher: Whether to publish test events.
        torrent: Whether to publish as many as the original publisher does.
        data_dir: Where data are stored; None for the setting ``DATA_DIR``.
        scale: ``NAME=N`` each: run function NAME N times.
        reload: Whether functions are restarted when a source file changes.
    """

    publisher: bool = True
    torrent: bool = False
    data_dir: Path | None = None
    scale: Sequence[str] = ()
    reload: bool = False


@dataclass(frozen=True, slots=True)
class PlannedFunction:
    """A function to run.

    Attributes:
        name: Its name for ``eps run``.
        port_setting: The field of the settings that holds its port.
        stop_turn: Functions with a lower turn are stopped first.
        command: What to run; it gets ``PORT``, and ``NATS_URL`` and ``DATABASE_URL`` if it
            uses them.
        broker_user: Its user at the broker; None for no broker.
        database_group: The group role whose rights it has in the database; None for no database.
        settings: Names of the settings that it inherits from the environment.
        is_public: Whether it listens on ``HOST``, and not only for this machine.
    """

    name: str
    port_setting: str
    stop_turn: int
    command: tuple[str, ...]
    broker_user: str | None = None
    database_group: str | None = None
    settings: frozenset[str] = frozenset()
    is_public: bool = False


def planned(function: Function) -> PlannedFunction:
    """Plan a function of the catalogue."""
    kind = function.kind
    return PlannedFunction(
        function.name,
        function.port_setting,
        kind.stop_turn,
        (sys.executable, *function.command),
        kind.broker_user,
        kind.database_group,
        settings_of(kind.settings),
        kind.is_public,
    )


ALL_PLANNED = tuple(map(planned, FUNCTIONS.values()))

_PUBLISH = (sys.executable, "-m", "runtime", "publish")
_MODEST = ("--min", "100", "--max", "500")


def publisher_of(options: UpOptions) -> tuple[str, ...]:
    """Return the publisher's command, to which the gateway's URL is added.

    Some hundred events per second, unless the torrent is requested: 25,500 a second
    fill a disk with some 90 GB an hour.
    """
    if not options.publisher:
        return ()
    return (*_PUBLISH, *(() if options.torrent else _MODEST), "--url")


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a function, its port, and the address that it listens on."""

    name: str
    function: PlannedFunction
    port: int
    host: str = LOOPBACK

    @property
    def url(self) -> str:
        """Its address, as reached from this machine."""
        host = LOOPBACK if self.host in _EVERYWHERE else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything will run.

    Attributes:
        replicas: First of each function in the order of the table, then the others.
        nats_port: The embedded broker's; 0 if none is started.
        postgres_port: The embedded database's; same.
        notes: Notes for people, a line each.
    """

    replicas: tuple[Replica, ...]
    nats_port: int
    postgres_port: int
    notes: tuple[str, ...] = ()


def make_plan(
    settings: LocalSettings,
    scale: Iterable[str] = (),
    functions: Sequence[PlannedFunction] = ALL_PLANNED,
) -> Plan:
    """Choose all ports.

    Raises:
        BadUsage: ``scale`` is wrong.
        PortsTaken: A port that may not move is taken; it names them all.
    """
    counts = parse_scale(scale, [function.name for function in functions])
    fields = [function.port_setting for function in functions]
    fields += [] if settings.nats_url else ["nats_port"]
    fields += [] if settings.database_url else ["postgres_port"]
    ports, notes = choose_ports([_wish(settings, field) for field in fields])
    hosts = {f.name: settings.host if f.is_public else LOOPBACK for f in functions}
    first = [Replica(f.name, f, ports[f.port_setting.upper()], hosts[f.name]) for f in functions]
    more = [replica for it in first for replica in more_of(it, counts.get(it.function.name, 1))]
    nats_port, postgres_port = (ports.get(name, 0) for name in ("NATS_PORT", "POSTGRES_PORT"))
    return Plan((*first, *more), nats_port, postgres_port, tuple(notes))


def parse_scale(scale: Iterable[str], known: Sequence[str]) -> dict[str, int]:
    """Read ``fb-collector=3`` and the like; the last of a name counts.

    Raises:
        BadUsage: One is not of that form, or names no function.
    """
    counts = {}
    for text in scale:
        match = _SCALE.fullmatch(text)
        if not match or match[1] not in known or not 1 <= int(match[2]) <= MOST_REPLICAS:
            names = ", ".join(known)
            raise BadUsage(
                f"{text} is not a scale: use NAME=N, with N from 1 to {MOST_REPLICAS} and NAME one "
                f"of {names}"
            )
        counts[match[1]] = int(match[2])
    return counts


def _wish(settings: LocalSettings, field: str) -> PortWish:
    may_move = field in _MAY_MOVE and field not in settings.model_fields_set
    return PortWish(field.upper(), getattr(settings, field), may_move=may_move)


def more_of(first: Replica, count: int) -> Iterator[Replica]:
    """Plan the others of so many replicas of a function, on free ports."""
    for number in range(2, count + 1):
        name = f"{first.function.name}-{number}"
        yield Replica(name, first.function, free_port(), first.host)
