import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from functions.errors import Fault, Unavailable
from functions.events import EVENT_TYPES
from functions.events.judging import MAX_FAULTS, SMALLEST_EVENT_BYTES, Beginning, judge
from functions.gateway.dry_run import DryRun
from functions.gateway.handler import MAX_ERRORS, Receipt, Rejection, handle
from functions.gateway.rejections import MAX_LETTERS
from functions.masses import unpacked
from functions.messages import DeadLetter
from tests.builders import NOON, a_facebook_event, a_tiktok_event, raw
from tests.doubles.fakes import FakeBus

GOOD = raw(a_facebook_event())
BAD = raw(a_facebook_event(eventId="fb-bad", user={"age": "old"}))
FAULT = Fault("data.user.age", "int_type", "Input should be a valid integer")


async def take(bus: FakeBus, *windows: Sequence[bytes]) -> Receipt:
    return await handle(windows, correlation_id="corr", accepted_at=NOON, bus=bus)


async def test_valid_events_go_to_the_bus_of_their_source_as_they_came() -> None:
    bus, tiktok = FakeBus(), raw(a_tiktok_event())

    receipt = await take(bus, [GOOD, tiktok, GOOD])

    assert receipt.accepted == {"facebook": 2, "tiktok": 1}
    assert (receipt.rejected_total, receipt.errors) == (0, [])
    assert [part.events for part in bus.parts["facebook"]] == [[GOOD, GOOD]]
    assert [part.events for part in bus.parts["tiktok"]] == [[tiktok]]


async def test_all_that_is_wrong_with_an_event_is_said_in_the_order_of_its_fields() -> None:
    bus = FakeBus()
    bad = raw(a_facebook_event(eventId="fb-1", user={"age": "old", "gender": "x", "name": 1}))

    receipt = await take(bus, [GOOD, bad, b"[]"])

    assert [(it.index, it.event_id, it.fault.field) for it in receipt.errors] == [
        (1, "fb-1", "data.user.name"),
        (1, "fb-1", "data.user.age"),
        (1, "fb-1", "data.user.gender"),
        (2, None, ""),
    ]
    assert (receipt.rejected_total, receipt.errors_truncated) == (2, False)
    assert [letter.fault.field for letter in bus.letters] == ["data.user.name", ""]


async def test_of_one_event_ten_faults_are_said_and_of_a_request_a_hundred() -> None:
    empty = raw(
        a_facebook_event()
        | {"data": {"user": {}, "engagement": {}}, "timestamp": 1, "eventType": "x", "eventId": 1}
    )

    one = await take(FakeBus(), [empty])
    ten = await take(FakeBus(), [empty] * 10)
    more = await take(FakeBus(), [empty] * 9 + [BAD] * 10, [empty])

    assert len(one.errors) == MAX_FAULTS
    assert [it.index for it in ten.errors] == [it for it in range(10) for _ in range(10)]
    assert (one.errors_truncated, ten.errors_truncated) == (False, False)
    assert (len(more.errors), more.errors_truncated) == (MAX_ERRORS, True)


async def test_an_event_beyond_a_low_limit_is_rejected_though_it_is_kept_whole() -> None:
    bus = FakeBus()

    receipt = await take(bus, [Beginning(GOOD, len(GOOD) - 1), GOOD])

    assert [it.fault.code for it in receipt.errors] == ["event_too_large"]
    assert ([letter.payload for letter in bus.letters], bus.events) == ([GOOD], [GOOD])


async def test_a_dry_run_judges_and_keeps_nothing() -> None:
    bus, real = FakeBus(), FakeBus()

    receipt = await handle(
        [[GOOD, BAD], [b"1"] * 3000],
        correlation_id="corr",
        accepted_at=NOON,
        bus=DryRun(bus),
    )
    same = await take(real, [GOOD, BAD], [b"1"] * 3000)

    assert receipt == same
    assert (bus.events, bus.letters) == ([], [])
    assert real.letters


