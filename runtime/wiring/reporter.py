"""Bind the reporter to its dependencies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from functions.reporter.handler import REPORTS
from runtime.bus.replaying import read_envelope
from runtime.http.documentation.endpoints import documentation_endpoints
from runtime.http.documentation.reporter import reporter_document
from runtime.http.pages.problems import explain
from runtime.http.reporting import ReporterKeys, reporting_endpoints
from runtime.http.senders import Senders
from runtime.http.server.app import create_app
from runtime.networks import read_networks
from runtime.postgres.database_metrics import watch_database_figures
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import check, filled, opened
from runtime.postgres.reporting.erasures import PostgresErasures
from runtime.postgres.reporting.pipeline import PostgresPipeline
from runtime.postgres.reporting.reports import PostgresReports
from runtime.settings import ReporterSettings
from runtime.telemetry.clocks import ServerClock, clock_facts
from runtime.telemetry.gateway_watch import GatewayWatch
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import (
    ClockMetrics,
    HttpMetrics,
    ReportMetrics,
    Saturation,
    new_registry,
)
from runtime.telemetry.server_metrics import DATABASE_FIGURES, Measured
from runtime.wiring.running import RunningFunction, host_check, schema_of, url_of, warn_of_open


@asynccontextmanager
async def reporter(settings: ReporterSettings) -> AsyncIterator[RunningFunction]:
    """Hold the reporter with its connections while the context is open."""
    warn_of_open(
        OPERATOR_API_KEYS=settings.operator_api_keys, REPORTER_API_KEYS=settings.reporter_api_keys
    )
    registry = new_registry()
    async with (
        opened(settings.for_reports, "reporter") as pool,
        opened(settings.as_operator, "operator") as operators,
    ):
        await schema_of(settings)
        await schema_of(settings.for_reports)  # which a replica gets from its primary
        Saturation(registry, "reporter").watch("database_connections", partial(filled, pool))
        gateways = GatewayWatch(settings.watched_gateways)
        pipeline = PostgresPipeline(pool, settings.database_disk_bytes, lambda: gateways.figures)
        clock = ServerClock("database")
        ClockMetrics(registry, "reporter", clock)
        health = Health(
            {"postgres": partial(check, pool)},
            lambda: not pool.is_closing(),
            facts=clock_facts(clock),
        )
        app = create_app(
            {
                **reporting_endpoints(
                    PostgresReports(pool),
                    pipeline,
                    PostgresDeadLetters(operators),
                    PostgresTrails(operators),
                    read_envelope,
                    erasures=PostgresErasures(pool),
                    metrics=ReportMetrics(registry, REPORTS),
                    keys=ReporterKeys(
                        settings.reader_api_keys,
                        settings.operator_api_keys,
                        secure=settings.environment != "development",
                    ),
                ),
                **documentation_endpoints(
                    reporter_document(
                        url=url_of(settings, "reporter"),
                        guarded=bool(settings.reader_api_keys),
                        operator_guarded=bool(settings.operator_api_keys),
                        asks_host=not (settings.reporter_api_keys and settings.operator_api_keys),
                    )
                ),
            },
            health=health,
            registry=registry,
            metrics=HttpMetrics(registry, "reporter"),
            check_host=host_check(settings, settings.reporter_api_keys, settings.operator_api_keys),
            explain=explain,
            senders=Senders(read_networks(settings.trusted_proxies)),
        )
        figures = partial(
            watch_database_figures,
            operators,
            pool,
            settings.database_disk_bytes,
            Measured(DATABASE_FIGURES, registry),
            clock=clock,
        )
        watching = [gateways.watch] if settings.watched_gateways else []
        yield RunningFunction(app, health, [figures, *watching])
