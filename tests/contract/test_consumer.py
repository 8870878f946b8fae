"""The consumer's loop on a real broker."""

import asyncio
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import cast

import pytest
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from functions.errors import Unavailable
from functions.messages import Backlog, DeadLetter, Delivery
from runtime.bus.envelopes import MAX_MESSAGE_BYTES, UnreadableEnvelope
from runtime.bus.manifests import Headers
from runtime.bus.work import MessageHandler
from runtime.jetstream import consumer as consumer_module
from runtime.jetstream.backlog import watch_backlog
from runtime.jetstream.connection import Broker, connected
from runtime.jetstream.consumer import Consumer
from runtime.jetstream.pull import Pull
from runtime.jetstream.streams import ensure_consumer, make_again
from runtime.local.supervisor.drain import wait_until_drained
from runtime.telemetry.metrics import ConsumerMetrics
from tests.contract.broker import (
    ACK_WAIT_SECONDS,
    a_broker,
    a_pull,
    consuming,
    eventually,
    waiting,
)
from tests.durables import FB_COLLECTOR, TTK_COLLECTOR

POISON = b"poison"
UNREADABLE = b"unreadable"
FOR_EVER_SECONDS = 3600.0
SOON_SECONDS = 0.5


@dataclass
class Bench:
    """A message handler that records its calls.

    Attributes:
        handled: The messages of each batch that was handled to the end.
        tried: How often each message reached the handler.
        buried: The dead letters.
        deliveries: The delivery of each decoded message.
        is_away: Whether the handler and the dead letters are unavailable.
    """

    handled: list[list[bytes]] = field(default_factory=list)
    tried: Counter[bytes] = field(default_factory=Counter)
    buried: list[DeadLetter] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    is_away: bool = False

    @property
    def done(self) -> list[bytes]:
        """All handled messages, sorted."""
        return sorted(message for batch in self.handled for message in batch)

    @property
    def work(self) -> MessageHandler[bytes]:
        return MessageHandler(
            "facebook",
            self.decode,
            self.handle,
            self.dead_letter,
            requests=lambda items: [f"request-{item.decode()}" for item in items],
        )

    def decode(self, data: bytes, _headers: Headers, delivery: Delivery) -> Sequence[bytes]:
        self.deliveries.append(delivery)
        if data == UNREADABLE:
            raise UnreadableEnvelope("it says so")
        return [data]

    async def handle(self, items: Sequence[bytes]) -> None:
        self.tried.update(items)
        if self.is_away:
            raise Unavailable("the bench is told to be away")
        if POISON in items:
            raise ZeroDivisionError
        self.handled.append(list(items))

    async def dead_letter(self, letter: DeadLetter, _headers: Headers) -> None:
        if self.is_away:
            raise Unavailable("the bench is told to be away")
        self.buried.append(letter)


@pytest.fixture
async def broker(nats_url: str) -> AsyncIterator[Broker]:
    async with a_broker(nats_url) as broker:
        await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
        yield broker


def has_done(bench: Bench, messages: int) -> bool:
    return len(bench.done) == messages


async def eventually_waiting(broker: Broker, messages: int) -> None:
    """Return when so many messages are not acknowledged; acknowledgements are not confirmed."""

    async def is_so() -> bool:
        return await waiting(broker, FB_COLLECTOR) == messages

    await eventually(is_so)


async def publish(broker: Broker, *messages: bytes) -> None:
    for message in messages:
        await broker.jetstream.publish(FB_COLLECTOR.subject, message)


async def test_waiting_messages_are_handled_in_one_batch_and_acknowledged(broker: Broker) -> None:
    bench = Bench()
    await publish(broker, b"1", b"2", b"3")

    async with consuming(broker, FB_COLLECTOR, bench.work):
        await eventually(lambda: bool(bench.handled))

    assert bench.handled == [[b"1", b"2", b"3"]]
    await eventually_waiting(broker, 0)


async def test_a_later_message_is_fetched_at_once(broker: Broker) -> None:
    bench = Bench()

    async with consuming(broker, FB_COLLECTOR, bench.work):
        for number in range(3):
            await publish(broker, b"%d" % number)
            await eventually(partial(has_done, bench, number + 1))

    assert bench.done == [b"0", b"1", b"2"]


