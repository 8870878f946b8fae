"""Settings: read once from the environment or ``.env``, every fault reported together."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    PlainValidator,
    SecretStr,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, Url
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from functions.senders.standard_webhooks import decode_secret
from runtime.api_keys import ApiKeys
from runtime.networks import read_networks

_SECRETS: Final = Path("/run/secrets")
"""Where containers find secrets: one file each, named after the setting. The environment wins."""

_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SIZE = re.compile(r"\s*([0-9]{1,15})\s*(b|kb|mb|gb|)\s*", re.IGNORECASE)


def to_bytes(value: Any) -> Any:
    """Read a size.

    Raises:
        PydanticCustomError: It is not a size.
    """
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise PydanticCustomError("size", "Input should be a size such as 50mb, 512kb or 1048576")
    return int(match[1]) * _UNITS[match[2].lower()]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


_NATS: TypeAdapter[Url] = TypeAdapter(
    Annotated[Url, UrlConstraints(allowed_schemes=["nats", "tls"], host_required=True)]
)
_HTTP = TypeAdapter(HttpUrl)


def check_postgres(url: SecretStr) -> SecretStr:
    """Check that it is a database URL, by the driver's rules.

    Raises:
        PydanticCustomError: It is not.
    """
    text = url.get_secret_value()
    if not re.match("postgres(ql)?://", text):
        raise PydanticCustomError("database_url", "should begin with postgresql:// or postgres://")
    from runtime.database_urls import fault_of  # noqa: PLC0415 - who has no database has no driver

    if fault := fault_of(text):
        raise PydanticCustomError(
            "database_url", "is not a valid database URL: {fault}", {"fault": fault}
        )
    return url


def _check_some_postgres(url: SecretStr | None) -> SecretStr | None:
    return None if url is None else check_postgres(url)


def check_nats(urls: SecretStr) -> SecretStr:
    """Check that they are comma-separated broker URLs.

    Raises:
        ValidationError: One is not.
    """
    for url in urls.get_secret_value().split(","):
        _NATS.validate_python(url)
    return urls


def _check_keys(keys: ApiKeys, info: ValidationInfo) -> ApiKeys:
    """Check that nothing is open to everyone outside a developer's machine."""
    environment = info.data.get("environment", "development")
    if not keys and environment != "development":
        raise PydanticCustomError(
            "no_keys",
            "is not set, but ENVIRONMENT={environment} requires it",
            {"environment": environment},
        )
    return keys


def _check_networks(text: str) -> str:
    try:
        read_networks(text)
    except ValueError:
        raise PydanticCustomError(
            "networks",
            "Input should be addresses or networks separated by commas, such as 10.0.0.0/8",
        ) from None
    return text


def check_http_urls(urls: str) -> str:
    """Check that they are comma-separated HTTP URLs.

    Raises:
        ValidationError: One is not.
    """
    for url in urls.split(","):
        _HTTP.validate_python(url)
    return urls


Size = Annotated[int, BeforeValidator(to_bytes), Field(ge=1)]
"""Bytes, written as ``50mb``, ``512kb`` or a plain number; a kilobyte is 1,024 bytes."""

EventSize = Annotated[int, BeforeValidator(to_bytes), Field(ge=1, le=4 * 1024**2)]
"""Bytes of one event. No real one has a megabyte; judging the most unusual one of four
takes a fifth of a second, and with its envelope it still fits into a batch of
``BATCH_MAX_BYTES`` together with others."""

BatchSize = Annotated[int, BeforeValidator(to_bytes), Field(ge=1, le=64 * 1024**2)]
"""Bytes of one transaction: a message to PostgreSQL has at most 1 GB, and rows with their
rollups are larger than the events."""

Seconds = Annotated[float, Field(gt=0, le=86_400)]
KeptSeconds = Annotated[float, Field(ge=0, le=5 * 86_400)]
"""Five days at most: the database forgets settled envelopes after seven, and a message
replayed after that would be counted a second time."""

Days = Annotated[int, Field(ge=1, le=36_500)]
"""A hundred years at most, so that the time so many days ago is in every calendar."""

Port = Annotated[int, Field(ge=0, le=65_535)]
PoolSize = Annotated[int, Field(ge=1, le=100)]

Keys = Annotated[
    ApiKeys,
    PlainValidator(ApiKeys.read),
    AfterValidator(_check_keys),
    Field(validate_default=True),
]
"""Comma-separated keys; only their digests are kept."""


OptionalKeys = Annotated[ApiKeys, PlainValidator(ApiKeys.read)]
"""Like ``Keys``; without keys, the endpoints behind them are missing, or open on a developer's
machine."""


