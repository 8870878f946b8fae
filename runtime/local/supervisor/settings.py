"""Settings of `eps up` and the health check."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, create_model

from runtime.catalogue import FUNCTIONS
from runtime.settings import (
    PepperSettings,
    Port,
    Settings,
    Size,
    check_http_urls,
    check_nats,
    check_postgres,
    to_bytes,
)

LogSize = Annotated[int, BeforeValidator(to_bytes), Field(ge=1024**2)]
"""Bytes of a process's log, of which there are two; the longest line has 64 KiB, six times as
much where it is escaped."""


def _check_database(url: SecretStr | None) -> SecretStr | None:
    return None if url is None else check_postgres(url)


def _check_broker(url: SecretStr | None) -> SecretStr | None:
    return None if url is None else check_nats(url)


def _check_http_urls(urls: str | None) -> str | None:
    return None if urls is None else check_http_urls(urls)


if TYPE_CHECKING:
    _Ports = Settings
else:  # a field for the port of each function; mypy takes no class made by a call
    _Ports = create_model(
        "_Ports",
        __base__=Settings,
        **{it.port_setting: (Port, it.port) for it in FUNCTIONS.values()},
    )


class LocalSettings(PepperSettings, _Ports):
    """Settings of the whole system on one machine; a port of 0 is any free one.

    Where ``database_url`` or ``nats_url`` is set, that server is used, and no embedded one.
    """

    database_url: Annotated[SecretStr | None, AfterValidator(_check_database)] = None
    nats_url: Annotated[SecretStr | None, AfterValidator(_check_broker)] = None
    nats_monitoring_url: Annotated[str | None, AfterValidator(_check_http_urls)] = None

    nats_port: Port = 4222
    postgres_port: Port = 5432
    postgres_password: Annotated[SecretStr, Field(min_length=1)] | None = None
    nats_max_file_store: Size = 64 * 1024**3
    database_disk_bytes: Size | None = None
    gateway_url: Annotated[str | None, AfterValidator(_check_http_urls)] = None
    disk_reserve_bytes: Size = 2 * 1024**3
    log_file_max_bytes: LogSize = 16 * 1024**2
    data_dir: Path = Path(".data")
    ingest_api_key: SecretStr | None = None
    ingest_api_keys: SecretStr | None = None

    @property
    def publisher_key(self) -> str | None:
        """The publisher's key for the gateway: its own, or the first that opens it."""
        if self.ingest_api_key is not None:
            return self.ingest_api_key.get_secret_value()
        if self.ingest_api_keys is not None:
            return self.ingest_api_keys.get_secret_value().partition(",")[0].strip()
        return None