async def test_messages_after_a_batch_gather_and_a_backlog_does_not_wait(broker: Broker) -> None:
    bench = Bench()
    await publish(broker, b"1", b"2", b"3")

    async with consuming(
        broker, FB_COLLECTOR, bench.work, max_messages=1, gather_seconds=FOR_EVER_SECONDS
    ):
        await eventually(partial(has_done, bench, 3))
        await eventually_waiting(broker, 0)
        await publish(broker, b"4", b"5")

    assert bench.done == [b"1", b"2", b"3"]
    async with consuming(broker, FB_COLLECTOR, bench.work, gather_seconds=FOR_EVER_SECONDS):
        await eventually(partial(has_done, bench, 5))
    assert bench.handled[-1] == [b"4", b"5"]


async def test_a_batch_is_bounded_in_messages_and_bytes(broker: Broker) -> None:
    by_number, by_size = Bench(), Bench()
    await publish(broker, *(b"%d" % number for number in range(5)))
    async with consuming(broker, FB_COLLECTOR, by_number.work, max_messages=2):
        await eventually(lambda: len(by_number.done) == 5)
    await publish(broker, *(bytes([number]) * 1000 for number in range(5)), b"x" * 5000, b"y")
    async with consuming(broker, FB_COLLECTOR, by_size.work, max_bytes=2500):
        await eventually(lambda: len(by_size.done) == 7)

    assert max(map(len, by_number.handled)) == 2
    assert max(sum(map(len, batch)) for batch in by_size.handled if len(batch) > 1) <= 2500
    assert [b"x" * 5000] in by_size.handled


async def test_unavailable_batches_are_redelivered_later_and_nothing_is_lost(
    broker: Broker,
) -> None:
    bench, registry = Bench(is_away=True), CollectorRegistry()
    metrics = ConsumerMetrics(registry, FB_COLLECTOR.name)
    await publish(broker, b"1", UNREADABLE, b"2")

    with capture_logs() as logged:
        async with consuming(broker, FB_COLLECTOR, bench.work, metrics=metrics):
            await eventually(lambda: sample(registry, "messages_retried_total") == 3)
            bench.is_away = False
            await eventually(lambda: len(bench.done) == 2)

    given_back = [line for line in logged if line["event"] == "batch returned"]
    named = {request for line in given_back for request in line["correlation_ids"]}
    assert "request-1" in named  # and the following ones, as far as they were read
    assert bench.done == [b"1", b"2"]
    assert {letter.payload for letter in bench.buried} == {UNREADABLE}
    await eventually_waiting(broker, 0)
    assert sample(registry, "messages_redelivered_total") == 3


