"""One suite for the operator's function on ports in memory and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from functions.errors import Fault, Invalid
from functions.fb_collector.handler import handle as collect_facebook
from functions.masses import Mass, unpacked
from functions.messages import DeadLetter, Delivery
from functions.operator import answers, masses
from functions.operator.handler import (
    handle_discard,
    handle_list,
    handle_reopen,
    handle_show,
    handle_summary,
    handle_trail,
    show_elements,
)
from functions.operator.ports import DeadLetters, LetterFilter, Trails
from functions.operator.replay import handle_replay
from functions.parameters import Period
from runtime.bus.envelopes import encode, encode_letters
from runtime.bus.replaying import read_envelope
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.operating.trails import PostgresTrails
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import (
    NOON,
    a_facebook_event,
    a_letter,
    a_part,
    a_row,
    a_tiktok_event,
    letters_of,
    raw,
)
from tests.doubles.fakes_operator import FakeDeadLetters, FakeTrails
from tests.truth.recomputation import differences

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Desk:
    """The ports of an operator."""

    letters: DeadLetters
    trails: Trails
    keep: Callable[..., Awaitable[Any]]

    async def list(self, **params: str) -> answers.DeadLetterPage:
        return await handle_list([*params.items()], letters=self.letters)

    async def replay(self, **params: str) -> answers.Replayed:
        return await handle_replay(
            [*params.items()],
            letters=self.letters,
            read_envelope=read_envelope,
            correlation_id="operator",
        )

    async def discard(self, **params: str) -> answers.Discarded:
        return await handle_discard(
            [*params.items()], letters=self.letters, correlation_id="operator"
        )

    async def reopen(self, **params: str) -> answers.Reopened:
        return await handle_reopen(
            [*params.items()], letters=self.letters, correlation_id="operator"
        )

    async def show(self, letter: DeadLetter) -> answers.DeadLetter:
        shown = await handle_show(letter.id, letters=self.letters)
        assert shown
        return shown


async def keep_in_memory(fake: FakeDeadLetters, *letters: DeadLetter) -> None:
    fake.keep(*letters)


async def keep_on_postgres(pool: asyncpg.Pool, *letters: DeadLetter) -> None:
    await PostgresEventStore(pool).keep([letters_of(*letters)])


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


@pytest.fixture(params=["memory", "postgres"])
def desk(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> Desk:
    if request.param == "memory":
        fake = FakeDeadLetters()
        return Desk(fake, FakeTrails(fake), partial(keep_in_memory, fake))
    return Desk(PostgresDeadLetters(pool), PostgresTrails(pool), partial(keep_on_postgres, pool))


def a_valid_letter(event: dict[str, Any] | None = None, **fields: Any) -> DeadLetter:
    """A letter that an older contract had rejected."""
    event = event or a_facebook_event()
    payload = raw(event)
    return a_letter(
        **{"payload": payload, "event_id": event["eventId"], "source": event["source"]} | fields
    )


async def test_letters_are_listed_newest_first_in_pages(desk: Desk) -> None:
    letters = [a_letter(accepted_at=NOON + timedelta(seconds=n // 2)) for n in range(5)]
    await desk.keep(*letters)

    first = await desk.list(limit="2")
    second = await desk.list(limit="2", cursor=str(first.next_cursor))
    third = await desk.list(limit="2", cursor=str(second.next_cursor))

    listed = [letter.id for page in (first, second, third) for letter in page.letters]
    ordered = sorted(letters, key=lambda letter: (letter.accepted_at, letter.id), reverse=True)
    assert listed == [letter.id for letter in ordered]
    assert third.next_cursor is None


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, "abc"),
        ({"reason": "refused"}, "b"),
        ({"source": "TikTok"}, "c"),
        ({"field": "data.user.age"}, "ab"),
        ({"from": "2024-01-02"}, "b"),
        ({"to": "2024-01-01"}, "ac"),
        ({"state": "discarded"}, "d"),
        ({"state": "all", "source": "facebook"}, "abd"),
        ({"reason": "refused", "source": "tiktok"}, ""),
    ],
)
async def test_letters_are_filtered(desk: Desk, params: dict[str, str], found: str) -> None:
    letters = {
        "a": a_letter(),
        "b": a_letter(reason="refused", accepted_at=NOON + timedelta(days=1)),
        "c": a_letter(source="tiktok", fault=Fault("eventType", "literal_error", "No")),
        "d": a_letter(),
    }
    await desk.keep(*letters.values())
    await desk.discard(id=str(letters["d"].id))

    listed = {letter.id for letter in (await desk.list(**params)).letters}
    summary = await handle_summary([*params.items()], letters=desk.letters)

    assert {name for name, letter in letters.items() if letter.id in listed} == set(found)
    assert summary.total_letters == len(found)


async def test_letters_are_counted_by_day_reason_and_field(desk: Desk) -> None:
    next_day = NOON + timedelta(days=1)
    other = Fault("", "json_invalid", "No")
    await desk.keep(
        a_letter(),
        a_letter(),
        a_letter(fault=other),
        a_letter(reason="refused"),
        a_letter(accepted_at=next_day),
    )

    summary = await handle_summary([], letters=desk.letters)

    assert [(str(c.day), c.reason, c.field, c.letters) for c in summary.counts] == [
        ("2024-01-02", "rejected", "data.user.age", 1),
        ("2024-01-01", "refused", "data.user.age", 1),
        ("2024-01-01", "rejected", "", 1),
        ("2024-01-01", "rejected", "data.user.age", 2),
    ]


async def test_a_letter_is_shown_with_its_bytes(desk: Desk) -> None:
    text, noise = a_letter(payload='{"ä":1}'.encode()), a_letter(payload=b"\xff\0")
    await desk.keep(text, noise)

    assert (await desk.show(text)).payload == '{"ä":1}'
    shown = await desk.show(noise)

    assert (shown.payload_encoding, shown.payload, shown.payload_bytes) == ("base64", "/wA=", 2)
    assert (shown.event_id, shown.history) == ("fb-1", ())
    assert await handle_show(uuid4(), letters=desk.letters) is None


async def test_the_newest_events_are_those_of_the_latest_time_that_has_come(desk: Desk) -> None:
    times = {"fb-old": -2, "fb-new": -1, "fb-to-come": 3}
    now = datetime.now(UTC).replace(microsecond=0)
    events = [
        a_facebook_event(eventId=name, timestamp=(now + timedelta(hours=hours)).isoformat())
        for name, hours in times.items()
    ]
    await desk.keep(*(a_valid_letter(event) for event in events))
    await desk.replay()

    newest = await desk.trails.find_newest(limit=10)

    assert [it.event_id for it in newest] == ["fb-new", "fb-old"]
    assert newest[0].occurred_at == now - timedelta(hours=1)
    assert [it.event_id for it in await desk.trails.find_newest(limit=1)] == ["fb-new"]


async def test_replayed_events_are_stored_like_new_ones(desk: Desk) -> None:
    event = a_facebook_event()
    letter = a_valid_letter(event, correlation_id="first", accepted_at=NOON)
    await desk.keep(letter)

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.failed, replayed.stored) == (1, 0, 1)
    trail = await handle_trail("facebook", event["eventId"], trails=desk.trails)
    assert trail
    assert trail.event
    assert (trail.event.correlation_id, trail.event.accepted_at) == ("first", NOON)
    assert trail.event.payload.encode() == letter.payload
    assert [(dead.id, dead.state) for dead in trail.dead_letters] == [(letter.id, "replayed")]


async def test_a_replay_that_is_repeated_changes_nothing(desk: Desk) -> None:
    letter = a_valid_letter(a_tiktok_event())
    await desk.keep(letter, a_valid_letter(position=1, payload=letter.payload))

    first, second = await desk.replay(), await desk.replay()

    assert (first.replayed, first.stored, first.duplicates) == (2, 1, 1)
    assert (second.replayed, second.failed, second.next_cursor) == (0, 0, None)
    assert [each.action for each in (await desk.show(letter)).history] == ["replayed"]
    assert (await desk.list()).letters == ()


async def test_a_still_invalid_letter_stays_open_and_records_the_try(desk: Desk) -> None:
    letter = a_valid_letter(a_facebook_event(user={"age": "old"}))
    await desk.keep(letter)

    replayed = await desk.replay(reason="rejected")

    assert (replayed.replayed, replayed.failed, replayed.stored) == (0, 1, 0)
    shown = await desk.show(letter)
    assert shown.state == "open"
    [happening] = shown.history
    assert (happening.action, happening.field, happening.correlation_id) == (
        *("failed", "data.user.age", "operator"),
    )


async def test_a_dry_run_says_what_would_be_and_changes_nothing(desk: Desk) -> None:
    letter = a_valid_letter()
    await desk.keep(letter, a_letter())

    dry = await desk.replay(dryRun="true")
    given_up = await desk.discard(source="facebook", dryRun="true")

    assert (dry.dry_run, dry.replayed, dry.failed, dry.stored) == (True, 1, 1, 1)
    assert given_up.discarded == 2
    assert len((await desk.list()).letters) == 2
    assert (await desk.show(letter)).history == ()
    trail = await handle_trail("facebook", str(letter.event_id), trails=desk.trails)
    assert trail
    assert trail.event is None


async def test_pages_of_a_replay_pass_over_what_fails(desk: Desk) -> None:
    moments = [NOON + timedelta(seconds=n) for n in range(3)]
    broken, *valid = (
        a_letter(accepted_at=moments[0]),
        *(a_valid_letter(accepted_at=moment) for moment in moments[1:]),
    )
    await desk.keep(broken, *valid)

    first = await desk.replay(limit="2")
    second = await desk.replay(limit="2", cursor=str(first.next_cursor))
    third = await desk.replay(limit="2", cursor=str(second.next_cursor))

    assert (first.failed, first.replayed) == (1, 1)
    assert (second.failed, second.replayed) == (0, 1)
    assert third.next_cursor is None


async def test_invalid_events_of_a_replayed_envelope_are_letters(desk: Desk) -> None:
    good, bad = raw(a_facebook_event(eventId="fb-good")), raw({"eventId": "fb-bad"})
    letter = a_letter(
        reason="unreadable",
        payload=encode("facebook", [a_part(good, bad, correlation_id="inner")]),
        event_id=None,
        correlation_id=None,
    )
    await desk.keep(letter)

    replayed = await desk.replay(reason="unreadable")

    assert (replayed.replayed, replayed.stored) == (1, 1)
    trail = await handle_trail("facebook", "fb-good", trails=desk.trails)
    assert trail
    assert trail.event
    assert trail.event.correlation_id == "inner"
    assert (await desk.show(letter)).history[0].events == 1


async def test_an_envelope_of_letters_becomes_its_letters(pool: asyncpg.Pool) -> None:
    inner = a_letter(event_id="fb-inner")
    await keep_on_postgres(
        pool,
        a_letter(reason="unreadable", source=None, payload=encode_letters([inner]), event_id=None),
    )
    desk = Desk(PostgresDeadLetters(pool), PostgresTrails(pool), partial(keep_on_postgres, pool))

    await desk.replay(reason="unreadable")

    assert [letter.id for letter in (await desk.list()).letters] == [inner.id]


async def test_a_letter_that_is_not_an_envelope_stays_open(desk: Desk) -> None:
    await desk.keep(*(a_letter(reason="unreadable", source=source) for source in ("tiktok", None)))

    assert (await desk.replay()).failed == 2


async def test_what_the_store_refuses_fails_alone() -> None:
    fake = FakeDeadLetters()
    fake.store.refuses = lambda row: row.event_id == "fb-2"
    letters = [a_valid_letter(a_facebook_event(eventId=f"fb-{n}")) for n in range(5)]
    await keep_in_memory(fake, *letters)
    desk = Desk(fake, FakeTrails(fake), partial(keep_in_memory, fake))

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.failed, replayed.stored) == (4, 1, 4)
    [happening] = (await desk.show(letters[2])).history
    assert (happening.action, happening.code) == ("failed", "22003")


def a_mass(*elements: bytes, **fields: Any) -> DeadLetter:
    """The dead letter of many events of one request."""
    mass = Mass()
    mass.add(elements)
    return a_letter(
        fault=mass.fault,
        payload=mass.finish(),
        elements=mass.elements,
        source=None,
        event_id=None,
        **fields,
    )


GOOD = [raw(a_facebook_event(eventId=f"fb-{n}", pad="x" * 300)) for n in range(40)]
BAD = [raw(a_tiktok_event(eventId=f"ttk-{n}", source="snapchat")) for n in range(30)]


async def open_letters(desk: Desk) -> list[answers.DeadLetterHead]:
    return list((await desk.list()).letters)


async def test_what_is_valid_in_a_mass_is_stored_and_the_rest_stays_dead(desk: Desk) -> None:
    mass = a_mass(b"1", *GOOD[:20], *BAD, b"", *GOOD[20:])
    await desk.keep(mass)

    tried = await desk.replay(dryRun="true")
    replayed = await desk.replay()
    again = await desk.replay()
    await desk.keep(mass)  # the same request again

    assert (tried.replayed, tried.stored, tried.dry_run) == (1, 40, True)
    assert (replayed.replayed, replayed.failed, replayed.stored) == (1, 0, 40)
    assert (again.replayed, again.failed, again.stored, again.duplicates) == (0, 1, 0, 0)
    shown = await desk.show(mass)
    assert (shown.state, shown.elements) == ("replayed", 72)
    assert [it.events for it in shown.history] == [40]
    (rest,) = await open_letters(desk)
    kept = await desk.letters.find(rest.id)
    assert kept
    assert (rest.elements, rest.code, rest.correlation_id) == (32, "many_invalid", "test")
    assert list(unpacked(kept.payload)) == [b"1", *BAD, b""]
    assert [it.action for it in kept.history] == ["failed"]


async def test_of_a_mass_that_lives_whole_nothing_is_left(desk: Desk) -> None:
    await desk.keep(a_mass(*GOOD), a_mass(*GOOD[:20], BAD[0]))

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.stored, replayed.duplicates) == (2, 40, 20)
    (rest,) = await open_letters(desk)
    assert (rest.elements, rest.event_id if isinstance(rest, answers.DeadLetter) else None) == (
        1,
        None,
    )
    assert (rest.field, rest.code) == ("source", "literal_error")
    shown = await handle_show(rest.id, letters=desk.letters)
    assert shown
    assert (shown.payload, shown.event_id) == (BAD[0].decode(), "ttk-0")


async def test_a_mass_without_a_valid_event_stays_as_it_is(desk: Desk) -> None:
    mass = a_mass(*BAD)
    await desk.keep(mass)

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.failed, replayed.stored) == (0, 1, 0)
    shown = await desk.show(mass)
    assert [it.action for it in shown.history] == ["failed"]
    assert [it.id for it in await open_letters(desk)] == [mass.id]


async def test_the_rests_of_two_masses_are_two_letters(desk: Desk) -> None:
    await desk.keep(a_mass(GOOD[0], *BAD), a_mass(GOOD[1], *BAD))

    await desk.replay()

    assert [it.elements for it in await open_letters(desk)] == [30, 30]


async def test_a_mass_is_shown_by_its_beginning_and_exported_whole(desk: Desk) -> None:
    small, large = a_mass(b"1", b"[2]", b"\xc3\xa4"), a_mass(*(b"x" * 1000 for _ in range(100)))
    await desk.keep(small, large)

    shown, beginning = await desk.show(small), await desk.show(large)
    kept = await desk.letters.find(large.id)
    summary = await handle_summary([], letters=desk.letters)

    assert (shown.payload, shown.payload_encoding) == ("1\n[2]\n\xe4", "utf-8")
    assert (shown.elements, shown.payload_truncated) == (3, False)
    assert (beginning.elements, beginning.payload_truncated) == (100, True)
    assert len(beginning.payload) == 65_536
    assert kept
    assert [it.payload for it in show_elements(kept)] == ["x" * 1000] * 100
    assert (summary.total_letters, [it.elements for it in summary.counts]) == (2, [103])


async def test_a_mass_is_stored_some_megabytes_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masses, "_PIECE_BYTES", 3000)
    mass = a_mass(*GOOD, *BAD)
    await desk.keep(mass)

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.stored) == (1, 40)
    assert [it.events for it in (await desk.show(mass)).history] == [40]
    assert [it.elements for it in await open_letters(desk)] == [30]


async def test_what_the_store_refuses_in_a_mass_stays_dead_alone() -> None:
    fake = FakeDeadLetters()
    fake.store.refuses = lambda row: row.event_id in {"fb-3", "fb-20"}
    desk = Desk(fake, FakeTrails(fake), partial(keep_in_memory, fake))
    await desk.keep(a_mass(*GOOD))

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.stored) == (1, 38)
    (rest,) = fake.store.letters.values()
    assert list(unpacked(rest.payload)) == [GOOD[3], GOOD[20]]


async def test_one_event_of_a_mass_that_the_store_refuses_is_a_letter_as_others_are() -> None:
    fake = FakeDeadLetters()
    fake.store.refuses = lambda row: row.event_id == "fb-3"
    desk = Desk(fake, FakeTrails(fake), partial(keep_in_memory, fake))
    await desk.keep(a_mass(*GOOD))

    await desk.replay()

    (rest,) = fake.store.letters.values()
    assert (rest.payload, rest.elements, rest.event_id) == (GOOD[3], 1, "fb-3")


async def test_a_damaged_mass_stays_open(desk: Desk) -> None:
    await desk.keep(a_letter(payload=b"no mass", elements=5))

    replayed = await desk.replay()

    assert (replayed.replayed, replayed.failed) == (0, 1)
    assert [it.elements for it in await open_letters(desk)] == [5]


async def test_what_is_given_up_keeps_its_bytes_and_is_not_replayed(desk: Desk) -> None:
    letter = a_valid_letter()
    await desk.keep(letter, a_letter(source="tiktok"))

    given_up = await desk.discard(source="facebook")
    replayed = await desk.replay(source="facebook")

    assert (given_up.discarded, replayed.replayed) == (1, 0)
    shown = await desk.show(letter)
    assert (shown.state, shown.payload) == ("discarded", letter.payload.decode())
    assert [each.action for each in shown.history] == ["discarded"]


async def test_what_was_given_up_comes_back_and_is_replayed(desk: Desk) -> None:
    letter, other = a_valid_letter(), a_letter(source="tiktok")
    await desk.keep(letter, other)
    await desk.discard(source="facebook")

    dry = await desk.reopen(source="facebook", dryRun="true")
    still = (await desk.show(letter)).state
    back = await desk.reopen(source="facebook")
    again = await desk.reopen(source="facebook")
    replayed = await desk.replay(source="facebook")

    assert (dry.dry_run, dry.reopened, still) == (True, 1, "discarded")
    assert (back.dry_run, back.reopened, again.reopened) == (False, 1, 0)
    assert (replayed.replayed, replayed.stored) == (1, 1)
    shown = await desk.show(letter)
    assert shown.state == "replayed"
    assert [each.action for each in shown.history] == ["discarded", "reopened", "replayed"]
    assert {each.correlation_id for each in shown.history} == {"operator"}
    assert (await desk.show(other)).history == ()


async def test_only_what_was_given_up_comes_back(desk: Desk) -> None:
    letter = a_valid_letter()
    await desk.keep(letter, a_letter())
    await desk.replay()

    any_state = LetterFilter(Period(None, None), state=None)
    reopened = await desk.letters.reopen(any_state, correlation_id="operator", dry_run=False)

    assert reopened == 0
    assert (await desk.show(letter)).state == "replayed"


async def test_what_lives_is_not_given_up(desk: Desk) -> None:
    letter = a_valid_letter()
    await desk.keep(letter)
    await desk.replay()

    any_state = LetterFilter(Period(None, None), state=None)
    discarded = await desk.letters.discard(any_state, correlation_id="operator", dry_run=False)

    assert discarded == 0
    assert (await desk.show(letter)).state == "replayed"


async def test_all_is_not_given_up_at_once(desk: Desk) -> None:
    with pytest.raises(Invalid, match="at least one filter"):
        await desk.discard()
    with pytest.raises(Invalid, match="at least one filter"):
        await desk.reopen()


async def test_replays_at_the_same_time_store_each_event_once(pool: asyncpg.Pool) -> None:
    desk = Desk(PostgresDeadLetters(pool), PostgresTrails(pool), partial(keep_on_postgres, pool))
    letters = [a_valid_letter() for _ in range(80)]
    await desk.keep(*letters)

    results = await asyncio.gather(*(desk.replay() for _ in range(4)))

    assert sum(result.replayed for result in results) == len(letters)
    assert sum(result.stored for result in results) == len(letters)
    assert await differences(pool.fetch) == {}


async def test_letters_are_read_in_bounded_bytes_but_one_at_least(pool: asyncpg.Pool) -> None:
    letters = PostgresDeadLetters(pool)
    desk = Desk(letters, PostgresTrails(pool), partial(keep_on_postgres, pool))
    large = [a_letter(payload=bytes([n]) * 5 * 1024**2) for n in range(3)]
    await desk.keep(*large)

    pages = [await desk.replay()]
    while pages[-1].next_cursor:
        pages.append(await desk.replay(cursor=pages[-1].next_cursor))

    assert [page.failed for page in pages] == [1, 1, 1, 0]


@pytest.mark.parametrize("event_id", ["a/b", "a\nb\n", " ", "%2F", "ÿ😀", "'\"\\", "x" * 200])
async def test_a_trail_is_found_by_any_id(pool: asyncpg.Pool, event_id: str) -> None:
    await PostgresEventStore(pool).store([a_row(event_id, payload='{"a": 1.0}')])

    trail = await handle_trail("facebook", event_id, trails=PostgresTrails(pool))
    other = await handle_trail("tiktok", event_id, trails=PostgresTrails(pool))

    assert trail
    assert trail.event
    assert trail.event.payload == '{"a": 1.0}'
    assert other is None


async def test_a_trail_tells_how_the_event_came(desk: Desk, pool: asyncpg.Pool) -> None:
    delivery = Delivery(NOON + timedelta(seconds=1), 42, 3)
    event = raw(a_facebook_event(eventId="fb-1"))
    store = desk.letters.store if isinstance(desk.letters, FakeDeadLetters) else None
    part = replace(a_part(event, trace_parent=TRACE), delivery=delivery)
    await collect_facebook([part], store=store or PostgresEventStore(pool))

    trail = await handle_trail("facebook", "fb-1", trails=desk.trails)

    assert trail
    assert trail.event
    told = (trail.event.published_at, trail.event.stream_sequence, trail.event.deliveries)
    assert told == delivery[:3]
    assert trail.event.trace_parent == TRACE


async def test_what_was_replayed_was_on_no_bus_and_keeps_its_trace(desk: Desk) -> None:
    letter = a_valid_letter(a_facebook_event(eventId="fb-1"), trace_parent=TRACE)
    await desk.keep(letter)

    await desk.replay()

    assert (await desk.show(letter)).trace_parent == TRACE
    trail = await handle_trail("facebook", "fb-1", trails=desk.trails)
    assert trail
    assert trail.event
    assert (trail.event.published_at, trail.event.deliveries) == (None, None)
    assert trail.event.trace_parent == TRACE


async def test_dead_events_have_a_trail_whatever_their_source(desk: Desk) -> None:
    await desk.keep(a_letter(source=None), a_letter(source="tiktok"), a_letter(event_id="fb-2"))

    trail = await handle_trail("facebook", "fb-1", trails=desk.trails)

    assert trail
    assert (trail.event, len(trail.dead_letters)) == (None, 1)


@pytest.mark.parametrize(
    ("source", "event_id"), [("facebook", "fb-0"), ("x", "1"), ("tiktok", "\0")]
)
async def test_what_left_no_trace_has_no_trail(desk: Desk, source: str, event_id: str) -> None:
    assert await handle_trail(source, event_id, trails=desk.trails) is None
