"""The documents against the real functions: what they say is what is answered."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from runtime.http.documentation.document import Document
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.http.server import served
from runtime.settings import GatewaySettings, ReporterSettings
from runtime.wiring import Unit, gateway, reporter

_SEED = 20240115
_BOUNDED = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    # One server answers all examples: it is what they test.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Faults between parameters, and beyond what a format can say.
_BEYOND_SCHEMA = {"range", "no_such_kind", "datetime_range"}


@schemathesis.serializer("application/x-ndjson")
def _to_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _api(document: Document) -> BaseSchema:
    config = schemathesis.Config(seed=_SEED)
    config.projects.default.generation.update(
        allow_x00=False, codec="utf-8"
    )
    return schemathesis.openapi.from_dict(document, config=config)


_BODY_SIZE_LIMIT = 1024**2
gateway_api = _api(gateway_document(url="http://127.0.0.1:3001", body_size_limit=_BODY_SIZE_LIMIT))
reporter_api = _api(reporter_document(url="http://127.0.0.1:3004"))


@pytest.fixture
def gateway_url(nats_url: str) -> Iterator[str]:
    told = GatewaySettings(nats_url=SecretStr(nats_url), body_size_limit=_BODY_SIZE_LIMIT)
    with _running(gateway(told)) as url:
        yield url


@pytest.fixture
def reporter_url(database_url: str) -> Iterator[str]:
    with _running(reporter(ReporterSettings(database_url=SecretStr(database_url)))) as url:
        yield url


@gateway_api.parametrize()
@_BOUNDED
def test_the_gateway_answers_what_its_document_says(
    case: schemathesis.Case, gateway_url: str
) -> None:
    case.call_and_validate(base_url=gateway_url)


@reporter_api.parametrize()
@_BOUNDED
def test_the_reporter_answers_what_its_document_says(
    case: schemathesis.Case, reporter_url: str
) -> None:
    case.call_and_validate(base_url=reporter_url)


@pytest.mark.parametrize("url", ["gateway_url", "reporter_url"])
def test_the_document_is_openapi(url: str, request: pytest.FixtureRequest) -> None:
    document = httpx.get(f"{request.getfixturevalue(url)}/api/openapi.json").json()

    OPENAPI_31_VALIDATOR.validate(document)


@contextmanager
def _running(hold: AbstractAsyncContextManager[Unit]) -> Iterator[str]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_serving(hold)) as url,
    ):
        httpx.get(f"{url}/health/ready").raise_for_status()
        yield url


@asynccontextmanager
async def _serving(hold: AbstractAsyncContextManager[Unit]) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with (
        hold as unit,
        served(unit.app, host="127.0.0.1", port=port, shutdown_timeout_seconds=5),
    ):
        yield f"http://127.0.0.1:{port}"