MIN_PEPPER_CHARACTERS: Final = 32

Pepper = Annotated[SecretStr, Field(min_length=MIN_PEPPER_CHARACTERS)]
"""The secret of all users' keys: with another one, every user is a new one."""


_SIGNED: Final = ("meta_app_secrets", "tiktok_client_secrets", "tiktok_shop_app_secrets")


def _check_pepper(pepper: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """Check that senders whose secrets are set find a pepper: they would get 404."""
    needing = [name.upper() for name in _SIGNED if info.data.get(name)]
    if pepper is None and needing:
        raise PydanticCustomError(
            "no_pepper", "is not set, and has to be with {needing}", {"needing": ", ".join(needing)}
        )
    return pepper


def _check_app_key(secrets: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
    """Check that the app key is there, which is part of what the secrets sign."""
    if secrets and info.data.get("tiktok_shop_app_key") is None:
        raise PydanticCustomError("no_app_key", "needs TIKTOK_SHOP_APP_KEY, which is not set")
    return secrets


def _split_secrets(given: Any) -> Any:
    if isinstance(given, SecretStr):
        given = given.get_secret_value()
    return [each.strip() for each in given.split(",")] if isinstance(given, str) else given


Secrets = Annotated[
    tuple[Annotated[SecretStr, Field(min_length=1)], ...],
    NoDecode,
    BeforeValidator(_split_secrets),
]
"""Comma-separated secrets, the newest first; they are kept, since signatures are made by them."""


def _check_webhook_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        try:
            decode_secret(secret.get_secret_value())
        except ValueError:
            raise PydanticCustomError(
                "webhook_secrets",
                "Input should be secrets as whsec_ and base64, with commas between",
            ) from None
    return secrets


def _check_url(url: str) -> str:
    if url:
        _HTTP.validate_python(url)
    return url


class BadSettings(Exception):
    """Settings are missing or wrong; the message has a line for each.

    Attributes:
        missing: Required fields that are not set.
    """

    def __init__(self, message: str, missing: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.missing = frozenset(missing)


class Settings(BaseSettings):
    """Settings of every function."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    environment: Annotated[
        Literal["development", "staging", "production"], BeforeValidator(_lower)
    ] = "development"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        "info"
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = "json"
    host: str = "127.0.0.1"
    allowed_hosts: str = ""
    trusted_proxies: Annotated[str, AfterValidator(_check_networks)] = ""
    port: Port | None = None
    shutdown_timeout_seconds: Seconds = 20.0
    startup_timeout_seconds: Seconds = 30.0

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the settings.

        Args:
            given: Known values by field.

        Raises:
            BadSettings: Some are missing or wrong; it names them all.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            missing = [str(it["loc"][0]) for it in error.errors() if it["type"] == "missing"]
            raise BadSettings(_explain(_lines(error)), missing) from None


class BrokerSettings(Settings):
    """Settings of functions that use the broker."""

    nats_url: Annotated[SecretStr, AfterValidator(check_nats)]
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    events_stream_max_bytes: Size = 4 * 1024**3
    dead_letters_stream_max_bytes: Size = 1024**3
    keep_settled_seconds: KeptSeconds = 0.0
    kept_stream_max_bytes: Size = 4 * 1024**3


class DatabaseSettings(Settings):
    """Settings of functions that use the database."""

    database_url: Annotated[SecretStr, AfterValidator(check_postgres)]
    database_pool_size: PoolSize = 4
    database_timeout_seconds: Seconds = 15.0


class BodySettings(Settings):
    """Settings of functions that read bodies."""

    body_size_limit: Size = 50 * 1024**2
    event_size_limit: EventSize = 1024**2
    body_bytes_in_flight: Size = 128 * 1024**2
    body_timeout_seconds: Seconds = 60.0


class PepperSettings(Settings):
    """Settings of functions that derive users' keys."""

    user_key_pepper: Pepper | None = None


class IngestSettings(BodySettings):
    """Settings of the gateway, for any bus."""

    publish_timeout_seconds: Seconds = 5.0
    ingest_api_keys: Keys = ApiKeys()

    public_url: Annotated[str, AfterValidator(_check_url)] = ""
    meta_app_secrets: Secrets = ()
    meta_verify_token: SecretStr = SecretStr("")
    tiktok_client_secrets: Secrets = ()
    tiktok_signature_tolerance_seconds: Annotated[float, Field(gt=0)] = 73 * 3600.0
    tiktok_shop_app_key: SecretStr | None = None
    tiktok_shop_app_secrets: Annotated[Secrets, AfterValidator(_check_app_key)] = ()
    webhook_secrets: Annotated[Secrets, AfterValidator(_check_webhook_secrets)] = ()
    # After the secrets that need it.
    user_key_pepper: Annotated[
        Pepper | None, AfterValidator(_check_pepper), Field(validate_default=True)
    ] = None


class GatewaySettings(BrokerSettings, IngestSettings):
    """Settings of the gateway."""

    nats_monitoring_url: Annotated[str, AfterValidator(check_http_urls)] | None = None

    @property
    def monitoring_urls(self) -> list[str]:
        """The brokers' monitoring URLs; none if they are not set."""
        return self.nats_monitoring_url.split(",") if self.nats_monitoring_url else []


class CollectorSettings(BrokerSettings, DatabaseSettings, BodySettings):
    """Settings of a collector."""

    ingest_api_keys: OptionalKeys = ApiKeys()

    batch_max_messages: Annotated[int, Field(ge=1, le=1000)] = 64
    batch_max_bytes: BatchSize = 6 * 1024**2
    batches_in_flight: Annotated[int, Field(ge=1, le=16)] = 2
    ack_wait_seconds: Seconds = 3.0


class ReporterSettings(DatabaseSettings):
    """Settings of the reporter."""

    database_timeout_seconds: Seconds = 30.0
    reporter_database_url: Annotated[SecretStr | None, AfterValidator(_check_some_postgres)] = None
    operator_database_url: Annotated[SecretStr | None, AfterValidator(_check_some_postgres)] = None
    operator_api_keys: Keys = ApiKeys()
    reporter_api_keys: Keys = ApiKeys()
    database_disk_bytes: Size | None = None
    gateway_url: Annotated[str, AfterValidator(check_http_urls)] | None = None

    @property
    def watched_gateways(self) -> list[str]:
        """The gateways' URLs; none if they are not set."""
        return self.gateway_url.split(",") if self.gateway_url else []

    @property
    def for_reports(self) -> DatabaseSettings:
        """The URL for reports: a replica's if there is one."""
        url = self.reporter_database_url or self.database_url
        return self.model_copy(update={"database_url": url})

    @property
    def as_operator(self) -> DatabaseSettings:
        """The same database, with an operator's login if that differs."""
        url = self.operator_database_url or self.database_url
        return self.model_copy(update={"database_url": url})

    @property
    def reader_api_keys(self) -> ApiKeys:
        """Keys for reports: the reporters' and the operators'."""
        if not self.reporter_api_keys:
            return self.reporter_api_keys
        return self.reporter_api_keys | self.operator_api_keys


class ArchiveSettings(DatabaseSettings):
    """Settings of `eps archive`; without a number of days nothing is ever deleted."""

    database_timeout_seconds: Seconds = 120.0
    archive_url: str | None = None
    events_keep_days: Days | None = None
    dead_letters_keep_days: Days | None = None
    ledger_keep_days: Days | None = None


class MigrateSettings(DatabaseSettings):
    """Settings of a migration."""

    collector_database_password: SecretStr | None = None
    reporter_database_password: SecretStr | None = None
    operator_database_password: SecretStr | None = None

    @property
    def login_passwords(self) -> dict[str, str]:
        """Passwords of the login roles to make, by the group whose rights they have."""
        given = {
            "eps_collector": self.collector_database_password,
            "eps_reporter": self.reporter_database_password,
            "eps_operator": self.operator_database_password,
        }
        return {group: it.get_secret_value() for group, it in given.items() if it is not None}


class PublisherSettings(Settings):
    """Settings of the publisher."""

    ingest_api_key: SecretStr | None = None
    event_endpoint: str | None = None


def check_all(
    kinds: Iterable[type[Settings]],
    given: Mapping[str, str],
    others: Iterable[type[Settings]] = (),
) -> None:
    """Read several kinds of settings, and report their faults together.

    Args:
        kinds: The kinds to read.
        given: Values for settings that need not be set, by field.
        others: Kinds to read without those values.

    Raises:
        BadSettings: Some are missing or wrong; it names them all, each once.
    """
    faults: dict[str, None] = {}
    told = [(kind, given) for kind in kinds] + [(kind, {}) for kind in others]
    for kind, known in told:
        wanted: dict[str, Any] = {name: known[name] for name in known if name in kind.model_fields}
        try:
            kind(**wanted)
        except ValidationError as error:
            faults |= dict.fromkeys(_lines(error))
    if faults:
        raise BadSettings(_explain(sorted(faults)))


def _lines(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, fault['loc'])).upper()}: "
        + ("is not set" if fault["type"] == "missing" else fault["msg"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _explain(lines: Iterable[str]) -> str:
    return "\n".join(["The settings can't be used:", *(f"  {line}" for line in lines)])