def sample(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(name, {"service": FB_COLLECTOR.name})


async def test_a_decoded_message_knows_its_delivery(
    broker: Broker,
) -> None:
    bench, started = Bench(is_away=True), datetime.now(UTC)
    await publish(broker, b"1", b"2")

    async with consuming(broker, FB_COLLECTOR, bench.work, first_delay_seconds=0.05):
        await eventually(lambda: len(bench.deliveries) >= 2)
        bench.is_away = False
        await eventually(lambda: len(bench.done) == 2)

    assert [each.sequence for each in bench.deliveries[:2]] == [1, 2]
    assert [each.times for each in bench.deliveries if each.sequence == 1][:2] == [1, 2]
    for each in bench.deliveries:
        assert each.published_at
        assert started <= each.published_at <= datetime.now(UTC)


async def test_a_returned_message_is_hidden_from_every_replica_for_a_while(broker: Broker) -> None:
    bench, registry = Bench(is_away=True), CollectorRegistry()
    metrics = ConsumerMetrics(registry, FB_COLLECTOR.name)
    clock = asyncio.get_running_loop().time
    await publish(broker, b"1")
    started = clock()

    async with consuming(broker, FB_COLLECTOR, bench.work, metrics=metrics):
        await eventually(lambda: sample(registry, "messages_retried_total") == 1)
    messages = await fetch_some(broker)

    assert messages == [b"1"]
    assert clock() - started > 0.4


async def fetch_some(broker: Broker) -> list[bytes]:
    """Fetch the first message, as another replica would."""
    pull, messages = a_pull(broker, FB_COLLECTOR), list[bytes]()
    async with pull.open(), asyncio.timeout(20):
        while not messages:
            messages = [message.data for message in await pull.fetch(5)]
    return messages


async def test_an_unreadable_message_is_a_dead_letter_among_good_ones(
    broker: Broker,
) -> None:
    bench = Bench()
    await publish(broker, b"1", UNREADABLE, b"2")

    async with consuming(broker, FB_COLLECTOR, bench.work):
        await eventually(lambda: len(bench.done) == 2)

    (letter,) = bench.buried
    assert (letter.reason, letter.payload, letter.source) == ("unreadable", UNREADABLE, "facebook")
    assert letter.fault.message == "it says so"
    assert bench.done == [b"1", b"2"]
    await eventually_waiting(broker, 0)


async def test_a_message_that_crashes_the_handler_is_alone_and_in_the_end_a_dead_letter(
    broker: Broker,
) -> None:
    bench = Bench()
    await publish(broker, b"1", POISON, b"2")

    async with consuming(broker, FB_COLLECTOR, bench.work, first_delay_seconds=0.01):
        await eventually(lambda: bench.done == [b"1", b"2"])
        tries_of_the_others = bench.tried[b"1"]
        await eventually(lambda: bool(bench.buried))

    assert [letter.payload for letter in bench.buried] == [POISON]
    assert bench.tried[POISON] == 6  # with the others, then alone in each of five deliveries
    assert tries_of_the_others == 2
    assert bench.done == [b"1", b"2"]
    await eventually_waiting(broker, 0)


async def test_a_handler_that_crashes_on_everything_gives_nothing_up(broker: Broker) -> None:
    bench = Bench()
    await publish(broker, POISON)

    async with consuming(broker, FB_COLLECTOR, bench.work, first_delay_seconds=0.01):
        await eventually(lambda: bench.tried[POISON] > 5)
        assert bench.buried == []
        await publish(broker, b"1")
        await eventually(lambda: bool(bench.buried))

    assert bench.done == [b"1"]


async def it_answers() -> None:
    """Answer, like a working database."""


@dataclass
class Slow(Bench):
    """A message handler that never finishes with some messages.

    Attributes:
        slow: These messages.
        is_locked: Whether it finishes with no message.
        sizes: How many batches it got, by size.
    """

    slow: frozenset[bytes] = frozenset()
    is_locked: bool = False
    sizes: Counter[int] = field(default_factory=Counter)

    async def handle(self, items: Sequence[bytes]) -> None:
        self.tried.update(items)
        self.sizes[len(items)] += 1
        if self.is_locked or self.slow.intersection(items):
            raise Unavailable("it takes too long")
        self.handled.append(list(items))


async def test_a_slow_message_is_found_and_the_others_continue(broker: Broker) -> None:
    slow = frozenset({b"3", b"40", b"41"})
    bench = Slow(slow=slow)
    messages = [b"%d" % number for number in range(50)]
    await publish(broker, *messages)

    async with consuming(
        broker, FB_COLLECTOR, bench.work, first_delay_seconds=0.01, answers=it_answers
    ):
        await eventually(lambda: has_done(bench, 47))
        await publish(broker, b"later")
        await eventually(lambda: has_done(bench, 48))
        before = bench.tried[b"3"]
        await eventually(lambda: bench.tried[b"3"] > before + 2)
        bench.slow = frozenset()
        await eventually(lambda: has_done(bench, 51))

    assert bench.done == sorted([*messages, b"later"])
    assert max(bench.tried[it] for it in messages if it not in slow) <= 8
    assert all([it] in bench.handled for it in slow)
    await eventually_waiting(broker, 0)


async def test_a_batch_is_not_halved_forever_if_nothing_succeeds(
    broker: Broker,
) -> None:
    bench, stop = Slow(is_locked=True), asyncio.Event()
    messages = [b"%d" % number for number in range(60)]
    await publish(broker, *messages)
    metrics = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
    consumer = Consumer(bench.work, metrics, first_delay_seconds=0.01, answers=it_answers)

    async with (pull := a_pull(broker, FB_COLLECTOR)).open():
        came = await fetch_all(pull, 60)
        for message in came:
            await message.nak()
        once = Once(await fetch_all(pull, 60), stop)
        await consumer.run(cast("Pull", once), stop)

    assert bench.sizes[60] == 1
    assert sum(bench.sizes.values()) < 30  # 119 would have each message alone
    bench.is_locked = False
    async with consuming(broker, FB_COLLECTOR, bench.work, answers=it_answers):
        await eventually(lambda: has_done(bench, 60))
    assert bench.done == sorted(messages)
    await eventually_waiting(broker, 0)


async def fetch_all(pull: Pull, number: int) -> list[Msg]:
    messages: list[Msg] = []
    async with asyncio.timeout(20):
        while len(messages) < number:
            messages += await pull.fetch(5)
    return messages


@dataclass
class Once:
    """Returns one batch, and reports that it was the last."""

    messages: list[Msg]
    stop: asyncio.Event

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def fetch(self, _wait_seconds: float) -> list[Msg]:
        messages, self.messages = self.messages, []
        if not messages:
            self.stop.set()
        return messages


async def test_a_batch_is_not_halved_while_the_database_is_unreachable(broker: Broker) -> None:
    bench = Slow(is_locked=True)
    await publish(broker, *(b"%d" % number for number in range(10)))

    async def away() -> None:
        raise Unavailable("away")

    async with consuming(broker, FB_COLLECTOR, bench.work, first_delay_seconds=0.01, answers=away):
        await eventually(lambda: bench.tried[b"0"] > 5)
        bench.is_locked = False
        await eventually(lambda: has_done(bench, 10))

    assert max(map(len, bench.handled)) > 1


async def test_a_batch_is_bounded_by_what_it_unpacks_to(broker: Broker) -> None:
    bench = Bench()
    packed = [zlib.compress(b"%d" % number + bytes(5000)) for number in range(4)]
    await publish(broker, b"1", *packed[:2], b"2", *packed[2:])

    async with consuming(broker, FB_COLLECTOR, bench.work, batch_bytes=MAX_MESSAGE_BYTES):
        await eventually(lambda: has_done(bench, 6))

    assert [len(batch) for batch in bench.handled] == [1] * 6


async def test_a_message_larger_than_a_batch_is_processed_alone(broker: Broker) -> None:
    bench = Bench()
    in_hand, most = list[bytes](), list[list[bytes]]()

    async def handle(items: Sequence[bytes]) -> None:
        in_hand.extend(items)
        await asyncio.sleep(0.05)
        most.append(list(in_hand))
        await bench.handle(items)
        for item in items:
            in_hand.remove(item)

    work = MessageHandler(None, bench.decode, handle, bench.dead_letter)
    metrics = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
    consumer, stop = Consumer(work, metrics, gather_seconds=0, max_bytes=2000), asyncio.Event()
    await publish(broker, *(b"s%d" % number for number in range(9)), b"L" * 3000, b"L" * 3001)

    pulls = [a_pull(broker, FB_COLLECTOR, max_messages=2) for _ in range(2)]
    running = [asyncio.create_task(consumer.run(pull, stop)) for pull in pulls]
    await eventually(lambda: has_done(bench, 11))
    stop.set()
    await asyncio.gather(*running)

    assert any(len(together) > 1 for together in most)
    assert all(len(together) == 1 for together in most if any(len(it) > 2000 for it in together))


@dataclass
class Remembered:
    """Marks of messages that outlive a test's processes."""

    marks: Counter[bytes] = field(default_factory=Counter)
    is_away: bool = False

    async def begin(self, message_id: bytes) -> int:
        if self.is_away:
            raise Unavailable("no marks now")
        self.marks[message_id] += 1
        return self.marks[message_id] - 1

    async def end(self, message_id: bytes) -> None:
        if self.is_away:
            raise Unavailable("no marks now")
        del self.marks[message_id]


@dataclass
class Process:
    """A collector's process that can end without notice to the broker.

    Attributes:
        opened: The messages of each opened batch.
        died: Set when it has opened the deadly message.
    """

    broker: Broker
    bench: Bench
    attempts: Remembered
    opened: list[list[bytes]]
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, items: Sequence[bytes]) -> None:
        self.opened.append(list(items))
        if POISON in items:
            self.died.set()
            await asyncio.Event().wait()
        await self.bench.handle(items)

    async def live(self, until: Callable[[], bool]) -> None:
        """Run until it ends, or until a condition holds."""
        work = MessageHandler(
            "facebook",
            self.bench.decode,
            self.handle,
            self.bench.dead_letter,
            attempts=self.attempts,
        )
        metrics = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
        consumer = Consumer(work, metrics, first_delay_seconds=0.01, gather_seconds=0)
        running = asyncio.create_task(consumer.run(a_pull(self.broker, FB_COLLECTOR), NEVER))
        await eventually(lambda: self.died.is_set() or until())
        running.cancel()
        await asyncio.wait([running])


