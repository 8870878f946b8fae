"""NATS's client, but ``tls://`` means TLS, and a URL's user and password are decoded."""

import ssl
from typing import Any, Final
from urllib.parse import ParseResult, unquote

from nats.aio.client import Client
from nats.errors import Error as NatsError

_VIOLATION: Final = "authorization violation"
_NOBODY: Final = {"user": None, "password": None, "token": None}


class NotTlsError(NatsError):
    """The URL asks for TLS, and the server offers none: nothing was sent to it."""


class SafeClient(Client):
    """A client that shows its login to no server that should speak TLS and does not.

    The library takes TLS for a wish: it encrypts where the server asks for it,
    and else sends the password in the clear (nats-py 2.16). Both methods are
    the library's own; ``tests/contract/test_broker_login.py`` notices when it
    stops to call them.
    """

    @property
    def address(self) -> str:
        """Host and port of the server that it talks to, or tries to."""
        server = self._current_server
        return "the broker" if server is None else f"{server.uri.hostname}:{server.uri.port}"

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's
        """Take what a server says of itself; of one that offers TLS without asking for it, take it.

        ``info`` is looked at again by the library when it decides whether to encrypt.
        """
        if initial_connection and self._wants_tls and info.get("tls_available"):
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """Write the first thing that is sent to a server, with the login in it.

        Raises:
            NotTlsError: It would go in the clear.
        """
        if self._wants_tls and not self._is_encrypted:
            raise NotTlsError
        self._use_login()
        return super()._connect_command()

    @property
    def _wants_tls(self) -> bool:
        return self._current_server is not None and self._current_server.uri.scheme == "tls"

    @property
    def _is_encrypted(self) -> bool:
        writer = getattr(self._transport, "_io_writer", None)
        return writer is not None and writer.get_extra_info("ssl_object") is not None

    def _use_login(self) -> None:
        """Give the library the login of this server's URL, decoded.

        A server that others told of has no URL of its own: it is one of theirs,
        and gets the first login that is known.
        """
        current = self._current_server
        asked = [] if current is None else [current, *(self._server_pool * current.discovered)]
        named = [server.uri for server in asked if server.uri.username is not None]
        self.options.update(_login_of(named[0]) if named else _NOBODY)


def _login_of(uri: ParseResult) -> dict[str, str | None]:
    """Read user and password; a user alone is a token."""
    user = unquote(uri.username or "")
    if uri.password is None:
        return {**_NOBODY, "token": user}
    return {**_NOBODY, "user": user, "password": unquote(uri.password)}


def refusal_of(error: Exception) -> str | None:
    """Say why a server will not have this client, however often it asks; None where it may.

    Returns:
        What follows the server's name in a sentence.
    """
    match error:
        case NotTlsError():
            return "offers no TLS, and its URL in NATS_URL says tls://"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case _ if _VIOLATION in str(error).lower():
            return "refuses the user and password (or token) of NATS_URL"
        case _:
            return None
