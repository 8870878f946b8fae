import json
import zlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Fault
from functions.events import SOURCES, Source
from functions.messages import AcceptedBatch, DeadLetter, Delivery
from functions.senders import CHANNELS
from runtime.bus.envelopes import (
    MAX_MESSAGE_BYTES,
    UnreadableEnvelope,
    decode,
    decode_letters,
    encode,
    encode_letters,
    most_bytes_of,
    unpack,
)
from tests.builders import NOON, a_facebook_event, a_letter, a_part, raw

MOMENTS = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SOURCES_OR_NONE = st.sampled_from([*SOURCES, None])
EVENTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none()).map(
    lambda event: json.dumps(event, indent=1, ensure_ascii=False).encode()
)
PARTS = st.builds(
    AcceptedBatch,
    TEXTS,
    MOMENTS,
    st.lists(EVENTS),
    trace_parent=st.none() | TEXTS,
    channel=st.sampled_from(CHANNELS),
)
LETTERS = st.builds(
    DeadLetter,
    reason=st.sampled_from(["rejected", "unreadable", "refused", "summarized"]),
    fault=st.builds(Fault, TEXTS, TEXTS, TEXTS),
    payload=st.binary(),
    position=st.integers(0, 2**40),
    source=SOURCES_OR_NONE,
    event_id=st.none() | TEXTS,
    correlation_id=st.none() | TEXTS,
    accepted_at=MOMENTS,
    trace_parent=st.none() | TEXTS,
    channel=st.sampled_from(CHANNELS),
)


def an_envelope(**fields: Any) -> bytes:
    part = {"correlationId": "x", "acceptedAt": "2024-01-01T00:00:00Z", "events": [{}]}
    return json.dumps({"source": "facebook", "parts": [part | fields]}).encode()


@given(st.sampled_from(SOURCES), st.lists(PARTS))
def test_parts_come_back_as_they_went_in(source: Source, parts: list[AcceptedBatch]) -> None:
    assert decode(source, encode(source, parts)) == parts


def test_parts_know_how_their_message_came() -> None:
    delivery = Delivery(NOON, 7, 2)

    (part,) = decode("facebook", encode("facebook", [a_part()]), delivery=delivery)

    assert part.delivery == delivery


def test_what_a_request_did_not_have_takes_no_room() -> None:
    assert b"trace" not in encode("facebook", [a_part()])
    assert b"trace" not in encode_letters([a_letter()])
    assert b"channel" not in encode("facebook", [a_part()])
    assert b"channel" not in encode_letters([a_letter()])


@given(st.lists(LETTERS))
def test_dead_letters_come_back_as_they_went_in(letters: list[DeadLetter]) -> None:
    assert decode_letters(encode_letters(letters)) == letters


def test_events_are_kept_byte_for_byte() -> None:
    event = b'{"b": 1.0,\n "a":"\\u00e9", "a" : 1e400}'

    (part,) = decode("tiktok", encode("tiktok", [a_part(event, event)]))

    assert part.events == [event, event]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"source":"facebook"}',
        b'{"source":"snapchat","parts":[]}',
        an_envelope()[:-1],
        an_envelope(correlationId=None),
        an_envelope(acceptedAt="2024-01-01T00:00:00"),
        an_envelope(acceptedAt=1704067200),
        an_envelope(events={}),
        an_envelope(channel="pigeon"),
        b"[" * 100_000,
        b'{"source":"facebook","parts":[{"events":[' + b"[" * 100_000,
        encode("tiktok", [a_part()]),
        zlib.compress(b"not an envelope"),
        zlib.compress(an_envelope())[:-5],
        b"\x78\x9cgarbage",
    ],
)
def test_bytes_that_are_not_an_envelope_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEnvelope):
        decode("facebook", data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[{}]\n",
        b"[" * 100_000,
        an_envelope(),
        encode_letters([a_letter()])[:-1],
        encode_letters([a_letter()]) + b"x",
        encode_letters([a_letter(payload=b"")]).replace(b'Bytes":0', b'Bytes":-1') + b"x",
        encode_letters([a_letter(), a_letter()]).replace(b"\n", b"", 1),
        zlib.compress(b"[]\n")[:-1],
    ],
)
def test_bytes_that_are_not_dead_letters_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEnvelope):
        decode_letters(data)


def test_lengths_that_only_add_up_are_unreadable() -> None:
    head, _, payload = encode_letters([a_letter(payload=b"xy"), a_letter(payload=b"")]).partition(
        b"\n"
    )
    described = msgspec.json.decode(head)
    described[0]["payloadBytes"], described[1]["payloadBytes"] = 3, -1

    with pytest.raises(UnreadableEnvelope):
        decode_letters(msgspec.json.encode(described) + b"\n" + payload)


def test_an_envelope_may_have_keys_that_a_later_version_adds() -> None:
    (part,) = decode("facebook", an_envelope(later=1))

    assert part.accepted_at == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("size", [0, 100, 9 * 1024**2])
def test_a_message_that_was_packed_is_read_as_before(size: int) -> None:
    event = raw(a_facebook_event(extra="x" * size))

    packed = zlib.compress(encode("facebook", [a_part(event)]), 1)

    assert decode("facebook", packed)[0].events == [event]


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES + 1])
def test_what_unpacks_to_more_than_a_collector_holds_is_unreadable(size: int) -> None:
    packed = zlib.compress(bytes(size), 1)

    if size <= MAX_MESSAGE_BYTES:
        assert unpack(packed) == bytes(size)
    else:
        with pytest.raises(UnreadableEnvelope, match="unpacks to more"):
            unpack(packed)


def test_the_most_that_a_message_unpacks_to_is_known_before() -> None:
    assert most_bytes_of(an_envelope()) == len(an_envelope())
    assert most_bytes_of(zlib.compress(an_envelope())) == MAX_MESSAGE_BYTES
    assert most_bytes_of(b"") == 0
    assert most_bytes_of(b"x") == 1


def test_a_bomb_is_unreadable() -> None:
    with pytest.raises(UnreadableEnvelope):
        unpack(zlib.compress(bytes(257 * 1024**2), 1))