NEVER = asyncio.Event()


async def test_a_message_that_ends_its_process_is_met_alone_and_set_aside_unopened(
    broker: Broker,
) -> None:
    await ensure_consumer(broker.jetstream, FB_COLLECTOR, SOON_SECONDS)
    bench, attempts, opened = Bench(), Remembered(), list[list[bytes]]()
    await publish(broker, b"1", POISON, b"2")

    lives = 0
    while not bench.buried:
        lives += 1
        await Process(broker, bench, attempts, opened).live(lambda: bool(bench.buried))
    await Process(broker, bench, attempts, opened).live(lambda: has_done(bench, 2))

    met = [batch for batch in opened if POISON in batch]
    assert [len(batch) for batch in met[2:]] == [1, 1, 1]
    assert lives == 6
    assert [letter.payload for letter in bench.buried] == [POISON]
    assert "3 processes ended" in bench.buried[0].fault.message
    assert bench.done == [b"1", b"2"]
    assert not attempts.marks
    await eventually_waiting(broker, 0)


async def test_what_was_often_given_back_is_neither_alone_nor_set_aside(broker: Broker) -> None:
    bench, attempts, opened = Bench(is_away=True), Remembered(), list[list[bytes]]()
    await publish(broker, b"1", b"2")
    process = Process(broker, bench, attempts, opened)

    def was_tried_often() -> bool:
        bench.is_away = bench.tried[b"1"] < 8
        return has_done(bench, 2)

    await process.live(was_tried_often)

    assert bench.buried == []
    assert bench.tried[b"1"] >= 8
    await eventually_waiting(broker, 0)


