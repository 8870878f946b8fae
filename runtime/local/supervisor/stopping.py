"""Requests to stop: the first is orderly, the second hurries, the third ends everything."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.local.embedded.process import OnLine

_WORDS = (
    "stopping; work in progress is finished first (press again to stop quickly)",
    "stopping quickly: killing functions, closing broker and database (press again to kill all)",
    "killing everything",
)


class StopWish:
    """Counts the requests to stop.

    Attributes:
        wanted: Set by the first.
        hurried: Set by the second.
        forced: Set by the third.
    """

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.hurried = asyncio.Event()
        self.forced = asyncio.Event()

    def request(self, say: OnLine) -> None:
        """Count one more, and report what it means."""
        steps = (self.wanted, self.hurried, self.forced)
        for event, words in zip(steps, _WORDS, strict=True):
            if not event.is_set():
                event.set()
                say(words)
                return


@contextmanager
def stop_on_signals(wish: StopWish, say: OnLine) -> Iterator[None]:
    """Treat SIGINT, SIGTERM and the end of the terminal as requests to stop."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under nohup, it outlives the terminal
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, wish.request, say)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
