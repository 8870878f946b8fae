"""URLs of servers, made safe to show."""

from typing import Final
from urllib.parse import urlsplit

_BROKER_SCHEMES: Final = {"nats", "tls"}


def without_password(url: str) -> str:
    """Write a URL with its user, but without password, token or parameters."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    user, has_password, _ = login.partition(":")
    is_token = parts.scheme in _BROKER_SCHEMES and not has_password
    shown = host if is_token or not user else f"{user}@{host}"
    return parts._replace(netloc=shown, query="", fragment="").geturl()


def shown(urls: str) -> str:
    """Write one URL, or several comma-separated ones; see ``without_password``."""
    return ",".join(map(without_password, urls.split(",")))
