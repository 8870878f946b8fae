"""The bus on SQS, against a double of it that enforces its sizes."""

import asyncio
import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from functions.errors import Unavailable
from functions.gateway.handler import handle
from functions.masses import unpacked
from functions.messages import AcceptedBatch, DeadLetter
from runtime.aws.bus import SqsBus
from runtime.aws.client import open_client
from runtime.aws.messages import MAX_BYTES, SqsMessage, read_message
from runtime.aws.queue import Queue
from runtime.bus.envelopes import decode, decode_letters
from runtime.bus.manifests import NO_PLACE, read_manifest
from runtime.http.splitting import split_json
from tests.builders import NOON, a_facebook_event, a_letter, a_part, a_tiktok_event, raw

pytestmark = pytest.mark.usefixtures("aws")


@dataclass
class Flaky:
    """A client of SQS that fails on demand; other calls go to the double.

    Attributes:
        outcomes: The outcomes of the next calls: ids that fail, or an error.
        calls: The entries of each call.
    """

    client: Any
    outcomes: list[Sequence[str] | Exception] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        self.calls.append(Entries)
        outcome = self.outcomes.pop(0) if self.outcomes else []
        if isinstance(outcome, Exception):
            raise outcome
        through = [entry for entry in Entries if entry["Id"] not in outcome]
        if through:
            self.client.send_message_batch(QueueUrl=QueueUrl, Entries=through)
        failed = [{"Id": name, "Code": "InternalError", "SenderFault": False} for name in outcome]
        return {"Successful": [], "Failed": failed}


class Queues:
    """Separate queues for a test, with a bus over them."""

    def __init__(self, timeout_seconds: float) -> None:
        self.flaky = Flaky(open_client("sqs"))
        self.urls = {name: self._made(name) for name in ("facebook", "tiktok", "letters")}
        events = {source: Queue(self.flaky, self.urls[source]) for source in ("facebook", "tiktok")}
        self.bus = SqsBus(events, Queue(self.flaky, self.urls["letters"]), timeout_seconds)  # type: ignore[arg-type]

    def _made(self, name: str) -> str:
        made = self.flaky.client.create_queue(QueueName=f"{name}-{uuid4().hex}")
        return str(made["QueueUrl"])

    def messages(self, name: str) -> list[SqsMessage]:
        """Receive all messages of a queue."""
        found: list[SqsMessage] = []
        while answer := self.flaky.client.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += map(_message, answer)
        return found

    def parts(self) -> list[AcceptedBatch]:
        return [
            part
            for message in self.messages("facebook")
            for part in decode(
                "facebook", read_message(message), read_manifest("facebook", message.attributes)
            )
        ]

    def events(self) -> list[bytes]:
        return [event for part in self.parts() for event in part.events]

    def letters(self) -> list[DeadLetter]:
        return [
            letter
            for message in self.messages("letters")
            for letter in decode_letters(read_message(message))
        ]


def _message(found: dict[str, Any]) -> SqsMessage:
    attributes = found.get("MessageAttributes", {})
    texts = {name: attribute["StringValue"] for name, attribute in attributes.items()}
    message = SqsMessage(found["Body"], texts)
    assert message.size <= MAX_BYTES
    return message


@pytest.fixture
def queues() -> Queues:
    return Queues(timeout_seconds=5)


@pytest.fixture
def impatient() -> Queues:
    return Queues(timeout_seconds=0.4)


