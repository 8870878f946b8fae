"""Canonical records on PostgreSQL: from envelopes to rows, rollups, ledger and dead letters."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from functions.collecting import Collected
from functions.errors import Fault
from functions.fb_collector.handler import handle as collect_facebook
from functions.messages import AcceptedBatch
from functions.operator.replay import handle_replay
from functions.ttk_collector.handler import handle as collect_tiktok
from runtime.bus.envelopes import decode, encode
from runtime.bus.replaying import read_envelope
from runtime.postgres.operating.dead_letters import PostgresDeadLetters
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import DatabaseSettings
from tests.builders import (
    a_facebook_event,
    a_letter,
    a_part,
    a_purchase,
    a_record,
    an_envelope,
    letters_of,
    raw,
    records,
)
from tests.truth.payloads import stored_texts
from tests.truth.recomputation import differences

USER = "ab" * 16


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with opened(DatabaseSettings(database_url=database_url), "test") as pool:
        yield pool


async def collect(pool: asyncpg.Pool, *parts: AcceptedBatch) -> Collected:
    return await collect_facebook(parts, store=PostgresEventStore(pool))


async def rows(pool: asyncpg.Pool, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await pool.fetch(query)]


async def replay(pool: asyncpg.Pool) -> tuple[int, int, int, int]:
    replayed = await handle_replay(
        [],
        letters=PostgresDeadLetters(pool),
        read_envelope=read_envelope,
        correlation_id="operator",
    )
    return replayed.replayed, replayed.failed, replayed.stored, replayed.duplicates


async def test_a_sale_goes_from_its_envelope_into_row_and_rollups(pool: asyncpg.Pool) -> None:
    sale = a_purchase("10.50", "EUR", eventId="p-1", userKey=USER, orderId="7", campaignId="c-1")
    parts = decode("facebook", encode("facebook", [records(sale)]))

    collected = await collect(pool, *parts)

    assert collected == Collected(1, 0, 0, 0)
    assert await rows(
        pool, "SELECT channel, revenue, currency, order_id, mapping, user_key FROM stored_events"
    ) == [
        (
            "meta.conversions",
            Decimal("10.50"),
            "EUR",
            "7",
            "exact",
            bytes.fromhex(USER),
        )
    ]
    [texts] = await stored_texts(pool.fetch)
    assert texts[1:] == ("p-1", raw(sale).decode())
    assert await rows(
        pool,
        "SELECT granularity, channel, currency, events, transactions, revenue FROM event_rollups"
        " ORDER BY granularity",
    ) == [
        (granularity, "meta.conversions", "EUR", 1, 1, Decimal("10.50"))
        for granularity in ("minute", "hour", "day")
    ]
    assert await differences(pool.fetch) == {}


async def test_currencies_and_channels_are_counted_apart(pool: asyncpg.Pool) -> None:
    sales = [a_purchase(amount, currency, campaignId="c-1") for amount, currency in (
        ("1", "EUR"), ("2", "EUR"), ("4", "USD"),
    )]  # fmt: skip
    native = raw(a_facebook_event(eventType="checkout.complete", engagement={
        "purchaseAmount": "8", "campaignId": "c-1",
    }))  # fmt: skip

    await collect(
        pool, records(*sales), a_part(native), records(a_purchase("16"), channel="meta.webhook")
    )

    assert await rows(
        pool,
        "SELECT channel, currency, revenue FROM event_rollups WHERE granularity = 'day'"
        " ORDER BY revenue",
    ) == [
        ("meta.conversions", "EUR", 3),
        ("meta.conversions", "USD", 4),
        ("native", "unspecified", 8),
        ("meta.webhook", "EUR", 16),
    ]
    assert await rows(
        pool, "SELECT campaign_id, currency, revenue FROM campaigns ORDER BY revenue"
    ) == [("c-1", "EUR", 3), ("c-1", "USD", 4), ("c-1", "unspecified", 8)]
    assert await differences(pool.fetch) == {}


async def test_an_event_without_a_known_user_counts_and_makes_no_user(pool: asyncpg.Pool) -> None:
    parts = [records(a_record(), a_record(userKey=USER), a_record(userKey=USER))]

    assert await collect(pool, *parts) == Collected(3, 0, 0, 0)

    assert await pool.fetchval("SELECT count(*) FROM events WHERE user_key IS NULL") == 1
    assert await pool.fetchval("SELECT count(*) FROM users") == 1
    assert await pool.fetchval("SELECT count(*) FROM return_visits") == 1
    assert await differences(pool.fetch) == {}


@pytest.mark.parametrize("kind", ["event", "retraction", "metric", "erasure"])
async def test_a_record_of_any_kind_is_stored_and_counted_once(
    pool: asyncpg.Pool, kind: str
) -> None:
    record, valid = a_record(kind, userKey=USER) if kind == "erasure" else a_record(kind), raw(
        a_facebook_event()
    )  # fmt: skip
    part = records(record, record, {"kind": kind})
    first = replace(part, envelope=an_envelope(3))
    again = replace(part, envelope=an_envelope(3))

    stored = await collect(pool, first)
    redelivered = await collect(pool, first)
    repeated = await collect(pool, again, a_part(valid))

    assert (stored.stored, stored.duplicates, stored.rejected) == (1, 1, 1)
    assert (redelivered.stored, redelivered.duplicates) == (0, 2)
    assert (repeated.stored, repeated.duplicates, repeated.rejected) == (1, 2, 1)
    assert await rows(
        pool, "SELECT sum(counted), sum(stored), sum(duplicates), sum(dead) FROM ledger"
    ) == [(6, 1, 3, 2)]


async def test_a_dead_letter_is_replayed_by_its_channel(pool: asyncpg.Pool) -> None:
    sale, retraction = a_purchase(eventId="p-1"), a_record("retraction", eventId="r-1")
    wrong = a_letter(payload=raw(sale), channel="native")
    letters = [
        a_letter(payload=raw(each), channel="meta.webhook", fault=Fault("", "record_invalid", "."))
        for each in (sale, retraction)
    ]
    await PostgresEventStore(pool).keep([letters_of(*letters, wrong)])

    assert await replay(pool) == (2, 1, 2, 0)

    assert await pool.fetchval("SELECT channel FROM stored_events") == "meta.webhook"
    assert await pool.fetchval("SELECT event_id FROM retractions") == "r-1"
    assert await rows(pool, "SELECT state FROM dead_letters ORDER BY channel") == [
        ("open",),
        ("replayed",),
        ("replayed",),
    ]


async def test_a_collector_takes_its_own_source_alone(pool: asyncpg.Pool) -> None:
    collected = await collect_tiktok(
        [records(a_record(), a_record(source="tiktok"))], store=PostgresEventStore(pool)
    )

    assert (collected.stored, collected.rejected) == (1, 1)
