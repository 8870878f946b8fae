"""Sessions: a cookie signed with a key, which contains nothing of the key itself."""

import base64
import binascii
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final

from runtime.api_keys import ApiKeys
from runtime.http.keys import CHALLENGE, NOT_ADMITTED
from runtime.http.origins import is_own_page
from runtime.http.request import Endpoint, Endpoints, Headers, Request
from runtime.http.responses import HttpProblem, Response

SESSION_SECONDS: Final = 12 * 3600
"""A working day; it is not renewed."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BQ")
_PURPOSE: Final = b"eps session"
_MAC_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Sessions:
    """Decides whether a request may pass: by its key, or by a session that a key has opened.

    A session is a time signed with the key's digest, so every replica can check it,
    and it ends with the key that opened it.

    Attributes:
        keys: All keys that may open one.
        secure: Whether browsers use HTTPS only, unlike on a developer's machine.
        now: In seconds since 1970.
    """

    keys: ApiKeys
    secure: bool
    now: Callable[[], float] = time.time

    @property
    def cookie(self) -> str:
        """The cookie's name; its prefix makes browsers send it over HTTPS only, to this host."""
        return "__Host-eps_session" if self.secure else "eps_session"

    def begin(self, key: bytes) -> str | None:
        """Open a session.

        Returns:
            The header ``Set-Cookie``; None if the key may not open one.
        """
        head = _HEAD.pack(_VERSION, int(self.now()) + SESSION_SECONDS)
        signature = self.keys.sign(key, _PURPOSE + head)
        if signature is None:
            return None
        token = base64.urlsafe_b64encode(head + signature).decode().rstrip("=")
        return self._set(token, SESSION_SECONDS)

    def end(self) -> str:
        """End the browser's session; returns the header ``Set-Cookie``."""
        return self._set("", 0)

    def visitor(self, request: Request, keys: ApiKeys) -> str | None:
        """Name the key of a session that these keys accept; None if there is no such session.

        For a request that changes something, the browser must state that a page of ours sent it.
        """
        token = self._token(request)
        if len(token) != _HEAD.size + _MAC_BYTES:
            return None
        head, signature = token[: _HEAD.size], token[_HEAD.size :]
        version, expires_at = _HEAD.unpack(head)
        if version != _VERSION or expires_at <= self.now():
            return None
        return keys.signer(_PURPOSE + head, signature)

    def admits(self, request: Request, keys: ApiKeys, *, changes: bool) -> bool:
        """Return whether a request may pass, by its key or by its session.

        Args:
            request: Its log line gets the name of the key.
            keys: The keys that open the requested endpoint.
            changes: Whether it changes something; then a session alone is not
                enough: the browser must state that a page of ours sent it.
        """
        if not keys:
            return True
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        name = keys.admit(key.strip().encode())
        if name is not None and scheme.lower() == "bearer":
            request.facts["key"] = name
            return True
        if changes and not is_own_page(request.headers):
            return False
        visitor = self.visitor(request, keys)
        if visitor is not None:
            request.facts["key"] = visitor
        return visitor is not None

    def guarded(self, keys: ApiKeys, endpoint: Endpoint, *, changes: bool) -> Endpoint:
        """Let only permitted requests reach an endpoint; others get a 401 before a body is read."""
        if not keys:
            return endpoint

        async def respond(request: Request) -> Response:
            if not self.admits(request, keys, changes=changes):
                raise HttpProblem(HTTPStatus.UNAUTHORIZED, NOT_ADMITTED, CHALLENGE)
            return await endpoint(request)

        return respond

    def all_guarded(self, keys: ApiKeys, endpoints: Endpoints) -> Endpoints:
        """Guard endpoints, given as method and endpoint by path; see ``guarded``."""
        return {
            path: (method, self.guarded(keys, endpoint, changes=method == "POST"))
            for path, (method, endpoint) in endpoints.items()
        }

    def _set(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self.secure else ""
        return (
            f"{self.cookie}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}"
        )

    def _token(self, request: Request) -> bytes:
        text = cookie_of(request.headers, self.cookie)
        try:
            return base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", b"-_", validate=True)
        except (binascii.Error, ValueError):
            return b""


def cookie_of(headers: Headers, name: str) -> str:
    """Read a cookie; empty if it is missing or unreadable."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value
