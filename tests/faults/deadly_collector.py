"""A collector of Facebook events whose process ends when its handler gets a deadly event."""

import os
import signal
from collections.abc import Sequence
from functools import partial

from functions.collecting import Collected
from functions.fb_collector import handler
from functions.messages import AcceptedBatch
from functions.ports import EventStore

DEADLY = b"deadly-"
_handle = handler.handle


async def _handle_or_die(parts: Sequence[AcceptedBatch], *, store: EventStore) -> Collected:
    if any(DEADLY in event for part in parts for event in part.events):
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does if memory runs out
    return await _handle(parts, store=store)


if __name__ == "__main__":
    handler.handle = partial(_handle_or_die)
    from runtime.wiring.process import run

    raise SystemExit(run("fb-collector"))
