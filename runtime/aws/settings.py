"""Settings on Lambda: what differs there, and what comes from Secrets Manager."""

import asyncio
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, HttpUrl, TypeAdapter

from functions.errors import Unavailable
from functions.events import Source
from runtime.aws.client import client_errors, code_of, open_client
from runtime.settings import (
    DatabaseSettings,
    IngestSettings,
    PoolSize,
    ReporterSettings,
    Seconds,
    Settings,
    Size,
)

_URL: Final = TypeAdapter(HttpUrl)
_CLOSE_SECONDS: Final = 0.5
"""For connections that are given up: others wait for the process meanwhile."""


def _check_url(url: str) -> str:
    _URL.validate_python(url)
    return url


_QueueUrl = Annotated[str, AfterValidator(_check_url)]


class AwsGatewaySettings(IngestSettings):
    """What the gateway is told on Lambda, which carries 6 MB a request."""

    body_size_limit: Size = 6 * 1024**2
    events_queue_url_facebook: _QueueUrl
    events_queue_url_tiktok: _QueueUrl
    dead_letters_queue_url: _QueueUrl

    @property
    def events_queue_urls(self) -> dict[Source, str]:
        """Where the events of each source go."""
        return {
            "facebook": self.events_queue_url_facebook,
            "tiktok": self.events_queue_url_tiktok,
        }


class AwsCollectorSettings(DatabaseSettings):
    """What a collector is told on Lambda: a process does one thing at a time."""

    database_pool_size: PoolSize = 1
    shutdown_timeout_seconds: Seconds = _CLOSE_SECONDS


class AwsReporterSettings(ReporterSettings):
    """What the reporter is told on Lambda."""

    database_pool_size: PoolSize = 1
    shutdown_timeout_seconds: Seconds = _CLOSE_SECONDS


class SecretSettings(Settings):
    """Where secrets are; without one the settings hold them themselves."""

    database_secret_arn: str | None = None


Kind = TypeVar("Kind", bound=DatabaseSettings)


async def load_with_secret(kind: type[Kind]) -> Kind:
    """Read settings, the database's URL from the secret that holds it, where there is one.

    Raises:
        BadSettings: Some are missing or wrong; it names them all.
        Unavailable: The secret can't be read.
    """
    arn = SecretSettings.load().database_secret_arn
    if arn is None:
        return kind.load()
    return kind.load(database_url=await asyncio.to_thread(_read_secret, arn))


def _read_secret(arn: str) -> str:
    client = open_client("secretsmanager")
    try:
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except client_errors() as error:
        reason = f"the secret of the database can't be read: {code_of(error)}"
        raise Unavailable(reason) from error
