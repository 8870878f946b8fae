"""A trap on the wire: it springs when certain bytes pass, and holds them back."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TO_SERVER, FROM_SERVER = False, True


@dataclass(frozen=True, slots=True)
class Step:
    """Certain bytes on a connection.

    Attributes:
        are_answers: The direction: ``TO_SERVER`` or ``FROM_SERVER``.
        pattern: The pattern.
    """

    are_answers: bool
    pattern: bytes


@dataclass
class Watch:
    """The bytes seen on one connection.

    Attributes:
        step: The next step of the trap.
        ends: The last bytes each way: a pattern may come in two pieces.
    """

    step: int = 0
    ends: defaultdict[bool, bytes] = field(default_factory=lambda: defaultdict(bytes))


class Trap:
    """Springs once, and holds the bytes that sprung it until it is released.

    Args:
        steps: Patterns that have to pass on one connection, in order.
        spring: Called then, at once.
        skip: How often all steps may pass before.
        passes: Whether the last pattern itself passes; otherwise it is held as well.
        drops: Whether the held bytes are dropped when the trap is released.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        spring: Callable[[], object],
        *,
        skip: int = 0,
        passes: bool = False,
        drops: bool = False,
    ) -> None:
        self._steps = steps
        self._spring = spring
        self._skip = skip
        self._passes = passes
        self._drops = drops
        self._let_go = asyncio.Event()
        self.sprung = asyncio.Event()

    def caught(self, watch: Watch, chunk: bytes, *, are_answers: bool) -> int | None:
        """Look at a chunk; return how many of its bytes pass, if the trap springs in it."""
        step = self._steps[watch.step]
        if self.sprung.is_set() or are_answers != step.are_answers:
            return None
        before = watch.ends[are_answers]
        seen = before + chunk
        watch.ends[are_answers] = seen[-len(step.pattern) + 1 :]
        place = seen.find(step.pattern)
        if place < 0:
            return None
        watch.step = (watch.step + 1) % len(self._steps)
        watch.ends.clear()
        if watch.step or self._skips():
            return None
        return max(0, place + len(step.pattern) * self._passes - len(before))

    def _skips(self) -> bool:
        self._skip -= 1
        return self._skip >= 0

    async def sprung_on(self) -> bool:
        """Spring, and wait for the release; returns whether the held bytes go on then."""
        self._spring()
        self.sprung.set()
        await self._let_go.wait()
        return not self._drops

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._let_go.set()
