"""How far the clocks of servers are from this process's own.

Nothing is lost where they differ: the ledger asks none of them alone. But what
is told of ages and minutes is as wrong as they are.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

_log = structlog.get_logger()

MOST_SECONDS: Final = 60.0
"""By more than that no clock should differ: the ledger counts by the minute."""


def utc_now() -> datetime:
    """Tell the time by this process's own clock."""
    return datetime.now(UTC)


class ServerClock:
    """Knows how far a server's clock is ahead of this process's.

    Args:
        server: Whose clock, in a word: ``broker`` or ``database``.
        now: This process's own clock.

    Attributes:
        server: As given.
        seconds_ahead: As last seen, negative where the server's is behind; None
            before it has told the time. Right to half the time that its answer took.
    """

    def __init__(self, server: str, now: Callable[[], datetime] = utc_now) -> None:
        self.server = server
        self.seconds_ahead: float | None = None
        self._now = now

    def asked(self) -> datetime:
        """Tell when the server is asked, for ``told``."""
        return self._now()

    def told(self, server_at: datetime, asked_at: datetime) -> None:
        """Compare what a server has answered just now; log it where too much has become too little.

        Args:
            server_at: What time it is there.
            asked_at: When it was asked, by this process's clock.
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
            _log.warning("clocks differ by more than a minute: is NTP running on both?", **facts)
        else:
            _log.info("clocks agree again", **facts)


def clock_facts(*clocks: ServerClock) -> Mapping[str, Callable[[], float | None]]:
    """Give readiness the differences: ``brokerClockSeconds``, how far ahead the broker's is."""
    return {f"{clock.server}ClockSeconds": _reader(clock) for clock in clocks}


def _reader(clock: ServerClock) -> Callable[[], float | None]:
    return lambda: clock.seconds_ahead


def _seconds(server_at: datetime, own_at: datetime) -> float:
    return round((server_at - own_at).total_seconds(), 3)
