"""How far servers' clocks differ from this process's own.

Nothing is lost if they differ: the ledger relies on no single clock. But reported
ages and minutes are wrong by the difference.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

_log = structlog.get_logger()

MOST_SECONDS: Final = 60.0
"""No clock should differ by more: the ledger counts by the minute."""


def utc_now() -> datetime:
    """Return the time by this process's own clock."""
    return datetime.now(UTC)


class ServerClock:
    """Tracks how far a server's clock is ahead of this process's.

    Args:
        server: Which server's: ``broker`` or ``database``.
        now: This process's own clock.

    Attributes:
        server: As given.
        seconds_ahead: As last measured, negative if the server's is behind; None
            before the first measurement. Accurate to half the response time.
    """

    def __init__(self, server: str, now: Callable[[], datetime] = utc_now) -> None:
        self.server = server
        self.seconds_ahead: float | None = None
        self._now = now

    def asked(self) -> datetime:
        """Return the time of asking, for ``told``."""
        return self._now()

    def told(self, server_at: datetime, asked_at: datetime) -> None:
        """Compare the server's time with ours, and log when the difference becomes too large.

        Args:
            server_at: The server's time.
            asked_at: The time of asking, by this process's clock.
        """
        own_at = asked_at + (self._now() - asked_at) / 2
        was_too_far, self.seconds_ahead = self._is_too_far(), _seconds(server_at, own_at)
        if self._is_too_far() != was_too_far:
            self._log()

    def _is_too_far(self) -> bool:
        return abs(self.seconds_ahead or 0.0) > MOST_SECONDS

    def _log(self) -> None:
        facts = {"server": self.server, "seconds_ahead": self.seconds_ahead}
        if self._is_too_far():
            _log.warning(
                "clocks differ by more than a minute; is NTP running on both machines?", **facts
            )
        else:
            _log.info("clocks agree again", **facts)


def clock_facts(*clocks: ServerClock) -> Mapping[str, Callable[[], float | None]]:
    """Return readiness facts: ``brokerClockSeconds``, how far ahead the broker's clock is."""
    return {f"{clock.server}ClockSeconds": _reader(clock) for clock in clocks}


def _reader(clock: ServerClock) -> Callable[[], float | None]:
    return lambda: clock.seconds_ahead


def _seconds(server_at: datetime, own_at: datetime) -> float:
    return round((server_at - own_at).total_seconds(), 3)
