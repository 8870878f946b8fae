"""From webhook to report on the zips, as Lambda runs them, and failures on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from runtime.local.embedded.postgres_server import EmbeddedPostgres
from tests.aws.system import MAX_RECEIVES, PACKED, OnLambda, on_lambda
from tests.builders import a_facebook_event
from tests.conftest import a_database
from tests.e2e.whole_system import publish
from tests.truth.payloads import stored_ids
from tests.truth.recomputation import ledger_differences

_TRAFFIC = ("--min", "200", "--max", "1500", "--corrupt", "0.9", "--duplicates", "0.05")
_OPTIONS = (*_TRAFFIC, "--requests", "6", "--interval", "0", "--seed", "7")

_POISON = "fb-crashes-its-handler"
_FAULTY = f"""
import pathlib

import functions.collecting
from runtime.aws.fb_collector import handler as own

read = functions.collecting.judge

def crash(raw):
    if b"{_POISON}" in raw and not pathlib.Path(__file__).with_name("mended").exists():
        raise ZeroDivisionError("a fault in the handler")
    return read(raw)

functions.collecting.judge = crash
handler = own
"""
"""A handler with a fault that can be removed: it crashes on one event."""


@pytest.fixture(scope="module")
async def database_url(
    postgres_server: EmbeddedPostgres, migrated_template: str
) -> AsyncIterator[str]:
    async with a_database(postgres_server, migrated_template, "on_lambda") as url:
        yield url


@pytest.fixture(scope="module")
def double(aws_double: dict[str, str]) -> Iterator[dict[str, str]]:
    """The part of the environment that selects a double of AWS; this process has it as well."""
    leading = {name: value for name, value in aws_double.items() if name.startswith("AWS_")}
    with pytest.MonkeyPatch.context() as here:
        for name, value in leading.items():
            here.setenv(name, value)
        yield leading


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a faulty handler."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "faulty.py").write_text(_FAULTY)
    return folder


@pytest.fixture(scope="module")
async def system(
    unpacked: Mapping[str, Path],
    double: dict[str, str],
    database_url: str,
    beside: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[OnLambda]:
    folder = tmp_path_factory.mktemp("lambda")
    handlers = {"fb-collector": "faulty.handler"}
    async with on_lambda(
        unpacked, folder, database_url, double, handlers=handlers, beside=beside
    ) as running:
        yield running


@pytest.fixture(autouse=True)
async def _empty(system: OnLambda) -> None:
    await system.emptied()


async def test_reports_equal_what_was_published_and_repeating_it_changes_nothing(
    system: OnLambda,
) -> None:
    first = await publish(system.gateway_url, *_OPTIONS)

    assert first.summary["byStatus"] == {"202": 6}
    assert first.summary["invalid"] > 0
    assert first.summary["duplicates"] > 0
    await system.assert_exact(first)
    second = await publish(system.gateway_url, *_OPTIONS)
    assert second.summary["distinct"] == first.summary["distinct"]
    await system.assert_exact(first)
    assert {name: it.starts for name, it in system.functions.items()} == dict.fromkeys(
        system.functions, 1
    )


async def test_a_correlation_id_and_a_trace_go_from_the_request_to_the_row(
    system: OnLambda,
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with httpx.AsyncClient(base_url=system.gateway_url, timeout=30) as client:
        answer = await client.post(
            "/events",
            json=[a_facebook_event(eventId="fb-traced"), {"eventId": "fb-broken"}],
            headers={"X-Correlation-Id": "trace-1", "traceparent": trace},
        )
    await system.drained()

    assert answer.headers["X-Correlation-Id"] == "trace-1"
    trail = await system.ask("/events/facebook/fb-traced")
    assert trail["event"]["correlationId"] == "trace-1"
    assert trail["event"]["traceParent"] == trace
    [letter] = await system.fetch("SELECT * FROM dead_letters WHERE event_id = 'fb-broken'")
    assert (letter["correlation_id"], letter["trace_parent"]) == ("trace-1", trace)


@pytest.mark.parametrize("sent", PACKED)
async def test_gzip_is_stored_or_refused_by_its_content_type(
    system: OnLambda, sent: tuple[str, str]
) -> None:
    assert await system.send_packed(*sent) == PACKED[sent]


async def test_a_record_that_crashes_its_handler_is_set_aside_until_that_is_mended(
    system: OnLambda, beside: Path
) -> None:
    good = [a_facebook_event(eventId=f"fb-good-{number}") for number in range(5)]
    async with httpx.AsyncClient(base_url=system.gateway_url, timeout=30) as client:
        for event in [*good[:2], a_facebook_event(eventId=_POISON), *good[2:]]:
            assert (await client.post("/events", json=event)).status_code == 202

    await system.drained()

    assert await stored_ids(system.fetch) == [event["eventId"] for event in good]
    assert await system.set_aside("fb-collector") == 1
    assert system.sources["fb-collector"].failures == MAX_RECEIVES
    assert system.functions["fb-collector"].starts == 1
    (beside / "mended").touch()
    await system.redrive("fb-collector")
    await system.drained()
    assert await stored_ids(system.fetch) == [_POISON, *(event["eventId"] for event in good)]
    assert await ledger_differences(system.fetch) == []


async def test_a_process_that_is_killed_costs_nothing(system: OnLambda) -> None:
    sending = asyncio.create_task(publish(system.gateway_url, *_OPTIONS))
    collector = system.functions["ttk-collector"]
    starts = collector.starts
    await _until_something_is_stored(system)

    await collector.kill()

    await system.assert_exact(await sending)
    assert collector.starts == starts + 1


async def test_an_unreachable_database_loses_nothing(
    system: OnLambda, postgres_server: EmbeddedPostgres
) -> None:
    failures = {name: source.failures for name, source in system.sources.items()}
    async with _away(postgres_server):
        published = await publish(system.gateway_url, *_OPTIONS)
        async with asyncio.timeout(30):
            while any(it.failures == failures[name] for name, it in system.sources.items()):
                await asyncio.sleep(0.05)
        async with httpx.AsyncClient(base_url=system.reporter_url, timeout=30) as client:
            answer = await client.get("/reports/events")

    assert published.summary["byStatus"] == {"202": 6}
    assert answer.status_code == 503
    await system.assert_exact(published)


async def test_connections_that_were_cut_while_processes_were_frozen_cost_nothing(
    system: OnLambda, postgres_server: EmbeddedPostgres
) -> None:
    await publish(system.gateway_url, *_OPTIONS)
    await system.drained()
    await system.ask("/reports/events")
    failures = {name: source.failures for name, source in system.sources.items()}
    administrator = await asyncpg.connect(postgres_server.url_of("postgres"))
    assert all(_is_frozen(function.pid) for function in system.functions.values())
    assert await _cut_connections(administrator) >= 4
    await administrator.close()

    published = await publish(system.gateway_url, *_OPTIONS)

    await system.assert_exact(published)
    assert {name: source.failures for name, source in system.sources.items()} == failures


async def test_no_process_writes_the_databases_address(system: OnLambda, database_url: str) -> None:
    written = {log.stem: log.read_text() for log in system.logs.glob("*.log")}

    assert set(written) == set(system.functions)
    assert not any(database_url in text for text in written.values())
    assert all('"_aws":{' in text for text in written.values())


@asynccontextmanager
async def _away(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """Refuse all connections to the database while the context is open."""
    administrator = await asyncpg.connect(server.url_of("postgres"))
    await administrator.execute("ALTER DATABASE on_lambda ALLOW_CONNECTIONS false")
    try:
        await _cut_connections(administrator)
        yield
    finally:
        await administrator.execute("ALTER DATABASE on_lambda ALLOW_CONNECTIONS true")
        await administrator.close()


def _is_frozen(pid: int | None) -> bool:
    return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED


async def _cut_connections(administrator: asyncpg.Connection) -> int:
    """End the server's side of all connections to the database, and wait until they are closed."""
    ended = await administrator.fetch(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'on_lambda'"
    )
    async with asyncio.timeout(10):
        while any(psutil.pid_exists(row["pid"]) for row in ended):
            await asyncio.sleep(0.02)
    return len(ended)


async def _until_something_is_stored(system: OnLambda) -> None:
    async with asyncio.timeout(30):
        while not await system.fetch("SELECT 1 FROM stored_events WHERE source = 'tiktok' LIMIT 1"):
            await asyncio.sleep(0.02)
