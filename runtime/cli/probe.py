"""Ask whether the function in this container is ready: the image's health check.

Only the standard library is imported, because it runs every few seconds beside the function.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

PORTS = range(3001, 3006)
"""The functions' default ports; a container runs one function."""

_ANSWER_SECONDS = 2.0
_BODY_BYTES = 64 * 1024  # a readiness answer has some hundred bytes
_OK = 200

FULL = "full: the broker has no room for events, and the gateway answers 503"
"""Printed for a gateway that is ready but refuses events; ``healthcheck.sh`` looks for it.
Such a gateway stays healthy, because a restart would not make room."""


def fault(url: str) -> str:
    """Describe what is wrong with a URL's answer; empty if nothing is.

    Args:
        url: ``http`` and ``https`` must answer 200, others take a connection.
    """
    return _examine(url)[0]


def _examine(url: str) -> tuple[str, bool]:
    """Ask once: what is wrong, and whether a ready function found the stream full."""
    try:
        status, body = _ask(url)
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__, False
    return ("", _is_full(body)) if status == _OK else (f"it answered {status}", False)


def _is_full(body: bytes) -> bool:
    try:
        return bool(json.loads(body).get("events") == "full")
    except (ValueError, AttributeError):
        return False


def _ask(url: str) -> tuple[int, bytes]:
    """Fetch a URL's status and body; for a scheme other than HTTP, only connect."""
    target = urlsplit(url)
    if target.scheme not in {"http", "https"}:
        address = (target.hostname or "", target.port or 0)
        socket.create_connection(address, _ANSWER_SECONDS).close()
        return _OK, b""
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = kind(target.netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", target.path or "/")
        response = connection.getresponse()
        return response.status, response.read(_BODY_BYTES)
    finally:
        connection.close()


def main(urls: list[str]) -> int:
    """Probe ``urls``; if none are given, the function that listens here.

    Returns:
        0 when all are well; else 1, and standard error says why.
    """
    probed = urls or list(_own())
    found = list(map(_examine, probed))
    for url, (why, _) in zip(probed, found, strict=True):
        if why:
            sys.stderr.write(f"{url}: {why}\n")
    is_well = not any(why for why, _ in found)
    if is_well and any(is_full for _, is_full in found):
        sys.stdout.write(f"{FULL}\n")
    return 0 if is_well else 1


def _own() -> Iterator[str]:
    ports = [int(os.environ["PORT"])] if os.environ.get("PORT") else _listening()
    for port in ports:
        yield f"http://127.0.0.1:{port}/health/ready"


def _listening() -> list[int]:
    """List the default ports that answer; all of them if none does, so that each is named."""
    found = [port for port in PORTS if not fault(f"tcp://127.0.0.1:{port}")]
    return found or list(PORTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
