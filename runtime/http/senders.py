"""Identify a request's sender for its log line."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from runtime.networks import Network

Address = IPv4Address | IPv6Address

_USER_AGENT_BYTES: Final = 120
"""How much of a user agent is logged: names and versions are shorter, and every request has a
line."""

_FORWARDED_HOPS: Final = 32
"""Entries of an ``X-Forwarded-For`` that are read, from its end: nobody has more own proxies."""

_KNOWN: Final = 1024
"""How many addresses and user agents are cached: parsing one takes microseconds."""


class Senders:
    """Identifies a request's sender by its address and its user agent.

    The address is the connection's. A trusted proxy names its client in
    ``X-Forwarded-For``; the header is ignored from anybody else.

    Args:
        trusted: The proxies' addresses and networks.
    """

    __slots__ = ("_is_trusted",)

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        networks = tuple(trusted)
        self._is_trusted: Callable[[str], bool] | None = None
        if networks:
            self._is_trusted = lru_cache(_KNOWN)(lambda text: _is_in(text, networks))

    def facts(self, peer: str | None, headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
        """Return the log fields of a sender: ``client`` and ``user_agent``.

        Args:
            peer: The address at the other end of the connection, if it has one.
            headers: The request's, with names in lower case; all are optional.

        Returns:
            Short texts without control characters, as far as they are known.
        """
        found = {}
        if peer:
            found["client"] = self._client(peer, headers)
        for name, value in headers:
            if name == b"user-agent" and value:
                found["user_agent"] = _user_agent(value[:_USER_AGENT_BYTES])
                break
        return found

    def _client(self, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        client = peer.removeprefix("::ffff:")
        if self._is_trusted is None or not self._is_trusted(client):
            return client
        forwarded = [value for name, value in headers if name == b"x-forwarded-for"]
        hops = b",".join(forwarded).decode("latin-1").rsplit(",", _FORWARDED_HOPS)
        for hop in reversed(hops[-_FORWARDED_HOPS:]):
            address = _address_of(hop)
            if address is None:  # "unknown", or not an address: its writer is the last known
                return client
            client = str(address)
            if not self._is_trusted(client):
                return client
        return client


def sender_facts(client: str, user_agent: str) -> dict[str, str]:
    """Return the same fields for a client that the platform names; see ``Senders.facts``."""
    agent = user_agent.encode("latin-1", "replace")
    address = _address_of(client)
    peer = None if address is None else str(address)
    return _NO_PROXIES.facts(peer, [(b"user-agent", agent)])


def _is_in(text: str, networks: Iterable[Network]) -> bool:
    address = _address_of(text)
    return address is not None and any(address in network for network in networks)


def _address_of(text: str) -> Address | None:
    """Read an address as proxies write it: alone, with a port, or in brackets."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        address = ip_address(plain)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:  # free text, meaningless on another machine
            return None
        return address.ipv4_mapped or address
    return address


@lru_cache(_KNOWN)
def _user_agent(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return "".join(each if each.isprintable() else "?" for each in text)


_NO_PROXIES: Final = Senders()
