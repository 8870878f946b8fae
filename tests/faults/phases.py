"""Faults of processes by phase: a phase is known by the bytes between a process and its servers.

Nothing in the functions knows of it: a proxy sees what they send, holds it
back, and kills or freezes one of the two at that moment.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

from tests.faults.fault import Fault, Inject, World
from tests.faults.kept_system import CLIENTS, KeptSystem
from tests.faults.sender import BROKEN
from tests.faults.trap import FROM_SERVER, TO_SERVER, Step, Trap

_PATIENCE_SECONDS = 120
_MOST_SKIPPED = 5


@dataclass(frozen=True, slots=True)
class Phase:
    """A moment in a function's work.

    Attributes:
        name: As the table has it.
        other: The other side: ``CLIENTS``, ``nats`` or ``postgres``.
        steps: Patterns that pass on one connection until then; the last one is held back.
        passes: Whether the last pattern passes, and the bytes after it are held back.
        hits_server: Whether the fault is also injected into the server.
        is_short: Whether its SIGKILL is also in the short selection.
    """

    name: str
    other: str
    steps: Sequence[Step]
    passes: bool = False
    hits_server: bool = False
    is_short: bool = False


def _to(pattern: bytes) -> Step:
    return Step(TO_SERVER, pattern)


def _from(pattern: bytes) -> Step:
    return Step(FROM_SERVER, pattern)


_COPY = _to(b"COPY ")
_COMMIT = _to(b"COMMIT;")
_COMMITTED = _from(b"COMMIT\0")  # the tag of CommandComplete
_COMMAND_COMPLETE = _from(b"C\0\0\0")
_ACK = b"PUB $JS.ACK."
_LETTER = _to(f'"{BROKEN}-'.encode())

_GATEWAY = (
    Phase("receiving", CLIENTS, [_to(b"POST /events")], passes=True),
    Phase("before the publish", "nats", [_to(b"PUB events.")], hits_server=True),
    Phase("publishing", "nats", [_to(b"PUB events.")], passes=True),
    Phase(
        "published, not acknowledged",
        "nats",
        [_to(b"PUB events."), _from(b'"stream":"EVENTS"')],
        hits_server=True,
        is_short=True,
    ),
    Phase("before the answer", CLIENTS, [_from(b"HTTP/1.1 202")]),
)


def _received(subject: bytes) -> Phase:
    return Phase("receiving", "nats", [_from(b"MSG " + subject)], passes=True, hits_server=True)


def _acknowledging() -> tuple[Phase, ...]:
    return (
        Phase("before the acknowledgement", "nats", [_to(_ACK)], hits_server=True),
        Phase("acknowledging", "nats", [_to(_ACK)], passes=True),
    )


def _collector(subject: bytes) -> tuple[Phase, ...]:
    return (
        _received(subject),
        Phase("in a COPY", "postgres", [_COPY], passes=True),
        Phase("before the commit", "postgres", [_COPY, _COMMIT], hits_server=True),
        Phase(
            "committed, not answered",
            "postgres",
            [_COPY, _COMMIT, _COMMITTED],
            hits_server=True,
            is_short=True,
        ),
        *_acknowledging(),
    )


_DEAD_LETTERS = (
    _received(b"dead_letters."),
    Phase("before the commit", "postgres", [_LETTER]),
    Phase("committed, not answered", "postgres", [_LETTER, _COMMAND_COMPLETE]),
    *_acknowledging(),
)
PHASES: Final = {
    "gateway": _GATEWAY,
    "fb-collector": _collector(b"events.facebook"),
    "ttk-collector": _collector(b"events.tiktok"),
    "dead-letters": _DEAD_LETTERS,
}
_HITS_SERVER_OF = ("gateway", "fb-collector")
"""The other collectors do the same with the same servers."""


@asynccontextmanager
async def held(
    world: World,
    function: str,
    phase: Phase,
    *,
    spring: Callable[[], object] = bool,
    drops: bool = False,
) -> AsyncIterator[None]:
    """Hold a function at a phase while the context is open.

    Args:
        world: Where it is.
        function: Which.
        phase: Where it is held.
        spring: Called at that moment.
        drops: Whether the held bytes never arrive.
    """
    skip = world.random.randrange(_MOST_SKIPPED)
    trap = Trap(phase.steps, spring, skip=skip, passes=phase.passes, drops=drops)
    with cast("KeptSystem", world.system).proxies[function, phase.other].trapped(trap):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await trap.sprung.wait()
        yield


def _hit(function: str, victim: str, phase: Phase, *, kill: bool) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        with ExitStack() as frozen:

            def spring() -> None:
                if kill:
                    world.system.signal(victim, signal.SIGKILL)
                else:
                    frozen.enter_context(world.system.paused(victim))

            async with held(world, function, phase, spring=spring, drops=kill):
                if not kill:
                    await world.a_while(8 if world.is_full else 2)
        yield

    return inject


def _faults() -> Iterator[Fault]:
    """Take the victims in turn: a process that has just died several times is restarted later."""
    for number in range(max(map(len, PHASES.values()))):
        for kill in (True, False):
            for function, phases in PHASES.items():
                for phase in phases[number : number + 1]:
                    yield from _faults_of(function, phase, kill=kill)


def _faults_of(function: str, phase: Phase, *, kill: bool) -> Iterator[Fault]:
    what = "SIGKILL" if kill else "SIGSTOP and SIGCONT"
    hit = _hit(function, function, phase, kill=kill)
    yield Fault(f"{what} of {function}: {phase.name}", hit, is_short=kill and phase.is_short)
    if phase.hits_server and function in _HITS_SERVER_OF:
        hit = _hit(function, phase.other, phase, kill=kill)
        yield Fault(f"{what} of {phase.other}: {function} {phase.name}", hit)


FAULTS = list(_faults())
