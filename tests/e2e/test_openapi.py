"""The documents against the real functions: the answers are as documented."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import reduce
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from schemathesis.checks import CheckContext
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from functions.events import Source
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import AcceptedBatch
from functions.senders.table import SENDERS
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.api_keys import ApiKeys
from runtime.http.documentation.document import Document
from runtime.http.documentation.event_examples import BROKEN, EVENTS
from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from runtime.http.documentation.responses import CORRELATION_ID
from runtime.http.responses import CORRELATION_HEADER, PROBLEM
from runtime.http.server.serving import served
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import GatewaySettings, ReporterSettings
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from runtime.wiring.running import RunningFunction
from tests.builders import a_letter, letters_of

Case = schemathesis.Case[Any]

_SEED = 20240115
_BOUNDED = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    # one server answers all examples, because it is what they test
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@schemathesis.serializer("application/x-ndjson")
def _to_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _call(case: Case, url: str, key: str | None = None) -> None:
    case.call_and_validate(
        base_url=url,
        headers=None if key is None else {"Authorization": f"Bearer {key}"},
        excluded_checks=[positive_data_acceptance, negative_data_rejection],
        additional_checks=[_valid_data_is_accepted, _invalid_data_is_rejected],
    )


def _valid_data_is_accepted(ctx: CheckContext, response: Response, case: Case) -> None:
    try:
        positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if not all(_is_beyond_schema(case, fault) for fault in response.json()["errors"]):
            raise


def _invalid_data_is_rejected(ctx: CheckContext, response: Response, case: Case) -> None:
    """Check it with one exception: invalid events among valid ones are rejected in a 202."""
    try:
        negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        if response.status_code != HTTPStatus.ACCEPTED or not response.json()["rejected"]:
            raise


def _is_beyond_schema(case: Case, fault: dict[str, Any]) -> bool:
    """Return whether a fault can't be expressed in JSON Schema."""
    match fault["code"]:
        case "range" | "no_such_kind" | "no_filter" | "too_many_buckets":  # between parameters
            return True
        case "unknown_timezone":  # a list of six hundred names, of this machine
            return True
        case "datetime_range":  # its offset moves it out of the years 1 to 9999
            return True
        case "datetime":  # 30 February
            return not _is_in_calendar(case.query[fault["field"]])
        case "int_type":  # 1.0 is an integer for JSON Schema
            return isinstance(_value_at(case, fault), float)
        case _:
            return False


def _is_in_calendar(text: str) -> bool:
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _value_at(case: Case, fault: dict[str, Any]) -> Any:
    event = case.body[fault["index"]] if isinstance(case.body, list) else case.body
    return reduce(lambda part, key: part[key], fault["field"].split("."), event)


def _api(document: Document) -> BaseSchema:
    config = schemathesis.Config(seed=_SEED)
    config.projects.default.generation.update(allow_x00=False, codec="utf-8")
    return schemathesis.openapi.from_dict(document, config=config)


_BODY_SIZE_LIMIT = 1024**2
gateway_api = _api(gateway_document(url="http://127.0.0.1:3001", body_size_limit=_BODY_SIZE_LIMIT))
reporter_api = _api(reporter_document(url="http://127.0.0.1:3004"))
guarded_gateway_api = _api(
    gateway_document(url="http://127.0.0.1:3001", body_size_limit=_BODY_SIZE_LIMIT, guarded=True)
)
guarded_reporter_api = _api(
    reporter_document(url="http://127.0.0.1:3004", guarded=True, operator_guarded=True)
)
sender_api = _api(
    gateway_document(
        url="http://127.0.0.1:3001",
        body_size_limit=_BODY_SIZE_LIMIT,
        senders=[sender.name for sender in SENDERS],
        signed=True,
    )
)
_KEY = "a-key"


@pytest.fixture
def gateway_url(nats_url: str) -> Iterator[str]:
    told = GatewaySettings(nats_url=SecretStr(nats_url), body_size_limit=_BODY_SIZE_LIMIT)
    with _running(gateway(told)) as url:
        yield url


@pytest.fixture
def reporter_url(database_url: str) -> Iterator[str]:
    told = ReporterSettings(database_url=SecretStr(database_url))
    with _running(_filled_reporter(told)) as url:
        yield url


@pytest.fixture
def guarded_gateway_url(nats_url: str) -> Iterator[str]:
    told = GatewaySettings(
        nats_url=SecretStr(nats_url),
        body_size_limit=_BODY_SIZE_LIMIT,
        ingest_api_keys=ApiKeys([_KEY]),
    )
    with _running(gateway(told)) as url:
        yield url


@pytest.fixture
def sender_gateway_url(nats_url: str) -> Iterator[str]:
    told = GatewaySettings(
        nats_url=SecretStr(nats_url),
        body_size_limit=_BODY_SIZE_LIMIT,
        user_key_pepper=SecretStr("a pepper of at least 32 characters"),
        meta_app_secrets=(SecretStr("a"),),
        meta_verify_token=SecretStr("b"),
        tiktok_client_secrets=(SecretStr("c"),),
        tiktok_shop_app_key=SecretStr("d"),
        tiktok_shop_app_secrets=(SecretStr("e"),),
        webhook_secrets=(SecretStr("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"),),
    )
    with _running(gateway(told)) as url:
        yield url


