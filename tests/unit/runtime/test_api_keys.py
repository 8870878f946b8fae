"""Access: keys, and the requests that they allow."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from runtime.api_keys import ApiKeys
from runtime.http.body import BodyReader
from runtime.http.gateway import gateway_endpoint
from runtime.http.keys import guarded
from runtime.http.server.app import create_app
from runtime.local.supervisor.settings import LocalSettings
from runtime.settings import BadSettings, GatewaySettings, ReporterSettings, Settings
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics
from runtime.wiring.gateway import gateway
from tests.builders import a_facebook_event, raw
from tests.doubles.fakes import FakeBus

OLD, NEW = "old-key-0001", "new-key~0002=="
KEYS = ("INGEST_API_KEYS", "REPORTER_API_KEYS", "OPERATOR_API_KEYS")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings of this machine or of a file."""
    monkeypatch.chdir(tmp_path)
    for name in (*KEYS, "ENVIRONMENT", "INGEST_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:4222")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/eventdb")
    return monkeypatch


@pytest.mark.parametrize("key", [OLD, NEW])
def test_each_of_several_keys_opens(key: str) -> None:
    assert ApiKeys.read(f"{OLD}, {NEW}").admit(key.encode())


@pytest.mark.parametrize("key", ["", "old-key-000", "old-key-00011", OLD.upper(), f"{OLD},{NEW}"])
def test_no_other_does(key: str) -> None:
    assert not ApiKeys.read(f"{OLD},{NEW}").admit(key.encode())


def test_no_keys_open_nothing_by_themselves() -> None:
    assert not ApiKeys()
    assert not ApiKeys().admit(b"")


@pytest.mark.parametrize("text", [",", "a,,b", "a,", "a b", "clé", "==", "a;b"])
def test_what_can_be_no_key_is_refused_and_not_shown(
    environment: pytest.MonkeyPatch, text: str
) -> None:
    environment.setenv("INGEST_API_KEYS", f"{OLD},{text}")

    with pytest.raises(BadSettings, match="INGEST_API_KEYS: Input should be keys") as refused:
        GatewaySettings.load()

    assert OLD not in str(refused.value)


def test_a_key_is_nowhere_to_be_seen(environment: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        environment.setenv(name, OLD)

    for settings in (GatewaySettings.load(), ReporterSettings.load()):
        assert OLD not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("kind", "names"), [(GatewaySettings, KEYS[:1]), (ReporterSettings, KEYS[1:])]
)
@pytest.mark.parametrize("where", ["staging", "Production"])
def test_without_keys_only_a_developers_machine_starts(
    environment: pytest.MonkeyPatch, kind: type[Settings], names: Sequence[str], where: str
) -> None:
    kind.load()
    environment.setenv("ENVIRONMENT", where)

    with pytest.raises(BadSettings) as refused:
        kind.load()

    assert sorted(str(refused.value).splitlines()[1:]) == sorted(
        f"  {name}: is not set, but ENVIRONMENT={where.lower()} requires it" for name in names
    )


def test_with_keys_production_starts(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "production")
    for name in KEYS:
        environment.setenv(name, f"{OLD},{NEW}")

    assert GatewaySettings.load().ingest_api_keys.admit(NEW.encode())
    assert ReporterSettings.load().operator_api_keys.admit(OLD.encode())


def test_an_operators_key_opens_reports_and_not_the_other_way_round(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("REPORTER_API_KEYS", "reads")
    environment.setenv("OPERATOR_API_KEYS", "operates")

    settings = ReporterSettings.load()

    assert settings.reader_api_keys.admit(b"reads")
    assert settings.reader_api_keys.admit(b"operates")
    assert not settings.operator_api_keys.admit(b"reads")


def test_an_operators_key_does_not_close_reports_that_are_open(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("OPERATOR_API_KEYS", "operates")

    assert not ReporterSettings.load().reader_api_keys


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ({}, None),
        ({"INGEST_API_KEYS": f"{NEW}, {OLD}"}, NEW),
        ({"INGEST_API_KEYS": NEW, "INGEST_API_KEY": OLD}, OLD),
    ],
)
def test_the_publisher_of_the_whole_system_has_a_key_that_opens(
    environment: pytest.MonkeyPatch, told: dict[str, str], key: str | None
) -> None:
    for name, value in told.items():
        environment.setenv(name, value)

    settings = LocalSettings.load()

    assert settings.publisher_key == key
    assert NEW not in repr(settings)
    assert OLD not in repr(settings)


@pytest.mark.parametrize(("keys", "lines"), [("", 1), (OLD, 0)])
async def test_a_gateway_that_is_open_says_so(
    environment: pytest.MonkeyPatch, keys: str, lines: int, nats_url: str
) -> None:
    environment.setenv("INGEST_API_KEYS", keys)
    with capture_logs() as logged:
        async with gateway(GatewaySettings(nats_url=SecretStr(nats_url))):
            pass

    warnings = [line for line in logged if line.get("unset") == ["INGEST_API_KEYS"]]
    assert [line["log_level"] for line in warnings] == ["warning"] * lines


class Gateway:
    """The gateway's HTTP side with keys, over a fake bus."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        registry = CollectorRegistry()
        bodies = BodyReader(limit=10_000, bytes_in_flight=10_000, timeout_seconds=5)
        keys = ApiKeys([OLD, NEW])
        app = create_app(
            {"/events": ("POST", guarded(keys, gateway_endpoint(self.bus, bodies)))},
            health=Health({}),
            registry=registry,
            metrics=HttpMetrics(registry, "gateway"),
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway"
        )


@pytest.fixture
async def guarded_gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    async with gateway.client:
        yield gateway


@pytest.mark.parametrize("authorization", [f"Bearer {OLD}", f"bearer {NEW}", f"BEARER  {OLD} "])
async def test_a_bearer_of_a_key_is_let_in(guarded_gateway: Gateway, authorization: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": authorization}

    answer = await guarded_gateway.client.post(
        "/events", content=raw(a_facebook_event()), headers=headers
    )

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        OLD,
        f"Basic {OLD}",
        f"Bearer{OLD}",
        "Bearer wrong",
        "Bearer é",
    ],
)
async def test_others_are_refused_alike_and_nothing_of_them_is_read(
    guarded_gateway: Gateway, authorization: str | None
) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield raw(a_facebook_event())

    headers = {"X-Correlation-Id": "mine"}
    if authorization is not None:
        headers["Authorization"] = authorization.encode("latin-1")  # type: ignore[assignment]

    answer = await guarded_gateway.client.post("/events", content=body(), headers=headers)

    assert read == []
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="eps"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-correlation-id"] == "mine"
    assert json.loads(answer.content) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "A key is required: Authorization: Bearer <key>",
        "correlationId": "mine",
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_probes_are_open(guarded_gateway: Gateway, path: str) -> None:
    assert (await guarded_gateway.client.get(path)).status_code == 200
