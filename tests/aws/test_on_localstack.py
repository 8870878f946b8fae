"""The stack as `eps deploy` creates it, on LocalStack: outage, kill and redrive.

Functions are processes of AWS's runtime client. Run with --localstack; it takes minutes.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import asyncpg
import pytest
from botocore.exceptions import ClientError

from runtime.local.embedded.postgres_server import EmbeddedPostgres
from tests.aws.conftest import THIS_ARCHITECTURE, eps
from tests.aws.localstack import PYTHON, LocalStack, localstack, reached
from tests.aws.system import PACKED, QUEUES, System
from tests.conftest import a_database
from tests.e2e.whole_system import publish

_STACK = "events"
_LOGICAL = {
    "fb-collector": "FacebookEvents",
    "ttk-collector": "TiktokEvents",
    "dead-letters": "DeadLetters",
}
_TRAFFIC = ("--min", "200", "--max", "1000", "--corrupt", "0.9", "--duplicates", "0.05")
_OPTIONS = (*_TRAFFIC, "--interval", "0")
_VISIBILITY_SECONDS = 10
"""Longer than a process takes to start on a busy machine, or a message is received twice."""

_KILL_SECONDS = 3.0


@pytest.fixture(scope="module")
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    if not request.config.getoption("--localstack"):
        pytest.skip("--localstack runs it, which takes minutes and half a gigabyte")
    if not PYTHON.exists():
        pytest.skip("LocalStack is not installed: ./test.sh --localstack does it")
    with localstack(tmp_path_factory.mktemp("localstack")) as running:
        yield running


@pytest.fixture(scope="module")
async def system(
    emulator: LocalStack, postgres_server: EmbeddedPostgres, migrated_template: str, zips: Path
) -> AsyncIterator[System]:
    """The stack, found by its own outputs, with short times until a message is set aside."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(
            a_database(postgres_server, migrated_template, "on_localstack")
        )
        secrets = emulator.client("secretsmanager")
        arn = secrets.create_secret(Name="database", SecretString=url)["ARN"]
        given = {
            "Environment": "development",
            "CollectorSecretArn": arn,
            "ReporterSecretArn": arn,
            "EndpointType": "function-url",
            "MaxReceiveCount": "5",
        }
        done = await asyncio.to_thread(
            eps,
            *("deploy", "--stack", _STACK, "--zips", str(zips), "--arch", THIS_ARCHITECTURE),
            *(it for name, value in given.items() for it in ("--parameter", f"{name}={value}")),
            env={**os.environ, **emulator.environment},
        )
        assert done.returncode == 0, done.stderr
        outputs = dict(re.findall(r"^(\w+): (\S+)$", done.stdout, re.MULTILINE))
        sqs, cloudformation = emulator.client("sqs"), emulator.client("cloudformation")

        def made(name: str) -> str:
            found = cloudformation.describe_stack_resource(StackName=_STACK, LogicalResourceId=name)
            return str(found["StackResourceDetail"]["PhysicalResourceId"])

        urls = {name: made(it) for name, it in _LOGICAL.items()}
        for queue in urls.values():
            sqs.set_queue_attributes(
                QueueUrl=queue, Attributes={"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
            )
        yield System(
            sqs,
            url,
            {**urls, **{f"{name}-dead": made(f"{it}Failed") for name, it in _LOGICAL.items()}},
            await stack.enter_async_context(reached(emulator, outputs["GatewayUrl"])),
            await stack.enter_async_context(reached(emulator, outputs["ReporterUrl"])),
        )


@pytest.fixture(autouse=True)
async def empty(system: System) -> None:
    await system.emptied()


async def redriven(system: System) -> None:
    """Move back what is set aside, as docs/deploying.md does, until nothing is."""
    async with asyncio.timeout(240):
        while await left(system, *QUEUES, *(f"{name}-dead" for name in QUEUES)):
            for name in QUEUES:
                if await system.set_aside(name):
                    queue = system.urls[f"{name}-dead"]
                    named = system.sqs.get_queue_attributes(
                        QueueUrl=queue, AttributeNames=["QueueArn"]
                    )
                    with suppress(ClientError):  # it is being moved
                        system.sqs.start_message_move_task(
                            SourceArn=named["Attributes"]["QueueArn"]
                        )
            await asyncio.sleep(1)


async def left(system: System, *names: str) -> int:
    """Count the messages of some queues."""
    return sum([await system.waiting(system.urls[name]) for name in names])


async def test_reports_and_ledger_equal_the_published_events(system: System) -> None:
    published = await publish(system.gateway_url, *_OPTIONS, "--requests", "6", "--seed", "7")

    assert published.summary["byStatus"] == {"202": 6}
    assert published.summary["duplicates"] > 0
    await system.assert_exact(published)


async def test_killed_collectors_lose_and_double_nothing(
    system: System, emulator: LocalStack
) -> None:
    publishing = asyncio.create_task(
        publish(system.gateway_url, *_OPTIONS, "--requests", "12", "--seed", "8")
    )
    killed = 0
    while not publishing.done():
        await asyncio.sleep(_KILL_SECONDS)
        for process in emulator.processes("collector")[:1]:
            process.kill()
            killed += 1

    published = await publishing
    await redriven(system)

    assert killed > 0
    await system.assert_exact(published)


async def test_what_an_outage_set_aside_comes_back_by_a_redrive(
    system: System, postgres_server: EmbeddedPostgres
) -> None:
    administrator = await asyncpg.connect(postgres_server.url_of("postgres"))
    await administrator.execute("ALTER DATABASE on_localstack ALLOW_CONNECTIONS false")
    await administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'on_localstack'"
    )
    published = await publish(system.gateway_url, *_OPTIONS, "--requests", "4", "--seed", "9")
    async with asyncio.timeout(180):
        while await left(system, *QUEUES):
            await asyncio.sleep(0.5)
    aside = await left(system, *(f"{name}-dead" for name in QUEUES))

    await administrator.execute("ALTER DATABASE on_localstack ALLOW_CONNECTIONS true")
    await administrator.close()
    await redriven(system)

    assert aside > 0
    await system.assert_exact(published)


@pytest.mark.parametrize("sent", PACKED)
async def test_gzip_is_stored_or_refused_by_its_content_type(
    system: System, sent: tuple[str, str]
) -> None:
    # LocalStack unpacks what a text type has packed, which no other platform does.
    unpacks = sent == ("/events", "application/json")

    assert await system.send_packed(*sent) == ((202, ["fb-packed"]) if unpacks else PACKED[sent])
