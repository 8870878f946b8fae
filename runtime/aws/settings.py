"""Settings on Lambda: the differences, and values from Secrets Manager."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from pydantic import AfterValidator, HttpUrl, TypeAdapter

from functions.errors import Unavailable
from functions.events import SOURCES, Source
from runtime.aws.client import client_errors, code_of, open_client
from runtime.settings import (
    BadSettings,
    DatabaseSettings,
    IngestSettings,
    PoolSize,
    ReporterSettings,
    Seconds,
    Settings,
    Size,
)
from runtime.telemetry import logs

_URL: Final = TypeAdapter(HttpUrl)
_BY_NAME: Final = msgspec.json.Decoder(dict[str, str])
_PEPPER: Final = "user_key_pepper"
_OPEN_SECONDS: Final = 5.0
"""Time for the database to answer: the next invocation asks again, and waiting is paid for."""

_CLOSE_SECONDS: Final = 0.5
"""Time for connections that are given up: others wait for the process meanwhile."""


def _check_url(url: str) -> str:
    _URL.validate_python(url)
    return url


_QueueUrl = Annotated[str, AfterValidator(_check_url)]


class AwsGatewaySettings(IngestSettings):
    """Settings of the gateway on Lambda, which carries 6 MB a request."""

    body_size_limit: Size = 6 * 1024**2
    events_queue_url_facebook: _QueueUrl
    events_queue_url_tiktok: _QueueUrl
    dead_letters_queue_url: _QueueUrl

    @property
    def events_queue_urls(self) -> dict[Source, str]:
        """The queue of each source's events."""
        return {source: getattr(self, f"events_queue_url_{source}") for source in SOURCES}


class AwsCollectorSettings(DatabaseSettings):
    """Settings of a collector on Lambda: a process does one thing at a time."""

    database_pool_size: PoolSize = 1
    shutdown_timeout_seconds: Seconds = _CLOSE_SECONDS
    startup_timeout_seconds: Seconds = _OPEN_SECONDS


class AwsReporterSettings(ReporterSettings):
    """Settings of the reporter on Lambda."""

    database_pool_size: PoolSize = 1
    shutdown_timeout_seconds: Seconds = _CLOSE_SECONDS
    startup_timeout_seconds: Seconds = _OPEN_SECONDS


class SecretSettings(Settings):
    """Settings that come from secrets: the secret's ARN, by field."""

    database_secret_arn: str | None = None
    operator_database_secret_arn: str | None = None
    ingest_api_keys_secret_arn: str | None = None
    reporter_api_keys_secret_arn: str | None = None
    operator_api_keys_secret_arn: str | None = None
    senders_secret_arn: str | None = None

    def of(self, kind: type[Settings]) -> dict[str, str]:
        """Return the secrets that a function needs, by field."""
        arns = {
            "database_url": self.database_secret_arn,
            "operator_database_url": self.operator_database_secret_arn,
            "ingest_api_keys": self.ingest_api_keys_secret_arn,
            "reporter_api_keys": self.reporter_api_keys_secret_arn,
            "operator_api_keys": self.operator_api_keys_secret_arn,
        }
        return {name: arn for name, arn in arns.items() if arn and name in kind.model_fields}


Kind = TypeVar("Kind", bound=Settings)


async def configured(kind: type[Kind], service: str) -> Kind:
    """Read settings, some from secrets, and configure the log by them.

    Args:
        kind: Which ones.
        service: The function's name, on every line of its log.

    Raises:
        Unavailable: A secret can't be read, or settings are missing or wrong, and it
            names them all: the same input may be sent again when they are fixed.
    """
    logs.configure("info", "json", service, gathered=False)  # until the settings are read
    try:
        settings = await load_with_secrets(kind)
    except BadSettings as error:
        faults = "; ".join(line.strip() for line in str(error).splitlines())
        raise Unavailable(f"settings are missing or invalid: {faults}") from error
    logs.configure(settings.log_level, settings.log_format, service, gathered=False)
    return settings


async def load_with_secrets(kind: type[Kind]) -> Kind:
    """Read settings, some from secrets.

    Raises:
        BadSettings: Some are missing or wrong; it names them all.
        Unavailable: A secret can't be read.
    """
    secrets = SecretSettings.load()
    arns = secrets.of(kind)
    senders = secrets.senders_secret_arn if _PEPPER in kind.model_fields else None
    if not arns and not senders:
        return kind.load()
    return kind.load(**await asyncio.to_thread(_read_secrets, kind, arns, senders))


def _read_secrets(
    kind: type[Settings], arns: Mapping[str, str], senders: str | None
) -> dict[str, str]:
    client = open_client("secretsmanager")
    try:
        found = {name: _read_secret(client, name, arn) for name, arn in arns.items()}
        if senders:
            found |= _of_senders(kind, _read_secret(client, "senders_secret_arn", senders))
        return found
    finally:
        client.close()


def _of_senders(kind: type[Settings], text: str) -> dict[str, str]:
    """Read the secret of real senders, a JSON object of settings by their names.

    Raises:
        Unavailable: It is none.
    """
    try:
        values = _BY_NAME.decode(text)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            "the secret of SENDERS_SECRET_ARN is not a JSON object of texts"
        ) from error
    known = {name.lower(): value for name, value in values.items()}
    return {name: value for name, value in known.items() if name in kind.model_fields}


def _read_secret(client: Any, name: str, arn: str) -> str:
    try:
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except client_errors() as error:
        reason = f"the secret of {name.upper()} can't be read: {code_of(error)}"
        raise Unavailable(reason) from error