async def test_the_request_is_known_wherever_its_events_go() -> None:
    bus = FakeBus()

    await take(bus, [GOOD, BAD])

    (part,), (letter,) = bus.parts["facebook"], bus.letters
    assert (part.correlation_id, part.accepted_at) == ("corr", NOON)
    assert (letter.correlation_id, letter.accepted_at) == ("corr", NOON)


async def test_an_invalid_event_is_a_dead_letter_and_does_not_harm_those_beside_it() -> None:
    bus = FakeBus()

    receipt = await take(bus, [GOOD, BAD, GOOD])

    assert receipt.accepted_total == 2
    assert receipt.rejected == {"facebook": 1, "tiktok": 0, None: 0}
    assert receipt.errors == [Rejection(1, "fb-bad", FAULT)]
    assert bus.letters == [
        DeadLetter("rejected", FAULT, BAD, NOON, 1, "facebook", "fb-bad", "corr")
    ]


async def test_places_are_counted_over_all_windows() -> None:
    bus = FakeBus()

    receipt = await take(bus, [GOOD], [], [BAD, GOOD], [BAD])

    assert [error.index for error in receipt.errors] == [1, 3]
    assert [letter.position for letter in bus.letters] == [1, 3]


async def test_a_repeated_request_makes_the_same_dead_letters() -> None:
    bus = FakeBus()

    await take(bus, [BAD, BAD])
    await take(bus, [BAD, BAD])

    assert len(bus.letters) == 4
    assert len({letter.id for letter in bus.letters}) == 2


async def test_the_receipt_explains_a_hundred_and_counts_all() -> None:
    bus = FakeBus()

    receipt = await take(bus, [b"1"] * (MAX_ERRORS + 50))

    assert receipt.rejected == {"facebook": 0, "tiktok": 0, None: 150}
    assert len(receipt.errors) == 100
    assert len(bus.letters) == 150


async def test_an_empty_array_is_also_a_request() -> None:
    bus = FakeBus()

    receipt = await take(bus, [])

    assert (receipt.accepted_total, receipt.rejected_total) == (0, 0)
    assert bus.events == []


@pytest.mark.parametrize("event", [GOOD, BAD])
async def test_nothing_is_acknowledged_that_the_bus_does_not_take(event: bytes) -> None:
    bus = FakeBus(failure=Unavailable("away"))

    with pytest.raises(Unavailable):
        await take(bus, [event])


async def test_a_window_is_published_before_the_next_is_split() -> None:
    bus, published = FakeBus(), []

    def windows() -> Iterator[Sequence[bytes]]:
        for _ in range(3):
            published.append(len(bus.events))
            yield [GOOD]

    await handle(windows(), correlation_id="corr", accepted_at=NOON, bus=bus)

    assert published == [0, 1, 2]


@pytest.mark.parametrize("windows", [[[GOOD] * 1000], [[]] * 6, [[GOOD]] * 6])
async def test_others_have_their_turn_in_a_large_request(windows: list[list[bytes]]) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await take(FakeBus(), *windows)
    counting.cancel()

    assert turns >= 4


@pytest.mark.parametrize("is_valid", [True, False])
async def test_an_event_that_no_bus_can_carry_is_rejected_alone(*, is_valid: bool) -> None:
    bus = FakeBus(max_event_bytes=1_500_000)
    user = {} if is_valid else {"user": {"age": "old"}}
    large = raw(a_facebook_event(eventId="fb-large", pad="x" * 2_000_000, **user))

    receipt = await take(bus, [GOOD, large, GOOD])

    assert receipt.accepted_total == 2
    assert [rejection.event_id for rejection in receipt.errors] == ["fb-large"]
    assert [part.events for part in bus.parts["facebook"]] == [[GOOD, GOOD]]
    (letter,) = bus.letters
    assert letter.fault.code == ("event_too_large" if is_valid else "int_type")
    assert letter.payload == large[: len(letter.payload)]
    assert 0 < len(letter.payload) < 100_000


def many(number: int, *, beside: Sequence[bytes] = ()) -> Sequence[Sequence[bytes]]:
    """Windows of so many invalid events, large and small, with some others at the end."""
    bad = [BAD if it % 2 else b"%d" % it for it in range(number)]
    return [bad[start : start + 700] for start in range(0, number, 700)] + [list(beside)]


