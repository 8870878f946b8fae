"""The whole system as on Lambda: zips as processes, queues, a secret, a database."""

import asyncio
import gzip
import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx

from runtime.aws.deploying.session import find_aws
from tests.aws.event_source import EventSource
from tests.aws.http_api import http_api
from tests.aws.runtime_api import Function
from tests.builders import a_facebook_event, raw
from tests.e2e.whole_system import Published, by_kind
from tests.truth.payloads import stored_ids
from tests.truth.recomputation import differences, ledger_differences

QUEUES: Final = {
    "fb-collector": "EVENTS_QUEUE_URL_FACEBOOK",
    "ttk-collector": "EVENTS_QUEUE_URL_TIKTOK",
    "dead-letters": "DEAD_LETTERS_QUEUE_URL",
}
"""The setting of the gateway that names the queue of each function."""

PACKED: Final = {
    ("/events", "application/json"): (415, []),
    ("/events", "application/x-ndjson"): (202, ["fb-packed"]),
    ("/cloudevents", "application/cloudevents+json"): (204, ["fb-packed"]),
}
"""The fate of gzip: no platform passes it on intact if the content type is a text type."""

MAX_RECEIVES: Final = 4
_PATIENCE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_OF_THE_RUNTIME: Final = ("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client")


@dataclass
class System:
    """The system on a double of AWS, running.

    Attributes:
        sqs: A client of the double.
        urls: The URLs of the functions' queues by name; their dead-letter queues are ``NAME-dead``.
        gateway_url: Where events are sent.
        reporter_url: Where reports are asked for.
    """

    sqs: Any
    database_url: str
    urls: Mapping[str, str]
    gateway_url: str
    reporter_url: str

    async def fetch(self, query: str) -> list[asyncpg.Record]:
        """Query the database directly."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def ask(self, path: str) -> Any:
        """Send a request to the reporter."""
        async with httpx.AsyncClient(base_url=self.reporter_url, timeout=60) as client:
            answer = await client.get(path)
            answer.raise_for_status()
            return answer.json()

    async def waiting(self, url: str) -> int:
        """Count the messages of a queue, including received ones."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(
            self.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    async def set_aside(self, name: str) -> int:
        """Count the messages in a function's dead-letter queue."""
        return await self.waiting(self.urls[f"{name}-dead"])

    async def drained(self) -> None:
        """Wait until no message waits for a function."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while any([await self.waiting(self.urls[name]) for name in QUEUES]):
                await asyncio.sleep(_POLL_SECONDS)

    async def send_packed(self, path: str, content_type: str) -> tuple[int, list[str]]:
        """Send an event as gzip; return the answer's status and the ids of the stored events."""
        event = a_facebook_event(eventId="fb-packed")
        if path == "/cloudevents":
            event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": event}
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
        async with httpx.AsyncClient(base_url=self.gateway_url, timeout=60) as client:
            answer = await client.post(path, content=gzip.compress(raw(event)), headers=headers)
        await self.drained()
        return answer.status_code, await stored_ids(self.fetch)

    async def emptied(self) -> None:
        """Delete everything stored, once nothing waits."""
        await self.drained()
        tables = await self.fetch(
            "SELECT string_agg(tablename, ', ') FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename NOT IN ('schema_migrations', 'envelopes')"
        )
        await self.fetch(f"TRUNCATE {tables[0][0]}")

    async def assert_exact(self, published: Published) -> None:
        """Compare the reports and the rows with the publisher's account."""
        await self.drained()
        assert await differences(self.fetch) == {}
        assert await ledger_differences(self.fetch) == []
        events = await self.ask("/reports/events")
        assert by_kind(events["events"]) == published.by_kind
        assert events["totalEvents"] == published.summary["acknowledged"]["totalEvents"] > 0
        revenue = await self.ask("/reports/revenue")
        found = {row["source"]: row["totalRevenue"] for row in revenue["revenue"]}
        assert found == published.revenue
        assert Decimal(revenue["totalRevenue"]) == sum(map(Decimal, published.revenue.values()))
        [letters] = await self.fetch("SELECT count(*) FROM dead_letters WHERE reason = 'rejected'")
        assert letters["count"] == published.summary["acknowledged"]["invalid"]
        assert [await self.set_aside(name) for name in QUEUES] == [0, 0, 0]


