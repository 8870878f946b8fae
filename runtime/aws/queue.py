"""A queue of SQS, called from an event loop: the client's calls block a thread."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from functions.errors import Unavailable
from runtime.aws.client import client_errors, code_of, may_pass
from runtime.aws.messages import SqsMessage
from runtime.telemetry.reasons import Reason

_log = structlog.get_logger()

_ANSWER_SECONDS: Final = 0.8


class Queue:
    """Sends to one queue.

    Args:
        client: Of SQS; may be shared.
        url: The queue's.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, messages: Sequence[SqsMessage]) -> list[SqsMessage]:
        """Send messages in one call.

        Args:
            messages: As many as fit into one call; see ``in_batches``.

        Returns:
            Those that the queue did not accept although the call succeeded, or all
            if it did not answer; some of these may be there.

        Raises:
            Unavailable: The queue does not exist, or denies access.
        """
        entries = [_entry(number, message) for number, message in enumerate(messages)]
        try:
            answer = await asyncio.to_thread(
                self._client.send_message_batch, QueueUrl=self._url, Entries=entries
            )
        except client_errors() as error:
            _log.warning("queue accepts no messages", code=code_of(error))
            if may_pass(error):
                return list(messages)
            raise Unavailable(Reason.QUEUE_REFUSES.of(code_of(error))) from error
        failed = answer.get("Failed", [])
        for failure in failed:
            _log.warning("message not accepted", code=failure["Code"], ours=failure["SenderFault"])
        return [messages[int(failure["Id"])] for failure in failed]

    async def check(self) -> None:
        """Check that the queue answers.

        Raises:
            Unavailable: It does not, within a second.
        """
        errors: tuple[type[Exception], ...] = (TimeoutError, *client_errors())
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await asyncio.to_thread(
                    self._client.get_queue_attributes,
                    QueueUrl=self._url,
                    AttributeNames=["QueueArn"],
                )
        except errors as error:
            raise Unavailable(Reason.QUEUE_AWAY.of(code_of(error))) from error


def _entry(number: int, message: SqsMessage) -> dict[str, Any]:
    attributes = {
        name: {"DataType": "String", "StringValue": text}
        for name, text in message.attributes.items()
    }
    return {"Id": str(number), "MessageBody": message.body, "MessageAttributes": attributes}