async def test_what_others_gave_back_is_met_alone_and_kept(broker: Broker) -> None:
    bench, attempts, opened = Bench(is_away=True), Remembered(), list[list[bytes]]()
    await publish(broker, b"1", b"2")
    await Process(broker, bench, attempts, opened).live(lambda: bench.tried[b"1"] >= 8)
    bench.is_away, before = False, len(opened)

    await Process(broker, bench, attempts, opened).live(lambda: has_done(bench, 2))

    assert sorted(opened[before:]) == [[b"1"], [b"2"]]
    assert bench.buried == []
    assert not attempts.marks


async def test_what_can_not_be_marked_is_not_opened(broker: Broker) -> None:
    bench, attempts, opened = Bench(is_away=True), Remembered(), list[list[bytes]]()
    await publish(broker, b"1")
    await Process(broker, bench, attempts, opened).live(lambda: bench.tried[b"1"] >= 4)
    bench.is_away, attempts.is_away, before = False, True, len(opened)

    async with asyncio.timeout(20):
        living = Process(broker, bench, attempts, opened)
        task = asyncio.create_task(living.live(lambda: has_done(bench, 1)))
        await eventually(lambda: is_given_back_often(broker))
        assert len(opened) == before
        attempts.is_away = False
        await task

    assert bench.done == [b"1"]


async def is_given_back_often(broker: Broker) -> bool:
    return await deliveries(broker) >= 7


async def deliveries(broker: Broker) -> int:
    info = await broker.jetstream.consumer_info(FB_COLLECTOR.stream, FB_COLLECTOR.name)
    return (info.delivered.consumer_seq or 0) if info.delivered else 0


