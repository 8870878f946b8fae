"""What `eps up` and the health check are told from outside."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from runtime.settings import Port, Settings, Size


class LocalSettings(Settings):
    """Settings of the whole system on one machine; a port of 0 is any free one."""

    gateway_port: Port = 3001
    fb_collector_port: Port = 3002
    ttk_collector_port: Port = 3003
    reporter_port: Port = 3004
    dead_letters_port: Port = 3005
    nats_port: Port = 4222
    postgres_port: Port = 5432
    postgres_password: Annotated[SecretStr, Field(min_length=1)] | None = None
    nats_max_file_store: Size = 64 * 1024**3
    database_disk_bytes: Size | None = None
    disk_reserve_bytes: Size = 2 * 1024**3
    data_dir: Path = Path(".data")
    ingest_api_key: SecretStr | None = None
    ingest_api_keys: SecretStr | None = None

    @property
    def publisher_key(self) -> str | None:
        """What the publisher brings to the gateway: its own key, or the first that opens it."""
        if self.ingest_api_key is not None:
            return self.ingest_api_key.get_secret_value()
        if self.ingest_api_keys is not None:
            return self.ingest_api_keys.get_secret_value().partition(",")[0].strip()
        return None
