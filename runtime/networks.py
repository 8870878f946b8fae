"""Addresses and networks, as written in settings."""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def read_networks(text: str) -> list[Network]:
    """Read comma-separated addresses and networks.

    Raises:
        ValueError: One is neither.
    """
    parts = (part.strip() for part in text.split(","))
    return [ip_network(part, strict=False) for part in parts if part]