@dataclass
class OnLambda(System):
    """All functions, running as the tests' own processes.

    Attributes:
        functions: By name.
        sources: The event source mappings, by the function's name.
        logs: The output of the processes.
    """

    functions: Mapping[str, Function]
    sources: Mapping[str, EventSource]
    logs: Path

    async def redrive(self, name: str) -> None:
        """Move messages that were set aside back to their queue, like the console's redrive."""
        dead = self.urls[f"{name}-dead"]
        while messages := await self._receive(dead):
            for message in messages:
                await asyncio.to_thread(
                    self.sqs.send_message,
                    QueueUrl=self.urls[name],
                    MessageBody=message["Body"],
                    MessageAttributes=message.get("MessageAttributes", {}),
                )
                await asyncio.to_thread(
                    self.sqs.delete_message, QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"]
                )

    async def _receive(self, url: str) -> list[dict[str, Any]]:
        found = await asyncio.to_thread(
            self.sqs.receive_message, QueueUrl=url, MessageAttributeNames=["All"]
        )
        return list(found.get("Messages", []))


@asynccontextmanager
async def on_lambda(
    unpacked: Mapping[str, Path],
    folder: Path,
    database_url: str,
    double: Mapping[str, str],
    *,
    handlers: Mapping[str, str],
    beside: Path,
) -> AsyncIterator[OnLambda]:
    """Run all functions while the context is open.

    Args:
        unpacked: The folder with the contents of each function's zip.
        folder: For the runtime client and for logs.
        database_url: The value of the secret.
        double: The environment that selects a double of AWS, also in this process.
        handlers: Handlers that replace those of functions, by the function's name.
        beside: Where modules of these handlers are.
    """
    aws = find_aws()
    sqs = aws.client("sqs")
    urls = {name: url for each in QUEUES for name, url in _queues(sqs, each).items()}
    secret = aws.client("secretsmanager").create_secret(
        Name=f"database-{uuid4().hex}", SecretString=database_url
    )
    told = {
        **double,
        **{setting: urls[name] for name, setting in QUEUES.items()},
        "DATABASE_SECRET_ARN": secret["ARN"],
        "DATABASE_TIMEOUT_SECONDS": "5",
    }
    client = runtime_client(folder / "runtime")
    async with AsyncExitStack() as stack:
        functions = {}
        for name, zipped in unpacked.items():
            handler = handlers.get(name, f"runtime.aws.{name.replace('-', '_')}.handler")
            path = [zipped, client, *([beside] if name in handlers else [])]
            function = Function(handler, path, told, folder / f"{name}.log")
            functions[name] = await stack.enter_async_context(function.running())
        sources = {name: EventSource(sqs, urls[name], functions[name]) for name in QUEUES}
        gateway = await stack.enter_async_context(http_api(functions["gateway"]))
        reporter = await stack.enter_async_context(http_api(functions["reporter"]))
        for source in sources.values():
            await stack.enter_async_context(source.polling())
        yield OnLambda(sqs, database_url, urls, gateway, reporter, functions, sources, folder)


def _queues(sqs: Any, name: str) -> dict[str, str]:
    """Create a queue and its dead-letter queue."""
    unique = f"{name}-{uuid4().hex}"
    dead = sqs.create_queue(QueueName=f"{unique}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = f'{{"deadLetterTargetArn":"{arn["QueueArn"]}","maxReceiveCount":{MAX_RECEIVES}}}'
    made = sqs.create_queue(QueueName=unique, Attributes={"RedrivePolicy": policy})
    return {name: made["QueueUrl"], f"{name}-dead": dead}


def runtime_client(folder: Path) -> Path:
    """Install the runtime client as on Lambda: separate from the function's zip."""
    folder.mkdir()
    for name in _OF_THE_RUNTIME:
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        origin = Path(found.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)
    return folder