@pytest.fixture
def guarded_reporter_url(database_url: str) -> Iterator[str]:
    told = ReporterSettings(
        database_url=SecretStr(database_url),
        operator_api_keys=ApiKeys([_KEY]),
        reporter_api_keys=ApiKeys(["another"]),
    )
    with _running(_filled_reporter(told)) as url:
        yield url


@gateway_api.parametrize()
@_BOUNDED
def test_the_gateway_answers_what_its_document_says(case: Case, gateway_url: str) -> None:
    _call(case, gateway_url)


@reporter_api.parametrize()
@_BOUNDED
def test_the_reporter_answers_what_its_document_says(case: Case, reporter_url: str) -> None:
    _call(case, reporter_url)


@guarded_gateway_api.include(path="/events").parametrize()
@_BOUNDED
def test_the_guarded_gateway_answers_what_its_document_says(
    case: Case, guarded_gateway_url: str
) -> None:
    _call(case, guarded_gateway_url, _KEY)


@sender_api.include(tag="Real senders").parametrize()
@_BOUNDED
def test_the_gateway_answers_senders_as_its_document_says(
    case: Case, sender_gateway_url: str
) -> None:
    # The body's schema is the platform's: the document does not say what it takes.
    case.call_and_validate(
        base_url=sender_gateway_url,
        excluded_checks=[positive_data_acceptance, negative_data_rejection],
    )


@guarded_reporter_api.include(path_regex="^/(reports|dead-letters/summary)").parametrize()
@_BOUNDED
def test_the_guarded_reporter_answers_what_its_document_says(
    case: Case, guarded_reporter_url: str
) -> None:
    _call(case, guarded_reporter_url, _KEY)


@pytest.mark.parametrize(
    "url",
    [
        "gateway_url",
        "reporter_url",
        "guarded_gateway_url",
        "guarded_reporter_url",
        "sender_gateway_url",
    ],
)
def test_the_document_is_openapi(url: str, request: pytest.FixtureRequest) -> None:
    document = httpx.get(f"{request.getfixturevalue(url)}/api/openapi.json").json()

    OPENAPI_31_VALIDATOR.validate(document)


@pytest.mark.parametrize(
    ("status", "media_type", "body"),
    [
        (400, "application/json", b"event"),
        (413, "application/json", b" " * (_BODY_SIZE_LIMIT + 1)),
        (415, "text/plain", b"[]"),
        (422, "application/json", json.dumps(BROKEN).encode()),
    ],
)
def test_the_gateway_refuses_as_its_example_shows(
    status: int, media_type: str, body: bytes, gateway_url: str
) -> None:
    answer = httpx.post(
        f"{gateway_url}/events",
        content=body,
        headers={"Content-Type": media_type, CORRELATION_HEADER: CORRELATION_ID},
    )

    documented = gateway_api["/events"]["POST"].definition.raw["responses"][str(status)]
    assert answer.status_code == status
    assert answer.json() == documented["content"][PROBLEM]["example"]


def test_the_guarded_gateway_refuses_as_its_example_shows(guarded_gateway_url: str) -> None:
    answer = httpx.post(
        f"{guarded_gateway_url}/events", json=[], headers={CORRELATION_HEADER: CORRELATION_ID}
    )

    documented = guarded_gateway_api["/events"]["POST"].definition.raw["responses"]["401"]
    assert answer.status_code == 401
    assert answer.json() == documented["content"][PROBLEM]["example"]


@asynccontextmanager
async def _filled_reporter(told: ReporterSettings) -> AsyncIterator[RunningFunction]:
    """Hold a reporter with data: the events of the gateway's document."""
    async with reporter(told) as unit:
        async with opened(told, "test") as pool:
            store = PostgresEventStore(pool)
            await collect_facebook([_part("facebook")], store=store)
            await collect_tiktok([_part("tiktok")], store=store)
            letters = (a_letter(), a_letter(payload=json.dumps(BROKEN).encode()))
            await store.keep([letters_of(*letters)])
        yield unit


def _part(source: Source) -> AcceptedBatch:
    own = [json.dumps(event).encode() for event in EVENTS.values() if event["source"] == source]
    return AcceptedBatch("test", datetime.now(UTC), own)


@contextmanager
def _running(hold: AbstractAsyncContextManager[RunningFunction]) -> Iterator[str]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_serving(hold)) as url,
    ):
        httpx.get(f"{url}/health/ready").raise_for_status()
        yield url


@asynccontextmanager
async def _serving(hold: AbstractAsyncContextManager[RunningFunction]) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with (
        hold as unit,
        served(unit.app, host="127.0.0.1", port=port, shutdown_timeout_seconds=5),
    ):
        yield f"http://127.0.0.1:{port}"
