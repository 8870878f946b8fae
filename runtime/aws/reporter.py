"""The reporter on Lambda, behind HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg
from prometheus_client import CollectorRegistry

from functions.reporter.handler import REPORTS
from runtime.aws.documentation import reporter_documentation
from runtime.aws.http import HttpFunction, HttpUnit
from runtime.aws.routing import Router
from runtime.aws.settings import AwsReporterSettings, configured
from runtime.bus.replaying import read_envelope
from runtime.http.origins import all_same_origin
from runtime.http.pages.problems import explain
from runtime.http.probes import probe_endpoints
from runtime.http.reporting import ReporterKeys, reporting_endpoints
from runtime.http.request import Endpoints
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import check, opened
from runtime.postgres.reporting.erasures import PostgresErasures
from runtime.postgres.reporting.pipeline import PostgresPipeline
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.schema.migrate import ensure_schema
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import ReportMetrics


@asynccontextmanager
async def _hold(metrics: ReportMetrics) -> AsyncIterator[HttpUnit]:
    settings = await configured(AwsReporterSettings, "reporter")
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(opened(settings, "reporter"))
        operators = pool  # one connection, unless operators have their own role
        if settings.operator_database_url is not None:
            operators = await stack.enter_async_context(opened(settings.as_operator, "operator"))
        url = settings.database_url.get_secret_value()
        await ensure_schema(url, settings.startup_timeout_seconds)

        async def renew() -> None:
            for each in {pool, operators}:
                await each.expire_connections()

        yield HttpUnit(Router(_endpoints(settings, pool, operators, metrics)), renew)


def _endpoints(
    settings: AwsReporterSettings,
    pool: asyncpg.Pool,
    operators: asyncpg.Pool,
    metrics: ReportMetrics,
) -> Endpoints:
    return all_same_origin(
        {
            **reporting_endpoints(
                PostgresReports(pool),
                PostgresPipeline(pool, None),
                PostgresDeadLetters(operators),
                PostgresTrails(operators),
                read_envelope,
                erasures=PostgresErasures(pool),
                metrics=metrics,
                keys=ReporterKeys(
                    settings.reader_api_keys, settings.operator_api_keys, secure=True
                ),
            ),
            **reporter_documentation(settings),
            **probe_endpoints(Health({"postgres": partial(check, pool)}), settings.reader_api_keys),
        }
    )


def _function() -> HttpFunction:
    registry = CollectorRegistry()
    return HttpFunction(
        "reporter", partial(_hold, ReportMetrics(registry, REPORTS)), registry, explain
    )


handler = _function()
