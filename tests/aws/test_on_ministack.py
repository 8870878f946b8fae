"""The stack of `eps deploy` on an emulator that runs it: from webhook to report."""

import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from runtime.aws.packaging.packages import ROOT
from runtime.local.embedded.postgres_server import EmbeddedPostgres
from tests.aws.conftest import THIS_ARCHITECTURE, eps
from tests.aws.ministack import PYTHON, Ministack, ministack
from tests.aws.system import PACKED, System
from tests.builders import a_facebook_event
from tests.conftest import a_database
from tests.e2e.whole_system import publish

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="ministack is not installed: ./test.sh does so, where it can be had"
)

_STACK = "events"
_QUEUES = {
    "fb-collector": "FacebookEvents",
    "ttk-collector": "TiktokEvents",
    "dead-letters": "DeadLetters",
}
_TRAFFIC = ("--min", "200", "--max", "1000", "--corrupt", "0.9", "--duplicates", "0.05")
_OPTIONS = (*_TRAFFIC, "--requests", "4", "--interval", "0", "--seed", "7")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="module")
async def database_url(
    postgres_server: EmbeddedPostgres, migrated_template: str
) -> AsyncIterator[str]:
    async with a_database(postgres_server, migrated_template, "on_ministack") as url:
        yield url


@pytest.fixture(scope="module")
def parameters(emulator: Ministack, database_url: str) -> dict[str, str]:
    """The parameters that the stack needs."""
    secrets = emulator.client("secretsmanager")
    arn = secrets.create_secret(Name="database", SecretString=database_url)["ARN"]
    return {"Environment": "development", "CollectorSecretArn": arn, "ReporterSecretArn": arn}


@pytest.fixture(scope="module", params=["http-api", "function-url"])
def deployed(
    request: pytest.FixtureRequest,
    emulator: Ministack,
    database_url: str,
    zips: Path,
    parameters: dict[str, str],
) -> System:
    """The stack, found by its own outputs; the same stack is changed to function URLs."""
    given = {**parameters, "EndpointType": request.param}
    done = eps(
        *("deploy", "--stack", _STACK, "--zips", str(zips), "--arch", THIS_ARCHITECTURE),
        *(it for name, value in given.items() for it in ("--parameter", f"{name}={value}")),
        env={**os.environ, **emulator.environment},
    )
    assert done.returncode == 0, done.stderr
    outputs = dict(re.findall(r"^(\w+): (\S+)$", done.stdout, re.MULTILINE))
    emulator.bound_pollers(10)
    cloudformation = emulator.client("cloudformation")

    def made(name: str) -> str:
        found = cloudformation.describe_stack_resource(StackName=_STACK, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    emulator.allow_batches(made("GatewayRole"))
    urls = {name: made(it) for name, it in _QUEUES.items()}
    return System(
        emulator.client("sqs"),
        database_url,
        {**urls, **{f"{name}-dead": made(f"{it}Failed") for name, it in _QUEUES.items()}},
        emulator.reached(outputs["GatewayUrl"]),
        emulator.reached(outputs["ReporterUrl"]),
    )


@pytest.fixture
async def system(deployed: System) -> System:
    """The same, with nothing stored."""
    await deployed.emptied()
    return deployed


async def test_the_readme_s_event_is_in_its_report(system: System) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [body] = re.findall(r"-d '(\[.*?\])'\n", readme, re.DOTALL)
    [report] = re.findall(r'^({"filters":.*?})\n```', readme, re.DOTALL | re.MULTILINE)

    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(
            f"{system.gateway_url}/events",
            content=body,
            headers={"Content-Type": "application/json"},
        )
    await system.drained()

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    asked = "/reports/revenue?campaignId=camp-1&from=2024-01-01"
    assert await system.ask(asked) == json.loads(report)


async def test_reports_and_ledger_equal_what_was_published_with_duplicates(system: System) -> None:
    published = await publish(system.gateway_url, *_OPTIONS)

    assert published.summary["byStatus"] == {"202": 4}
    assert published.summary["invalid"] > 0
    assert published.summary["duplicates"] > 0
    await system.assert_exact(published)
    ledger = await system.ask("/reports/ledger")
    total = ledger["total"]
    assert total["imbalance"] == total["rejections"]["imbalance"] == total["inFlight"] == 0
    assert total["accepted"] == published.summary["valid"]


@pytest.mark.parametrize("sent", PACKED)
async def test_gzip_is_stored_or_refused_by_its_content_type(
    system: System, sent: tuple[str, str]
) -> None:
    assert await system.send_packed(*sent) == PACKED[sent]


async def test_an_event_of_any_id_is_found_by_a_parameter(system: System) -> None:
    event_id = "p/a b+c%2F?d=é"

    async with httpx.AsyncClient(timeout=60) as client:
        event = a_facebook_event(eventId=event_id)
        answer = await client.post(f"{system.gateway_url}/events", json=event)
        await system.drained()
        found = await client.get(f"{system.reporter_url}/events/facebook", params={"id": event_id})

    assert answer.status_code == 202
    assert found.status_code == 200
    assert found.json()["event"]["deliveries"] == 1
