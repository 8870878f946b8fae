"""An event source mapping: it passes batches of ten from a queue to a function, like Lambda.

Moto's own ignores partial failures, and needs Docker to run a function.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.aws.runtime_api import Failed, Function

_BATCH = 10
_VISIBILITY_SECONDS = 2
_IDLE_SECONDS = 0.1


class EventSource:
    """Passes a queue's records to a function until they are gone or given up by its policy.

    Attributes:
        failures: How many records a function returned.
        crashes: How many whole batches failed.
        function_seconds: How long an invocation may take.
    """

    def __init__(self, sqs: Any, url: str, function: Function) -> None:
        self._sqs = sqs
        self._url = url
        self._function = function
        self.failures = 0
        self.crashes = 0
        self.function_seconds = 20.0

    @asynccontextmanager
    async def polling(self) -> AsyncIterator["EventSource"]:
        """Poll while the context is open."""
        task = asyncio.create_task(self._poll())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            messages = await self._receive()
            if messages:
                await self._bring(messages)
            else:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _receive(self) -> list[dict[str, Any]]:
        answer = await asyncio.to_thread(
            self._sqs.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=_VISIBILITY_SECONDS,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    async def _bring(self, messages: list[dict[str, Any]]) -> None:
        try:
            answer = await self._function.invoke(
                {"Records": [_record(message) for message in messages]},
                seconds=self.function_seconds,
            )
            kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        except Failed:
            self.crashes += 1
            kept = {message["MessageId"] for message in messages}
        self.failures += len(kept)
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in kept
        ]
        if entries:
            await asyncio.to_thread(
                self._sqs.delete_message_batch, QueueUrl=self._url, Entries=entries
            )


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": it["StringValue"], "dataType": it["DataType"]}
            for name, it in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
        "awsRegion": "eu-central-1",
    }
