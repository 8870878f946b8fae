"""Database URLs, checked by the driver itself."""

from typing import Final
from urllib.parse import unquote, urlsplit

from asyncpg import connect_utils

_PLAIN: Final = dict.fromkeys(
    (
        *("host", "port", "user", "password", "passfile", "database", "ssl", "direct_tls"),
        *("server_settings", "target_session_attrs", "krbsrvname", "gsslib", "service"),
        "servicefile",
    )
)


def fault_of(url: str) -> str:
    """Return why the driver can't use a URL; empty if it can.

    Nothing is connected to. Files named in the URL, such as certificates, must
    exist.

    Args:
        url: As in ``DATABASE_URL``.

    Returns:
        The driver's message, without secrets.
    """
    try:
        connect_utils._parse_connect_dsn_and_args(  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other way
            dsn=url, **_PLAIN
        )
    except (ValueError, OSError) as error:  # the driver's own errors are ValueErrors as well
        words = " ".join(str(error).split())
        return "it can't be read" if _has_secret(words, url) else words
    return ""


def _has_secret(words: str, url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return True
    return "@" in words or bool(password and (password in words or unquote(password) in words))
