"""A function, bound and ready to run, and the parts that all of them need."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import structlog

from runtime.api_keys import ApiKeys
from runtime.catalogue import FUNCTIONS
from runtime.http.hosts import CheckHost, check_host
from runtime.http.server.app import App
from runtime.jetstream.connection import Broker, connected
from runtime.postgres.schema.migrate import ensure_schema
from runtime.settings import CollectorSettings, DatabaseSettings, GatewaySettings, Settings
from runtime.telemetry.health import Health

_log = structlog.get_logger()

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until its event is set, finishing the work in hand."""


@dataclass(frozen=True, slots=True)
class RunningFunction:
    """A function, bound and ready to run.

    Attributes:
        app: Its HTTP side.
        health: The state behind its probes; updated when it stops.
        loops: Its work besides HTTP.
    """

    app: App
    health: Health
    loops: Sequence[Loop] = ()


def warn_of_open(**keys: ApiKeys) -> None:
    """Warn which settings would close endpoints that are open."""
    unset = [name for name, known in keys.items() if not known]
    if unset:
        _log.warning(
            "no API keys set: endpoints are open to everyone, which is fine on a developer's "
            "machine",
            unset=unset,
        )


def host_check(settings: Settings, *keys: ApiKeys) -> CheckHost | None:
    """Check for this machine's own names, if anything on it is open to everyone."""
    if settings.environment != "development" or all(keys):
        return None
    return check_host([settings.host, *settings.allowed_hosts.split(",")])


def url_of(settings: Settings, name: str) -> str:
    """Return the URL at which a function listens on its own machine."""
    return f"http://127.0.0.1:{settings.port or FUNCTIONS[name].port}"


async def schema_of(settings: DatabaseSettings) -> None:
    """Bring the schema of a function's database up to date."""
    url = settings.database_url.get_secret_value()
    await ensure_schema(url, settings.startup_timeout_seconds)


def broker_of(
    settings: GatewaySettings | CollectorSettings, name: str
) -> AbstractAsyncContextManager[Broker]:
    """Hold a function's connection to the broker."""
    url = settings.nats_url.get_secret_value()
    return connected(url, name, settings.startup_timeout_seconds)