def incompressible(size: int) -> bytes:
    """A valid event of about so many bytes, which base64 makes as large, compressed or not."""
    return raw(a_facebook_event(filling=base64.b64encode(os.urandom(size * 3 // 4)).decode()))


async def test_published_events_are_in_the_queue_of_their_source(queues: Queues) -> None:
    events = [raw(a_facebook_event(name="Ї")) for _ in range(3)]
    part = a_part(*events, correlation_id="mine")

    await queues.bus.publish("facebook", part)
    await queues.bus.publish("tiktok", a_part(raw(a_tiktok_event())))

    [found] = queues.parts()
    assert (found.correlation_id, found.accepted_at, found.events) == ("mine", NOON, events)
    assert len(queues.messages("tiktok")) == 1


async def test_an_envelope_announces_itself_and_the_acknowledged_ones(queues: Queues) -> None:
    queues.flaky.outcomes = [[], ZeroDivisionError(), []]
    await queues.bus.publish("facebook", a_part(b"1", b"2"))
    with pytest.raises(ZeroDivisionError):
        await queues.bus.publish("facebook", a_part(b"1"))
    await queues.bus.publish("facebook", a_part(b"1"))

    first, second = (part.envelope for part in queues.parts())
    assert first
    assert second
    assert (first.events, first.minute, list(first.announced)) == (2, NOON, [])
    assert [(it.id, it.events, it.sequence) for it in second.announced] == [(first.id, 2, NO_PLACE)]


async def test_a_part_too_large_for_a_message_goes_in_several(queues: Queues) -> None:
    events = [incompressible(300_000) for _ in range(7)]

    await queues.bus.publish("facebook", a_part(*events))

    parts = queues.parts()
    assert [event for part in parts for event in part.events] == events
    assert len({part.envelope.id for part in parts if part.envelope}) == len(parts) > 2
    assert sum(part.envelope.events for part in parts if part.envelope) == 7


async def test_text_that_sqs_refuses_is_sent_encoded(queues: Queues) -> None:
    event = raw(a_facebook_event(filling="\ufffe"))
    letter = a_letter(payload=bytes(range(256)))

    await queues.bus.publish("facebook", a_part(event))
    await queues.bus.publish_dead_letters([letter])

    assert queues.events() == [event]
    assert queues.letters() == [letter]


async def test_many_letters_go_in_as_many_messages_as_are_needed(queues: Queues) -> None:
    letters = [a_letter(payload=os.urandom(200_000), position=it) for it in range(12)]

    await queues.bus.publish_dead_letters(letters)

    assert queues.letters() == letters


async def test_masses_go_in_messages_that_are_small_enough(queues: Queues) -> None:
    noise = [os.urandom(900) for _ in range(2500)]
    windows = [noise[start : start + 500] for start in range(0, 2500, 500)]

    receipt = await handle(windows, correlation_id="x", accepted_at=NOON, bus=queues.bus)

    letters = queues.letters()
    assert receipt.rejected_total == sum(letter.elements for letter in letters) == 2500
    masses = [letter for letter in letters if letter.elements > 1]
    assert 1 < len(masses) < 6
    packed = [raw for letter in masses for raw in unpacked(letter.payload)]
    assert sorted(packed) == sorted(noise[1000:])


async def test_a_too_large_event_is_a_dead_letter_and_its_neighbours_are_taken(
    queues: Queues,
) -> None:
    good, large = incompressible(600_000), incompressible(1_100_000)
    packable = raw(a_facebook_event(filling="x" * 3_000_000))
    body = b"[" + b",".join([good, large, packable]) + b"]"

    windows = split_json(body, 4 * 1024**2)
    receipt = await handle(windows, correlation_id="x", accepted_at=NOON, bus=queues.bus)

    assert (receipt.accepted_total, receipt.rejected_total) == (2, 1)
    assert queues.events() == [good, packable]
    [letter] = queues.letters()
    assert letter.fault.code == "event_too_large"
    assert letter.payload == large[: 64 * 1024]


async def test_entries_that_fail_in_a_call_that_succeeds_are_sent_again(queues: Queues) -> None:
    letters = [a_letter(payload=os.urandom(200_000), position=it) for it in range(3)]
    queues.flaky.outcomes = [["0"], ["0"]]

    await queues.bus.publish_dead_letters(letters)

    assert len(queues.flaky.calls) > 2
    assert sorted(queues.letters(), key=lambda it: it.position) == letters


async def test_entries_that_always_fail_are_unavailable_in_time(impatient: Queues) -> None:
    impatient.flaky.outcomes = [["0"]] * 100

    with pytest.raises(Unavailable):
        await impatient.bus.publish("facebook", a_part())

    assert len(impatient.flaky.calls) > 2
    assert impatient.parts() == []


def _no_answer() -> Exception:
    from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415

    return EndpointConnectionError(endpoint_url="http://away")


def _error(code: str, status: int) -> Callable[[], Exception]:
    def make() -> Exception:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        answer: Any = {
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return ClientError(answer, "SendMessageBatch")

    return make


@pytest.mark.parametrize(
    "error", [_no_answer, _error("InternalFailure", 500), _error("RequestThrottled", 403)]
)
async def test_a_queue_that_is_soon_back_costs_nothing(
    queues: Queues, error: Callable[[], Exception]
) -> None:
    queues.flaky.outcomes = [error(), error()]

    await queues.bus.publish("facebook", a_part())

    assert len(queues.flaky.calls) == 3
    assert len(queues.parts()) == 1


async def test_a_queue_that_may_not_be_sent_to_is_unavailable_at_once(queues: Queues) -> None:
    queues.flaky.outcomes = [_error("AccessDenied", 403)()]

    with pytest.raises(Unavailable):
        await queues.bus.publish("facebook", a_part())

    assert len(queues.flaky.calls) == 1


async def test_a_queue_that_does_not_exist_is_unavailable_and_not_ready() -> None:
    client = open_client("sqs")
    url = client.create_queue(QueueName=f"gone-{uuid4().hex}")["QueueUrl"]
    queue = Queue(client, url)
    await queue.check()
    client.delete_queue(QueueUrl=url)

    with pytest.raises(Unavailable):
        await queue.check()
    with pytest.raises(Unavailable):
        await queue.send([SqsMessage("x", {})])


async def test_calls_at_once_do_not_wait_for_each_other(queues: Queues) -> None:
    await asyncio.gather(*(queues.bus.publish("facebook", a_part()) for _ in range(20)))

    assert len(queues.parts()) == 20
