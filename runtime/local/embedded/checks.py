"""Check whether a component answers, within a time limit."""

import asyncio
import json
import struct
from contextlib import suppress
from http import HTTPStatus

import aiohttp
import asyncpg

from runtime.local.embedded.readiness import NotReady
from runtime.telemetry.in_words import in_words

ANSWER_SECONDS = 2.0
"""How long anything on this machine may take to answer."""

_SILENT = f"no answer within {ANSWER_SECONDS:g} s"
_SSL_REQUEST = struct.pack(">II", 8, 80877103)  # PostgreSQL's protocol, "SSLRequest"


async def check_http(url: str) -> None:
    """Return when ``url`` answers 200.

    Raises:
        NotReady: It answers something else, or nothing in time.
    """
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            if response.status != HTTPStatus.OK:
                raise NotReady(f"it answered {response.status}{_failing(await response.text())}")
    except TimeoutError:
        raise NotReady(_SILENT) from None
    except aiohttp.ClientConnectorError as error:
        raise NotReady(_words(error.os_error)) from error
    except aiohttp.ClientError as error:
        raise NotReady(str(error)) from error


async def refuses_events(url: str) -> bool:
    """Return whether a gateway reports that its last events had no room; silence means no."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    with suppress(aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/health/ready") as response,
        ):
            return bool((await response.json()).get("events") == "full")
    return False


def _failing(body: str) -> str:
    """Name the failed checks in a readiness answer."""
    try:
        checks = json.loads(body)["checks"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return "".join(f", {name}: {state}" for name, state in checks if state != "ok")


async def check_nats(host: str, port: int, server_name: str = "") -> None:
    """Return when a NATS server greets, which it does after loading its streams.

    Args:
        host: Where it listens.
        port: Where it listens.
        server_name: Its name; empty for any.

    Raises:
        NotReady: It does not, or not in time, or another server does.
    """
    greeting = await _exchange(host, port, b"")
    if not greeting.startswith(b"INFO "):
        raise NotReady("the server there is not a NATS server")
    if server_name and f'"server_name":"{server_name}"' not in greeting.decode():
        raise NotReady("another NATS server is listening there")


async def check_database(url: str) -> None:
    """Return when a database answers a query.

    Raises:
        NotReady: It does not, or not in time.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await asyncpg.connect(url)
            try:
                await connection.execute("SELECT 1")
            finally:
                connection.terminate()
    except TimeoutError:
        raise NotReady(_SILENT) from None
    except OSError as error:
        raise NotReady(_words(error)) from error
    except asyncpg.PostgresError as error:
        raise NotReady(str(error)) from error


async def check_postgres(host: str, port: int) -> None:
    """Return when a PostgreSQL answers; needs no session and so no password.

    Raises:
        NotReady: It does not, or not in time.
    """
    if await _exchange(host, port, _SSL_REQUEST) not in {b"S", b"N"}:
        raise NotReady("the server there is not a PostgreSQL server")


async def _exchange(host: str, port: int, request: bytes) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _first_answer(host, port, request)
    except TimeoutError:
        raise NotReady(_SILENT) from None
    except OSError as error:
        raise NotReady(_words(error)) from error


async def _first_answer(host: str, port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        return await reader.read(4096)  # one packet: a line from NATS, a byte from PostgreSQL
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing is listening there"
    return in_words(error)
