"""Old days are archived and restored on a real database: nothing is lost or counted twice."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import boto3
import pytest

from functions.errors import Invalid
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import EnvelopeOutcome, Stored
from functions.operator.handler import handle_show
from functions.operator.replay import handle_replay
from functions.parameters import Period
from functions.reporter.demographics_report import handle_demographics
from functions.reporter.events_report import handle_events
from functions.reporter.handler import to_json
from functions.reporter.revenue_report import handle_revenue
from runtime.archiving import parquet, retaining
from runtime.archiving.errors import ArchiveFailed
from runtime.archiving.pages import read_pages
from runtime.archiving.places import ArchivePlace, Folder, open_place
from runtime.archiving.retaining import KnownDay, alone, known_days, let_events_go, prove, restore
from runtime.bus.replaying import read_envelope
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.pool import opened
from runtime.postgres.reporting.reports import PostgresReports
from runtime.postgres.retention import KEPT_FROM
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import (
    a_facebook_event,
    a_letter,
    a_part,
    a_purchase,
    a_record,
    a_row,
    a_sale,
    an_envelope,
    raw,
    records,
)
from tests.contract.test_reports_oracle import DAYS, START, deliver
from tests.truth.recomputation import differences

ANSWERS: dict[str, Any] = {
    "events": handle_events,
    "revenue": handle_revenue,
    "demographics": handle_demographics,
}
LEFT_OVER = """
    SELECT 'payloads', id, NULL::smallint FROM payload_blocks
    WHERE id NOT IN (SELECT block FROM events)
    UNION ALL
    SELECT 'arrivals', block, number FROM arrivals
    WHERE (block, number) NOT IN (SELECT block, arrival FROM events)