async def test_what_is_in_hand_for_long_goes_to_nobody_else(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_PROGRESS_SECONDS", SOON_SECONDS / 5)
    await ensure_consumer(broker.jetstream, FB_COLLECTOR, SOON_SECONDS)
    bench, go_on = Bench(), asyncio.Event()

    async def handle(items: Sequence[bytes]) -> None:
        bench.tried.update(items)
        await go_on.wait()
        await bench.handle(items)

    metrics = ConsumerMetrics(CollectorRegistry(), FB_COLLECTOR.name)
    consumer = Consumer(MessageHandler(None, bench.decode, handle, bench.dead_letter), metrics)
    stop = asyncio.Event()
    await publish(broker, b"1")
    running = asyncio.create_task(consumer.run(a_pull(broker, FB_COLLECTOR), stop))
    await eventually(lambda: bench.tried[b"1"] == 1)

    async with (other := a_pull(broker, FB_COLLECTOR)).open():
        taken_by_another = await other.fetch(5 * SOON_SECONDS)
    go_on.set()
    await eventually(partial(has_done, bench, 1))
    stop.set()
    await running

    assert taken_by_another == []
    await eventually_waiting(broker, 0)


async def test_stopping_finishes_the_batch_in_hand_and_takes_no_other(broker: Broker) -> None:
    bench, started, go_on = Bench(), asyncio.Event(), asyncio.Event()

    async def handle(items: Sequence[bytes]) -> None:
        started.set()
        await go_on.wait()
        await bench.handle(items)

    await publish(broker, b"1", b"2", b"3")
    async with AsyncExitStack() as running:
        work = MessageHandler(None, bench.decode, handle, bench.dead_letter)
        await running.enter_async_context(consuming(broker, FB_COLLECTOR, work, max_messages=2))
        await started.wait()
        closing = asyncio.create_task(running.pop_all().aclose())
        await asyncio.sleep(0)
        go_on.set()
        await closing

    assert bench.handled == [[b"1", b"2"]]
    await eventually_waiting(broker, 1)


async def test_what_came_and_nobody_worked_on_is_given_back_at_once(broker: Broker) -> None:
    pull = a_pull(broker, FB_COLLECTOR)
    async with pull.open():
        assert await pull.fetch(0.01) == []  # its last request may still be answered
        fetching = asyncio.create_task(pull.fetch(60))
        await eventually(lambda: is_waited_for(broker))
        fetching.cancel()
        await publish(broker, b"1")
        await eventually(lambda: is_delivered(broker))

    assert await fetch_some(broker) == [b"1"]


async def is_waited_for(broker: Broker) -> bool:
    info = await broker.jetstream.consumer_info(FB_COLLECTOR.stream, FB_COLLECTOR.name)
    return bool(info.num_waiting)


async def is_delivered(broker: Broker) -> bool:
    info = await broker.jetstream.consumer_info(FB_COLLECTOR.stream, FB_COLLECTOR.name)
    return bool(info.num_ack_pending)


async def test_replicas_share_the_work(broker: Broker) -> None:
    both_have_one = asyncio.Barrier(2)
    done: list[list[bytes]] = [[], []]

    def replica(number: int) -> MessageHandler[bytes]:
        async def handle(items: Sequence[bytes]) -> None:
            if not done[number]:
                await both_have_one.wait()
            done[number] += items

        return MessageHandler(None, lambda data, *_: [data], handle, Bench().dead_letter)

    async with (
        consuming(broker, FB_COLLECTOR, replica(0), max_messages=1),
        consuming(broker, FB_COLLECTOR, replica(1), max_messages=1),
    ):
        await publish(broker, *(b"%d" % number for number in range(10)))
        await eventually(lambda: len(done[0] + done[1]) == 10)

    assert all(done)
    assert sorted(done[0] + done[1]) == [b"%d" % number for number in range(10)]


async def test_a_consumer_takes_the_messages_of_its_own_subject(broker: Broker) -> None:
    bench = Bench()
    await publish(broker, b"1")

    async with consuming(broker, TTK_COLLECTOR, bench.work):
        await broker.jetstream.publish(TTK_COLLECTOR.subject, b"2")
        await eventually(lambda: bool(bench.done))

    assert bench.done == [b"2"]
    await eventually_waiting(broker, 1)


async def test_the_backlog_and_the_age_of_the_oldest_message_are_measured(broker: Broker) -> None:
    registry, stop = CollectorRegistry(), asyncio.Event()
    metrics = ConsumerMetrics(registry, FB_COLLECTOR.name)
    await broker.jetstream.publish(TTK_COLLECTOR.subject, b"another's")
    await publish(broker, b"1", b"2")
    await eventually_waiting(broker, 2)

    seen: list[Backlog] = []

    async def note(backlog: Backlog) -> None:
        seen.append(backlog)

    watching = asyncio.create_task(watch_backlog(broker, FB_COLLECTOR, metrics, note, stop))
    await eventually(lambda: bool(seen))
    stop.set()
    await watching

    assert sample(registry, "consumer_backlog_messages") == 2
    assert 0 < (sample(registry, "consumer_oldest_message_seconds") or 0) < 20
    assert (seen[0].consumer, seen[0].messages, seen[0].first_sequence) == ("fb-collector", 2, 2)


async def test_a_message_that_is_acknowledged_and_still_kept_is_no_backlog(nats_url: str) -> None:
    """A work queue keeps one if its disk was full; a stream with limits always does."""
    bench, stop, seen = Bench(), asyncio.Event(), list[Backlog]()
    async with connected(nats_url, "test", 10) as broker:
        await broker.jetstream.add_stream(name=FB_COLLECTOR.stream, subjects=["events.>"])
        await ensure_consumer(broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
        await publish(broker, b"1", b"2")
        async with consuming(broker, FB_COLLECTOR, bench.work):
            await eventually(partial(has_done, bench, 2))

        async def note(backlog: Backlog) -> None:
            seen.append(backlog)
            stop.set()

        metrics = ConsumerMetrics(CollectorRegistry(), "fb-collector")
        await watch_backlog(broker, FB_COLLECTOR, metrics, note, stop)
        kept = (await broker.jetstream.stream_info(FB_COLLECTOR.stream)).state.messages

    still_waiting = await wait_until_drained(nats_url, seconds=5, impatient=asyncio.Event())
    assert kept == 2
    assert (seen[0].messages, seen[0].oldest_at, seen[0].first_sequence) == (0, None, 3)
    assert still_waiting == 0


async def test_without_a_message_the_first_that_may_come_is_known(broker: Broker) -> None:
    bench, stop, seen = Bench(), asyncio.Event(), list[Backlog]()
    await publish(broker, b"1", b"2")
    await broker.jetstream.publish(TTK_COLLECTOR.subject, b"another's")
    async with consuming(broker, FB_COLLECTOR, bench.work):
        await eventually(partial(has_done, bench, 2))
        await eventually_waiting(broker, 0)

    async def note(backlog: Backlog) -> None:
        seen.append(backlog)
        stop.set()

    metrics = ConsumerMetrics(CollectorRegistry(), "fb-collector")
    await watch_backlog(broker, FB_COLLECTOR, metrics, note, stop)

    assert (seen[0].messages, seen[0].oldest_at, seen[0].first_sequence) == (0, None, 4)


async def test_a_consumer_that_was_deleted_is_made_again_and_misses_nothing(broker: Broker) -> None:
    bench = Bench()
    again = partial(make_again, broker.jetstream, FB_COLLECTOR, ACK_WAIT_SECONDS)
    async with consuming(broker, FB_COLLECTOR, bench.work, on_missing=again):
        await publish(broker, b"before")
        await eventually(lambda: has_done(bench, 1))

        await broker.jetstream.delete_consumer(FB_COLLECTOR.stream, FB_COLLECTOR.name)
        await publish(broker, b"after")

        await eventually(lambda: has_done(bench, 2))
    await eventually_waiting(broker, 0)


async def test_a_missing_consumer_is_not_asked_for_all_the_time(broker: Broker) -> None:
    await broker.jetstream.delete_consumer(FB_COLLECTOR.stream, FB_COLLECTOR.name)
    missed = 0

    async def on_missing() -> None:
        nonlocal missed
        missed += 1

    async with (pull := a_pull(broker, FB_COLLECTOR, on_missing=on_missing)).open():
        assert await pull.fetch(5) == []

    assert missed == 2  # all are requested, and then one: each request waits
