"""NATS's client, in which ``tls://`` means TLS, and a URL's user and password are decoded."""

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
    """A client that never sends its login unencrypted to a server that should use TLS.

    The library treats TLS as optional: it encrypts if the server requires it, and
    otherwise sends the password in clear text (nats-py 2.16). Both methods are the
    library's own; ``tests/contract/test_broker_login.py`` notices if it stops
    calling them.
    """

    @property
    def address(self) -> str:
        """Host and port of the server that it is connected, or connecting, to."""
        server = self._current_server
        return "the broker" if server is None else f"{server.uri.hostname}:{server.uri.port}"

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's
        """Process a server's information; use TLS if the server offers it without requiring it.

        The library reads ``info`` again when it decides whether to encrypt.
        """
        if initial_connection and self._wants_tls and info.get("tls_available"):
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """Write the first command to a server, which contains the login.

        Raises:
            NotTlsError: It would be sent in clear text.
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

        A server learned from others has no URL of its own: it is in the same cluster, and
        gets the first known login.
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
    """Return why a server will always refuse this client; None if it may accept it later.

    Returns:
        The end of a sentence that begins with the server's name.
    """
    match error:
        case NotTlsError():
            return "offers no TLS, but its URL in NATS_URL begins with tls://"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case _ if _VIOLATION in str(error).lower():
            return "refuses the user and password (or token) of NATS_URL"
        case _:
            return None
