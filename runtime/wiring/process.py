"""Run one function until it is stopped."""

import asyncio
import gc
import resource
import signal
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import structlog
import uvloop

from functions.errors import Unavailable
from runtime.catalogue import COLLECTOR, FUNCTIONS, GATEWAY, Function
from runtime.http.server.serving import served
from runtime.settings import Settings
from runtime.telemetry import logs
from runtime.wiring.collectors import collector
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from runtime.wiring.running import RunningFunction

_log = structlog.get_logger()

_GC_THRESHOLD = 50_000
"""Batches consist of very many small objects without cycles: searching them for cycles,
every 700, would cost more than the work itself."""


def run(name: str) -> int:
    """Run a function of ``FUNCTIONS``.

    Returns:
        The process's exit code: 0 when it was stopped and has finished its work.

    Raises:
        BadSettings: Before anything was started.
    """
    function = FUNCTIONS[name]
    settings = function.kind.settings.load()
    logs.configure(settings.log_level, settings.log_format, name)
    open_many_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(function, settings))


def open_many_files() -> None:
    """Raise the limit of open files as far as allowed: each connection is one.

    The usual 1,024 protect programs that wait with ``select``.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports no limit, but has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def hold(function: Function, settings: Any) -> AbstractAsyncContextManager[RunningFunction]:
    """Bind a function to its dependencies while the context is open.

    Args:
        function: The function.
        settings: Those of its kind.
    """
    if function.kind is COLLECTOR:
        return collector(settings, function)
    return gateway(settings) if function.kind is GATEWAY else reporter(settings)


async def _run(function: Function, settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = function.port if settings.port is None else settings.port
    try:
        async with hold(function, settings) as unit:
            await _serve(unit, settings, port, stop)
    except Unavailable as error:
        _log.error("can't start", reason=str(error))
        return 1
    except OSError as error:
        _log.error(
            "can't listen; change HOST or PORT", host=settings.host, port=port, reason=str(error)
        )
        return 1
    _log.info("stopped")
    return 0


async def _serve(unit: RunningFunction, settings: Settings, port: int, stop: asyncio.Event) -> None:
    """Serve HTTP and run the loops; HTTP ends last, so that probes see the others end."""
    async with (
        served(
            unit.app,
            host=settings.host,
            port=port,
            shutdown_timeout_seconds=settings.shutdown_timeout_seconds,
            observer=unit.app.observer,
        ),
        asyncio.TaskGroup() as group,
    ):
        for loop in unit.loops:
            group.create_task(loop(stop))
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 50)
        _log.info("started", host=settings.host, port=port)
        await stop.wait()
        unit.health.stopping = True
        _log.info("stopping")
