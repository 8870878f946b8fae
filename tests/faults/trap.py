"""A trap on the wire: it springs at the very moment when something passes, and holds it back."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TO_SERVER, FROM_SERVER = False, True


@dataclass(frozen=True, slots=True)
class Step:
    """Something on a connection.

    Attributes:
        are_answers: Which way it goes: ``TO_SERVER`` or ``FROM_SERVER``.
        pattern: What it is known by.
    """

    are_answers: bool
    pattern: bytes


@dataclass
class Watch:
    """What was seen on one connection.

    Attributes:
        step: Which of a trap's steps is waited for.
        ends: The last bytes each way: a pattern may come in two pieces.
    """

    step: int = 0
    ends: defaultdict[bool, bytes] = field(default_factory=lambda: defaultdict(bytes))


class Trap:
    """Springs once, and holds what sprung it until it is let go.

    Args:
        steps: What has to pass on one connection, one after the other.
        spring: What is done then, at once.
        skip: How often all steps may pass before.
        passes: Whether the last pattern itself goes through; else it is held, too.
        drops: Whether what is held is thrown away when the trap is let go.
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
        """Look at what comes; tell how many bytes of it pass, where the trap is to spring."""
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
        """Spring, and wait until it is let go; tells whether what is held goes on then."""
        self._spring()
        self.sprung.set()
        await self._let_go.wait()
        return not self._drops

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._let_go.set()