"""
ONLY_DAY = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


def silent(_step: str) -> None:
    pass


def keep_days(first_kept: datetime) -> int:
    return (datetime.now(UTC) - first_kept).days


async def let_go(
    pool: asyncpg.Pool, place: ArchivePlace, first_kept: datetime, *, tell: Any = silent
) -> list[KnownDay]:
    gone = let_events_go(pool, place, keep_days(first_kept), restored=False, tell=tell)
    return [day async for day in gone]


async def everything(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    pages = [page async for page in read_pages(pool, Period(None, None), None)]
    return sorted(row for page in pages for row in page)


async def answers(pool: asyncpg.Pool, questions: list[dict[str, str]]) -> list[Any]:
    return [await answer(pool, **question) for question in questions]


async def answer(pool: asyncpg.Pool, report: str, **params: str) -> Any:
    named = [(name.strip("_"), text) for name, text in params.items()]
    try:
        return json.loads(to_json(await ANSWERS[report](named, reports=PostgresReports(pool))))
    except Invalid as invalid:
        return [(fault.field, fault.code) for fault in invalid.faults]


def some_questions(dice: Random, number: int) -> Iterator[dict[str, str]]:
    """Ask for ranges of whole minutes, and of whole hours for demographics."""
    minutes = DAYS * 1440
    for _ in range(number):
        report = dice.choice(["events", "revenue", "revenue", "demographics"])
        step = dice.choice([1440, 60]) if report == "demographics" else dice.choice([1440, 60, 1])
        start, end = sorted(
            START + timedelta(minutes=at // step * step) for at in dice.sample(range(minutes), 2)
        )
        if start == end:
            end += timedelta(minutes=step)
        question = {
            "report": report,
            "from_": start.isoformat().replace("+00:00", "Z"),
            "to": end.isoformat().replace("+00:00", "Z"),
            "limit": "7",
            "source": dice.choice(["", "facebook", "tiktok"]),
            "campaignId": dice.choice(["", "", "a", "B"]) if report == "revenue" else "",
            "interval": dice.choice(["", "hour", "day", "week"]),
            "timezone": dice.choice(["UTC", "Europe/Kyiv", "Asia/Kathmandu"]),
        }
        if report == "demographics":
            del question["interval"]
        if report == "events":
            del question["limit"]
        yield {name: text for name, text in question.items() if text}


async def test_archived_days_change_no_report_and_are_restored_unchanged(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    dice = Random(7)
    await deliver(pool, dice)
    questions = list(some_questions(dice, 150))
    ragged = [
        {"report": "events", "from_": "2024-02-20T10:00:00.500Z"},
        {"report": "revenue", "to": "2024-02-20T10:00:01Z", "campaignId": "a"},
        {"report": "demographics", "from_": "2024-02-20T10:30:00Z"},
    ]
    kept, before, exact = (
        await everything(pool),
        await answers(pool, questions),
        await answers(pool, ragged),
    )
    first_kept = START + timedelta(days=30)
    place = Folder(tmp_path)

    gone = await let_go(pool, place, first_kept)

    assert {day.key.source for day in gone} == {"facebook", "tiktok"}
    assert sum(day.events for day in gone) > 100
    assert await everything(pool) == [row for row in kept if row[2] >= first_kept]
    for question, now, then in zip(questions, await answers(pool, questions), before, strict=True):
        assert now == then, question
    assert await answers(pool, ragged) == [[("from", "rows_archived")]] * 3
    assert await pool.fetch(LEFT_OVER) == []
    assert await let_go(pool, place, first_kept) == []

    for day in await known_days(pool, None, None):
        assert await restore(pool, place, day, silent)

    assert await everything(pool) == kept
    assert await pool.fetch(LEFT_OVER) == []
    assert await differences(pool.fetch) == {}
    assert await answers(pool, questions) == before
    assert await answers(pool, ragged) == exact
    assert await pool.fetchval("SELECT count(*) FROM campaign_minutes") == 0
    again = [
        day
        async for day in let_events_go(
            pool, place, keep_days(first_kept), restored=True, tell=silent
        )
    ]
    assert len(again) == len(gone)
    assert await answers(pool, questions) == before


async def test_an_event_that_was_taken_back_while_it_was_archived_is_not_restored(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    sales = [
        a_purchase("10", eventId=f"e-{number}", userKey="ab" * 16, campaignId="c", timestamp=at)
        for number, at in enumerate(
            ["2024-02-12T10:00:00Z", "2024-02-12T11:00:00Z", "2024-02-20T10:00:00Z"]
        )
    ]
    store, place = PostgresEventStore(pool), Folder(tmp_path)
    await collect_facebook([records(*sales)], store=store)
    await let_go(pool, place, START + timedelta(days=2))
    assert await pool.fetchval("SELECT count(*) FROM events") == 1

    taking_back = a_record("retraction", retractedId="e-0")
    await collect_facebook([records(taking_back)], store=store)
    for day in await known_days(pool, None, None):
        await restore(pool, place, day, silent)

    assert await pool.fetchval("SELECT count(*) FROM events") == 2
    assert await differences(pool.fetch) == {}
    report = await answer(pool, "revenue")
    assert (report["totalRevenue"], report["transactionCount"]) == ("20.00", 2)


async def test_a_block_goes_with_its_day_though_its_latest_event_was_taken_back(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    sales = [
        a_purchase("10", eventId=f"e-{hour}", timestamp=f"2024-02-12T{hour}:00:00Z")
        for hour in (10, 11, 12)
    ]
    store = PostgresEventStore(pool)
    await collect_facebook([records(*sales)], store=store)
    await collect_facebook([records(a_record("retraction", retractedId="e-12"))], store=store)
    assert await pool.fetchval("SELECT count(*) FROM events") == 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retaining, "_DROP_EVENTS", 1)
        await let_go(pool, Folder(tmp_path), START + timedelta(days=30))

    assert await pool.fetchval("SELECT count(*) FROM payload_blocks") == 0
    assert await pool.fetchval("SELECT count(*) FROM arrivals") == 0


class Crash(Exception):
    pass


def crash_at_each(seen: set[str]) -> Any:
    """Crash once at each step, at its first occurrence."""

    def tell(step: str) -> None:
        if step not in seen:
            seen.add(step)
            raise Crash

    return tell


async def test_a_crash_at_any_step_loses_and_doubles_nothing(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "_DROP_EVENTS", 3)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 4)
    rows = [
        a_sale(
            "1.25", str(n), campaign_id=f"c{n % 3}", occurred_at=ONLY_DAY + n * timedelta(hours=2)
        )
        for n in range(24)
    ] + [
        a_row(str(n), source="tiktok", occurred_at=ONLY_DAY + n * timedelta(hours=3))
        for n in range(9)
    ]
    await PostgresEventStore(pool).store(rows)
    questions = [
        {"report": "events", "interval": "hour"},
        {"report": "revenue", "to": "2024-01-02T05:00:00Z"},
        {"report": "revenue", "campaignId": "c1", "interval": "hour"},
        {"report": "demographics", "to": "2024-01-02T05:00:00Z"},
    ]
    kept, before = await everything(pool), await answers(pool, questions)
    place, steps = Folder(tmp_path), set[str]()

    for _ in range(100):
        try:
            await let_go(pool, place, ONLY_DAY + timedelta(days=9), tell=crash_at_each(steps))
        except Crash:
            assert await answers(pool, questions) == before, steps
        else:
            break

    assert len(steps) > 20
    assert await everything(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM payload_blocks") == 0
    assert await pool.fetchval("SELECT count(*) FROM arrivals") == 0
    assert await answers(pool, questions) == before
    for _ in range(100):
        try:
            for day in await known_days(pool, None, None):
                await restore(pool, place, day, crash_at_each(steps))
        except Crash:
            assert await answers(pool, questions) == before, steps
        else:
            break
    assert await everything(pool) == kept
    assert await differences(pool.fetch) == {}


async def test_a_partly_dropped_day_comes_back_whole(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "_DROP_EVENTS", 3)
    rows = [a_sale("2", str(n), occurred_at=ONLY_DAY + n * timedelta(hours=2)) for n in range(12)]
    await PostgresEventStore(pool).store(rows)
    kept, place = await everything(pool), Folder(tmp_path)

    def stop(step: str) -> None:
        if "dropped" in step:
            raise Crash

    with pytest.raises(Crash):
        await let_go(pool, place, ONLY_DAY + timedelta(days=9), tell=stop)
    assert 0 < len(await everything(pool)) < 12
    [day] = await known_days(pool, None, None)
    await restore(pool, place, day, silent)

    assert await everything(pool) == kept
    assert await pool.fetch(LEFT_OVER) == []


async def test_an_event_older_than_the_kept_days_is_a_dead_letter(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    store = PostgresEventStore(pool)
    late = ONLY_DAY + timedelta(days=20)
    await store.store([a_row("old", occurred_at=ONLY_DAY), a_row("kept", occurred_at=late)])
    await let_go(pool, Folder(tmp_path), ONLY_DAY + timedelta(days=9))
    rows = [
        a_row("old", occurred_at=ONLY_DAY, payload="{ }"),  # nobody knows that it was here
        a_row("older", occurred_at=ONLY_DAY),
        a_row("kept", occurred_at=ONLY_DAY),  # of another time, and yet the same
        a_row("new", occurred_at=late),
    ]

    stored = await store.settle([EnvelopeOutcome(an_envelope(4), rows)])

    assert stored == Stored(new=1, duplicates=1, too_old=2)
    letters = await pool.fetch("SELECT event_id, reason, field, code FROM dead_letters ORDER BY 1")
    assert [tuple(letter) for letter in letters] == [
        (event_id, "too_old", "timestamp", "too_old") for event_id in ("old", "older")
    ]
    assert [
        tuple(it) for it in await pool.fetch("SELECT counted, stored, duplicates, dead FROM ledger")
    ] == [(4, 1, 1, 2)]
    assert (
        await pool.fetchval("SELECT sum(events) FROM event_rollups WHERE granularity = 'day'") == 3
    )


async def test_a_collector_counts_them(pool: asyncpg.Pool, tmp_path: Path) -> None:
    await let_go(pool, Folder(tmp_path), ONLY_DAY + timedelta(days=9))

    collected = await collect_facebook(
        [
            a_part(
                raw(a_facebook_event(timestamp="2024-01-09T23:59:59.999Z")),
                raw(a_facebook_event(timestamp="2024-01-10T00:00:00Z")),
            )
        ],
        store=PostgresEventStore(pool),
    )

    assert (collected.stored, collected.duplicates, collected.too_old) == (1, 0, 1)


async def test_a_replay_leaves_what_is_too_old_as_it_is(pool: asyncpg.Pool, tmp_path: Path) -> None:
    event = a_facebook_event(timestamp="2024-01-01T00:00:00Z")
    letter = a_letter(payload=raw(event))
    await PostgresEventStore(pool).settle([EnvelopeOutcome(None, (), [letter])])
    await let_go(pool, Folder(tmp_path), ONLY_DAY + timedelta(days=9))
    letters = PostgresDeadLetters(pool)

    replayed = await handle_replay(
        [], letters=letters, read_envelope=read_envelope, correlation_id="x"
    )

    assert (replayed.replayed, replayed.failed, replayed.stored) == (0, 1, 0)
    shown = await handle_show(letter.id, letters=letters)
    assert shown is not None
    assert (shown.state, shown.history[0].code) == ("open", "too_old")
    assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 1


async def test_a_transaction_that_stores_is_waited_for(pool: asyncpg.Pool, tmp_path: Path) -> None:
    store = PostgresEventStore(pool)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetchval(KEPT_FROM)
        going = asyncio.create_task(let_go(pool, Folder(tmp_path), ONLY_DAY + timedelta(days=9)))
        while not await connection.fetchval(
            "SELECT true FROM pg_locks WHERE relation = 'retention'::regclass AND NOT granted"
        ):
            await asyncio.sleep(0.01)
        assert await pool.fetchval("SELECT count(*) FROM archived_days") == 0
        await transaction.commit()
    assert await going == []

    stored = await store.store([a_row(occurred_at=ONLY_DAY)])

    assert stored == Stored(new=0, duplicates=0, too_old=1)


async def test_only_one_works_at_a_time(pool: asyncpg.Pool) -> None:
    async with alone(pool):
        with pytest.raises(ArchiveFailed, match="another eps archive"):
            async with alone(pool):
                pass
    async with alone(pool):
        pass


async def test_an_archive_that_is_not_whole_lets_nothing_go(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await PostgresEventStore(pool).store([a_sale("1", "1", occurred_at=ONLY_DAY)])
    place = Folder(tmp_path)

    def flip(step: str) -> None:
        if step.endswith("written"):
            flip_a_byte(tmp_path)

    with pytest.raises(ArchiveFailed, match="was changed since"):
        await let_go(pool, place, ONLY_DAY + timedelta(days=9), tell=flip)

    assert len(await everything(pool)) == 1


async def test_a_check_finds_faults(pool: asyncpg.Pool, tmp_path: Path) -> None:
    await PostgresEventStore(pool).store([a_sale("1", "1", occurred_at=ONLY_DAY)])
    place = Folder(tmp_path)
    await let_go(pool, place, ONLY_DAY + timedelta(days=9))
    [day] = await known_days(pool, None, None)

    prove(place, day, silent)

    with pytest.raises(ArchiveFailed, match="the rollups have 2 with"):
        prove(place, day._replace(events=2), silent)
    with pytest.raises(ArchiveFailed, match="not the one written from this database"):
        prove(place, day._replace(digest="0" * 64), silent)
    with pytest.raises(ArchiveFailed, match="missing"):
        prove(Folder(tmp_path / "elsewhere"), day, silent)
    flip_a_byte(tmp_path)
    with pytest.raises(ArchiveFailed, match="was changed since"):
        prove(place, day, silent)


async def test_another_databases_archive_is_left_alone(pool: asyncpg.Pool, tmp_path: Path) -> None:
    place = Folder(tmp_path)
    await PostgresEventStore(pool).store([a_sale("1", "1", occurred_at=ONLY_DAY)])
    await let_go(pool, place, ONLY_DAY + timedelta(days=9))
    await pool.execute("DELETE FROM archived_days; UPDATE retention SET kept_from = NULL")
    await PostgresEventStore(pool).store([a_sale("1", "2", occurred_at=ONLY_DAY)])

    with pytest.raises(ArchiveFailed):
        await let_go(pool, place, ONLY_DAY + timedelta(days=9))

    assert len(await everything(pool)) == 1


async def test_an_event_that_was_received_again_is_not_overwritten(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    place, store = Folder(tmp_path), PostgresEventStore(pool)
    await store.store([a_row("1", occurred_at=ONLY_DAY), a_row("2", occurred_at=ONLY_DAY)])
    await let_go(pool, place, ONLY_DAY + timedelta(days=9))
    await store.store([a_row("2", occurred_at=ONLY_DAY + timedelta(days=20))])
    before = await everything(pool)
    [day] = await known_days(pool, None, None)

    with pytest.raises(ArchiveFailed, match="was received again"):
        await restore(pool, place, day, silent)

    assert await everything(pool) == before


async def test_the_calendars_first_day_is_archived_as_well(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    first = datetime.min.replace(tzinfo=UTC)
    await PostgresEventStore(pool).store(
        [a_row("1", occurred_at=first), a_sale("3", "2", occurred_at=first + timedelta(hours=3))]
    )
    kept, place = await everything(pool), Folder(tmp_path)

    [gone] = await let_go(pool, place, ONLY_DAY)
    assert await everything(pool) == []
    assert await let_go(pool, place, ONLY_DAY) == []
    [day] = await known_days(pool, [gone.key.day], "facebook")
    assert await restore(pool, place, day, silent)

    assert await everything(pool) == kept
    assert await differences(pool.fetch) == {}


@pytest.mark.usefixtures("aws")
async def test_an_archive_may_lie_in_a_bucket(pool: asyncpg.Pool) -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="archive")
    place = open_place("s3://archive/of/events/")
    await PostgresEventStore(pool).store([a_sale("1", "1", occurred_at=ONLY_DAY)])
    kept = await everything(pool)

    await let_go(pool, place, ONLY_DAY + timedelta(days=9))
    assert await everything(pool) == []
    [day] = await known_days(pool, None, None)
    await restore(pool, place, day, silent)

    assert await everything(pool) == kept
    names = [it["Key"] for it in s3.list_objects_v2(Bucket="archive")["Contents"]]
    assert names == [
        f"of/events/events/day=2024-01-01/source=facebook/{name}"
        for name in ("manifest.json", "part-00000.parquet")
    ]


async def test_letters_that_are_done_with_and_even_entries_are_forgotten(
    pool: asyncpg.Pool,
) -> None:
    store = PostgresEventStore(pool)
    now = datetime.now(UTC)
    letters = [a_letter(), a_letter(), a_letter(accepted_at=now)]
    await store.settle([EnvelopeOutcome(None, (), letters)])
    await pool.execute(
        "UPDATE dead_letters SET state = 'discarded' WHERE id <> $1", letters[0].id.bytes
    )
    minute = now.replace(second=0, microsecond=0)
    await store.settle(
        [
            EnvelopeOutcome(an_envelope(1), [a_row("1")]),
            EnvelopeOutcome(an_envelope(2), [a_row("2")]),  # one is missing
            EnvelopeOutcome(an_envelope(1, minute=minute), [a_row("3")]),
        ]
    )

    assert await retaining.forget_letters(pool, 30, silent) == 1
    assert await retaining.forget_ledger(pool, 30, silent) == 1

    left = {bytes(id_) for (id_,) in await pool.fetch("SELECT id FROM dead_letters")}
    assert left == {letters[0].id.bytes, letters[2].id.bytes}
    assert {it for (it,) in await pool.fetch("SELECT counted FROM ledger")} == {1, 2}


def eps(database_url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        env={**os.environ, "DATABASE_URL": database_url, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_the_command_says_what_it_does(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await PostgresEventStore(pool).store([a_row("1", occurred_at=ONLY_DAY)])
    place = {"ARCHIVE_URL": str(tmp_path), "EVENTS_KEEP_DAYS": "30", "LEDGER_KEEP_DAYS": "30"}

    nothing = eps(database_url, "archive")
    nowhere = eps(database_url, "archive", EVENTS_KEEP_DAYS="30")
    gone = eps(database_url, "archive", **place)
    exported = eps(database_url, "export", "--to", "2024-02-01")
    checked = eps(database_url, "archive", "check", **place)
    restored = eps(database_url, "archive", "restore", "2024-01-01", "--from", str(tmp_path))
    unknown = eps(database_url, "archive", "restore", "2024-01-02", **place)

    assert (nothing.returncode, nowhere.returncode) == (0, 2)
    assert nothing.stdout.startswith("everything is kept forever")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert gone.stdout.splitlines() == [
        "2024-01-01 facebook: 1 events archived and dropped",
        "0 ledger entries dropped",
    ]
    assert exported.returncode == 1
    assert "archived" in exported.stderr
    assert checked.stdout == "2024-01-01 facebook: 1 events, correct; dropped\n"
    assert restored.stdout == "2024-01-01 facebook: 1 events restored\n"
    assert unknown.returncode == 1
    assert "2024-01-02" in unknown.stderr
    assert len(await everything(pool)) == 1


def flip_a_byte(folder: Path) -> None:
    [file] = folder.rglob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
