"""Lambda's records of a queue, and the records that it is asked to redeliver."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from functions.errors import Unavailable
from functions.messages import DeadLetter, Delivery
from runtime.aws.messages import ENCODING
from runtime.aws.sqs import QueueFunction, QueueUnit
from runtime.bus.envelopes import UnreadableEnvelope
from runtime.bus.manifests import Headers
from runtime.bus.work import MessageHandler
from runtime.telemetry.metrics import ConsumerMetrics
from tests.aws.invoking import AContext, a_record, closed, holding, invoke, nothing


@dataclass
class Worker:
    """A handler that records its items; an item's name decides its outcome."""

    handled: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    def decode(self, data: bytes, headers: Headers, delivery: Delivery) -> Sequence[str]:
        if data.startswith(b"unreadable"):
            raise UnreadableEnvelope("it is not readable")
        if data == b"undecodable":
            raise ZeroDivisionError
        self.deliveries.append(delivery)
        self.headers.append(headers)
        return data.decode().split()

    async def handle(self, items: Sequence[str]) -> None:
        self.batches.append(list(items))
        if "unavailable" in items:
            raise Unavailable("away")
        if "crash" in items:
            raise ZeroDivisionError
        if "hang" in items:
            raise TimeoutError
        self.handled += items

    async def dead_letter(self, letter: DeadLetter, _headers: Headers) -> None:
        if letter.payload == b"unreadable and not kept":
            raise ZeroDivisionError
        if letter.payload == b"unreadable while away":
            raise Unavailable("away")
        self.letters.append(letter)

    @property
    def work(self) -> MessageHandler[str]:
        return MessageHandler("facebook", self.decode, self.handle, self.dead_letter)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def function(worker: Worker) -> AsyncIterator[QueueFunction[str]]:
    registry = CollectorRegistry()
    unit = QueueUnit(worker.work, nothing, nothing)
    made = QueueFunction(holding(unit), registry, ConsumerMetrics(registry, "fb-collector"))
    async with closed(made):
        yield made


def a_batch(*bodies: bytes) -> dict[str, Any]:
    return {"Records": [a_record(body, str(number)) for number, body in enumerate(bodies)]}


def listed(answer: dict[str, Any]) -> list[str]:
    assert list(answer) == ["batchItemFailures"]
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


async def test_a_batch_is_handled_at_once_and_nothing_is_listed(
    function: QueueFunction[str], worker: Worker
) -> None:
    answer = await invoke(function, a_batch(b"a b", b"c"))

    assert listed(answer) == []
    assert worker.batches == [["a", "b", "c"]]


async def test_what_is_unavailable_comes_again_all_of_it(
    function: QueueFunction[str], worker: Worker
) -> None:
    answer = await invoke(function, a_batch(b"a", b"unavailable", b"b"))

    assert listed(answer) == ["0", "1", "2"]
    assert worker.batches == [["a", "unavailable", "b"]]


@pytest.mark.parametrize("bad", [b"crash", b"hang", b"undecodable"])
async def test_a_record_that_crashes_is_listed_alone(
    function: QueueFunction[str], worker: Worker, bad: bytes
) -> None:
    answer = await invoke(function, a_batch(b"a", bad, b"b"))

    assert listed(answer) == ["1"]
    assert worker.handled == ["a", "b"]


async def test_a_record_that_crashes_stays_listed_until_the_queue_sets_it_aside(
    function: QueueFunction[str], worker: Worker
) -> None:
    batch = a_batch(b"a", b"crash")
    batch["Records"][1]["attributes"]["ApproximateReceiveCount"] = "1000"

    answer = await invoke(function, batch)

    assert listed(answer) == ["1"]
    assert worker.letters == []


async def test_a_crash_of_everything_is_never_a_success(function: QueueFunction[str]) -> None:
    answer = await invoke(function, a_batch(b"crash", b"undecodable", b"hang"))

    assert listed(answer) == ["0", "1", "2"]


async def test_an_unreadable_record_is_a_dead_letter_and_not_listed(
    function: QueueFunction[str], worker: Worker
) -> None:
    answer = await invoke(function, a_batch(b"a", b"unreadable \xff"))

    assert listed(answer) == []
    [letter] = worker.letters
    assert (letter.payload, letter.reason, letter.source) == (
        b"unreadable \xff",
        "unreadable",
        "facebook",
    )
    assert letter.fault.message == "it is not readable"
    assert letter.accepted_at.isoformat() == "2024-01-01T12:00:00+00:00"
    assert worker.handled == ["a"]


async def test_a_record_that_is_not_the_base64_it_says_it_is_keeps_its_text(
    function: QueueFunction[str], worker: Worker
) -> None:
    batch = a_batch(b"")
    batch["Records"][0]["body"] = "%"

    assert listed(await invoke(function, batch)) == []
    assert [letter.payload for letter in worker.letters] == [b"%"]


@pytest.mark.parametrize(
    ("bad", "others"), [(b"unreadable and not kept", []), (b"unreadable while away", ["0", "2"])]
)
async def test_a_dead_letter_that_was_not_stored_is_redelivered(
    function: QueueFunction[str], bad: bytes, others: list[str]
) -> None:
    answer = await invoke(function, a_batch(b"a", bad, b"b"))

    assert listed(answer) == sorted([*others, "1"])


async def test_a_record_has_its_channel(function: QueueFunction[str], worker: Worker) -> None:
    record = a_record(b"", "1", Eps_Manifest="{}")
    del record["messageAttributes"][ENCODING]
    record["body"] = "Ї"
    record["attributes"]["ApproximateReceiveCount"] = "3"

    await invoke(function, {"Records": [record]})

    [delivery] = worker.deliveries
    assert (delivery.sequence, delivery.times) == (None, 3)
    assert str(delivery.published_at) == "2024-01-01 12:00:00+00:00"
    assert worker.headers == [{"Eps-Manifest": "{}"}]
    assert worker.handled == ["Ї"]


async def test_what_can_not_be_opened_lists_everything() -> None:
    def crash() -> AbstractAsyncContextManager[QueueUnit[str]]:
        raise ZeroDivisionError

    registry = CollectorRegistry()
    function = QueueFunction(crash, registry, ConsumerMetrics(registry, "fb-collector"))
    async with closed(function):
        assert listed(await invoke(function, a_batch(b"a", b"b"))) == ["0", "1"]


async def test_records_settled_before_the_time_was_up_are_not_listed(worker: Worker) -> None:
    async def never() -> None:
        raise Unavailable("slow")

    registry = CollectorRegistry()
    unit = QueueUnit(worker.work, nothing, never)
    function = QueueFunction(holding(unit), registry, ConsumerMetrics(registry, "fb-collector"))
    async with closed(function):
        answer = await invoke(function, a_batch(b"a"), AContext(milliseconds=5_000))

    assert listed(answer) == []


async def test_an_invalid_batch_is_not_a_success(function: QueueFunction[str]) -> None:
    with pytest.raises(KeyError):
        await invoke(function, {})