async def test_beyond_a_thousand_the_rejected_events_of_a_request_are_one_letter() -> None:
    bus = FakeBus()
    windows = many(5000, beside=[GOOD, b"", GOOD, BAD])

    receipt = await take(bus, *windows)

    *alone, mass = bus.letters
    assert (receipt.accepted_total, receipt.rejected_total) == (2, 5002)
    assert len(receipt.errors) == MAX_ERRORS
    assert bus.events == [GOOD, GOOD]
    assert [letter.position for letter in alone] == list(range(MAX_LETTERS))
    assert (mass.elements, mass.position, mass.source) == (4002, MAX_LETTERS, None)
    assert (mass.fault.code, mass.reason) == ("many_invalid", "rejected")
    assert "4002" in mass.fault.message
    bad = [event for window in windows for event in window if event != GOOD]
    assert [*(letter.payload for letter in alone), *unpacked(mass.payload)] == bad


async def test_a_repeated_request_of_masses_makes_the_same_dead_letters() -> None:
    bus = FakeBus()

    await take(bus, *many(3000))
    await take(bus, *many(3000))
    await take(bus, *many(3001))

    assert len(bus.letters) == 3 * (MAX_LETTERS + 1)
    assert len({letter.id for letter in bus.letters}) == MAX_LETTERS + 2


@pytest.mark.parametrize(("number", "letters"), [(999, 999), (1000, 1000), (1001, 1001)])
async def test_one_event_beyond_a_thousand_is_a_letter_as_others_are(
    number: int, letters: int
) -> None:
    bus = FakeBus()

    receipt = await take(bus, [BAD] * number)

    assert receipt.rejected_total == number
    assert len(bus.letters) == letters
    assert {letter.elements for letter in bus.letters} == {1}
    assert bus.letters[-1].payload == BAD
    assert bus.letters[-1].fault == FAULT
    assert bus.letters[-1].position == number - 1


async def test_a_mass_that_is_full_is_published_and_the_next_begins() -> None:
    bus = FakeBus(mass_bytes=100_000)
    noise = [Random(number).randbytes(1000) for number in range(1500)]

    receipt = await take(bus, *(noise[start : start + 100] for start in range(0, 1500, 100)))

    masses = bus.letters[MAX_LETTERS:]
    assert receipt.rejected_total == 1500
    assert len(masses) > 3
    assert all(len(letter.payload) < 180_000 for letter in masses)
    assert [raw for letter in masses for raw in unpacked(letter.payload)] == noise[MAX_LETTERS:]
    assert sum(letter.elements for letter in bus.letters) == 1500


async def test_a_beginning_is_in_a_mass_as_it_is_kept() -> None:
    bus = FakeBus()
    beginning = Beginning(b'{"a":"' + b"x" * 70_000, 65_000)

    await take(bus, [b"1"] * MAX_LETTERS, [beginning, b"2"])

    assert list(unpacked(bus.letters[-1].payload)) == [beginning, b"2"]


@pytest.mark.parametrize("build", [a_facebook_event, a_tiktok_event])
@pytest.mark.parametrize("stage", ["top", "bottom"])
def test_no_event_is_smaller_than_the_smallest(build: Any, stage: str) -> None:
    event = build(eventId="x", timestamp="2024-01-01T00:00:00Z", funnelStage=stage)
    types = {f"{source} {where}": names for (source, where), names in EVENT_TYPES.items()}
    event["eventType"] = min(types[f"{event['source']} {stage}"], key=len)
    user, engagement = event["data"]["user"], event["data"]["engagement"]
    user |= {key: "" for key in ("userId", "name", "username") if key in user}
    user |= {"location": {"country": "", "city": ""}} if "location" in user else {}
    engagement |= {
        key: "" for key in ("adId", "campaignId", "country", "videoId") if key in engagement
    }

    text = raw(event)

    judge(text)
    assert len(text) > SMALLEST_EVENT_BYTES + 20
