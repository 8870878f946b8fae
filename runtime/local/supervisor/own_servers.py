"""An existing database or broker in place of the embedded one: connected to, never started."""

import asyncio

import asyncpg
from pydantic import SecretStr

from functions.errors import Unavailable
from runtime.jetstream.connection import connected
from runtime.local.embedded.checks import ANSWER_SECONDS
from runtime.local.embedded.readiness import NotReady, StartFailed, until_ready
from runtime.telemetry.safe_urls import without_password

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InterfaceError,  # a URL that the driver can't use
    ValueError,
)
"""Errors that waiting does not change."""


class OwnDatabase:
    """The database of ``DATABASE_URL``: every function connects as the URL's user.

    Attributes:
        name: Its name in the health check.
        url: Where clients connect, including credentials.
    """

    name = "postgres"

    def __init__(self, url: SecretStr) -> None:
        self.url = url.get_secret_value()

    def __str__(self) -> str:
        return without_password(self.url)

    async def reach(self, seconds: float) -> None:
        """Return when it answers.

        Raises:
            StartFailed: It refuses, or does not answer within so many seconds.
        """
        forever = asyncio.Event()

        async def never() -> str:
            await forever.wait()
            return ""

        name = f"DATABASE_URL, {self},"
        await until_ready(name, self._check, hopeless=never(), seconds=seconds)

    async def _check(self) -> None:
        try:
            connection = await asyncpg.connect(self.url, timeout=ANSWER_SECONDS)
        except _REFUSED as error:
            raise StartFailed(f"DATABASE_URL, {self}, can't be used: {error}") from error
        except TimeoutError:
            raise NotReady("it does not answer") from None
        except (OSError, asyncpg.PostgresError) as error:
            raise NotReady(str(error)) from error
        await connection.close()


class OwnBroker:
    """The broker of ``NATS_URL``, one server or several: every function connects as the URL's user.

    Attributes:
        name: Its name in the health check.
        url: Where clients connect, including credentials; several separated by commas.
        monitoring_url: Its monitoring port; None if unknown.
    """

    name = "nats"

    def __init__(self, url: SecretStr, monitoring_url: str | None) -> None:
        self.url = url.get_secret_value()
        self.monitoring_url = monitoring_url

    def url_for(self, user: str) -> str:  # noqa: ARG002 - the URL says as whom
        """Where every function connects."""
        return self.url

    def __str__(self) -> str:
        return ",".join(map(without_password, self.url.split(",")))

    async def reach(self, seconds: float) -> None:
        """Return when one of its servers answers; the gateway makes the streams.

        Raises:
            StartFailed: It refuses, or does not answer within so many seconds.
        """
        try:
            async with connected(self.url, "operator", seconds):
                pass
        except Unavailable as error:
            raise StartFailed(f"NATS_URL, {self}, can't be used: {error}") from error
