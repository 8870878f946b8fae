"""Check that an acknowledgement means disk, by the brokers' monitoring of their syncs.

JetStream's clients can't ask; only the monitoring port (``/jsz``) and the system
account know (nats-server 2.15.1).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from functions.errors import Unavailable
from runtime.jetstream.monitoring import UNTOLD, ask
from runtime.loops import every, pause
from runtime.telemetry.health import Check

_log = structlog.get_logger()

DISK: Final = "disk"
UNKNOWN: Final = "unknown"

_EVERY_SECONDS = 30.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


async def _answers() -> None:
    """Assume that the broker answers."""


class Durability:
    """Knows what the broker's acknowledgements mean.

    Args:
        monitoring_urls: Of every server of the cluster: the laxest one counts.
        check: Checks that the broker answers at all, raising ``Unavailable``: one
            that is away gives no acknowledgement that could mean less than disk.

    Attributes:
        meaning: ``disk``, ``memory up to 2m``, or ``unknown`` if a server did not report it.
    """

    def __init__(self, monitoring_urls: Sequence[str], check: Check = _answers) -> None:
        self._check = check
        self._urls = monitoring_urls
        self._is_told = False
        self.meaning = UNKNOWN

    async def ask(self) -> None:
        """Ask every server, and log if an acknowledgement does not mean disk."""
        meaning = _laxest(await asyncio.gather(*map(_sync_seconds, self._urls)))
        if self._is_told and meaning == self.meaning:
            return
        if meaning == UNKNOWN and self._urls:
            try:
                await self._check()
            except Unavailable:
                return  # keep the last answer; no request gets a 202 now
        self.meaning, self._is_told = meaning, True
        if meaning == DISK:
            _log.info("a 202 means disk", durability=meaning)
        else:
            _log.warning(
                "a 202 may not mean disk: check the broker's sync_interval and NATS_MONITORING_URL",
                durability=meaning,
            )

    async def watch(self, stop: asyncio.Event) -> None:
        """Ask again at intervals until ``stop`` is set: a broker may be reconfigured."""
        await pause(_EVERY_SECONDS, stop)  # it was asked at the start
        async for _ in every(_EVERY_SECONDS, stop):
            await self.ask()


def _laxest(seconds: Sequence[float | None]) -> str:
    """Combine the servers' delays until a sync; None is an unreported one."""
    longest = max((each for each in seconds if each is not None), default=0.0)
    if longest:
        return f"memory up to {_in_words(longest)}"
    return UNKNOWN if None in seconds or not seconds else DISK


def _in_words(seconds: float) -> str:
    for unit, length in _UNITS.items():
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


async def _sync_seconds(url: str) -> float | None:
    """Ask a server how long it may acknowledge before it syncs; 0 means no delay."""
    try:
        config = (await ask(url, "/jsz"))["config"]
        return 0.0 if config.get("sync_always") else config["sync_interval"] / 1e9
    except UNTOLD:
        return None  # reported as "unknown"
