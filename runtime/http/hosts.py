"""Which host names an open function answers to: anybody can point a name of theirs here."""

import re
import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from runtime.http.responses import HttpProblem

UNKNOWN_HOST: Final = (
    "Without keys, this function answers only to names of this machine; allow others with "
    "ALLOWED_HOSTS"
)

_HOST: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]{0,5})?")
_NAMES_KNOWN: Final = 64

CheckHost = Callable[[str | None], None]
"""Takes a request's ``Host``, or None if it has none; raises ``HttpProblem``."""


def check_host(allowed: Iterable[str]) -> CheckHost:
    """Make a check that accepts requests for this machine and refuses others with a 421.

    A page can point its own name to this machine (DNS rebinding); its browser then
    takes our answers for that page's own and lets it read them. An address or
    ``localhost`` can't be pointed anywhere, and a request without ``Host`` is not a browser's.

    Args:
        allowed: Further names of this machine, without a port.
    """
    names = {_plain(name) for name in (socket.gethostname(), *allowed) if name}

    @lru_cache(_NAMES_KNOWN)
    def is_here(host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = _plain(found["ipv6"] or found["name"] or "")
        local = name == "localhost" or name.endswith(".localhost")
        return local or name in names or _is_address(name)

    def check(host: str | None) -> None:
        if host is not None and not is_here(host):
            raise HttpProblem(HTTPStatus.MISDIRECTED_REQUEST, UNKNOWN_HOST)

    return check


def _plain(name: str) -> str:
    return name.strip().lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
