"""Messages that SQS accepts, with any content."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.aws.messages import (
    ENCODING,
    MAX_BYTES,
    SqsMessage,
    fits,
    in_batches,
    read_message,
    write_message,
)
from runtime.bus.envelopes import UnreadableEnvelope, unpack

LEGAL = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


@given(
    st.one_of(
        st.binary(min_size=1), st.text(min_size=1).map(lambda it: it.encode(errors="replace"))
    )
)
def test_any_text_survives_the_queue_and_is_legal_in_it(data: bytes) -> None:
    message = write_message(data, {"Eps-Manifest": "{}"})

    assert LEGAL.fullmatch(message.body)
    read = read_message(message)
    assert (unpack(read) if ENCODING in message.attributes else read) == data


@pytest.mark.parametrize("data", [b"", b"\xff", "￾".encode(), b"\x00", b" " * 64 * 1024 + b" "])
def test_what_is_no_such_text_or_long_is_packed(data: bytes) -> None:
    assert ENCODING in write_message(data, {}).attributes


def test_what_is_short_text_stays_readable() -> None:
    assert write_message('{"a": "Ї😀"}'.encode(), {}) == SqsMessage('{"a": "Ї😀"}', {})


@pytest.mark.parametrize("body", ["%", "a", "Ї"])
def test_what_is_not_base64_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableEnvelope):
        read_message(SqsMessage(body, {ENCODING: "zlib+base64"}))


def test_a_size_counts_bytes_and_attributes() -> None:
    assert SqsMessage("Ї", {"ab": "c"}).size == 2 + 2 + 1 + len("String")


def test_what_fits_has_room_for_what_is_beside_it() -> None:
    largest = next(size for size in range(MAX_BYTES, 0, -1000) if fits(os.urandom(size)))

    assert MAX_BYTES * 0.7 < largest < MAX_BYTES * 0.75
    assert fits(bytes(50 * MAX_BYTES))
    assert write_message(os.urandom(largest), {}).size < MAX_BYTES - 15 * 1024


@pytest.mark.parametrize("size", range(1, MAX_BYTES, 7_919))
def test_what_fits_without_being_compressed_fits(size: int) -> None:
    data = os.urandom(size)

    assert not fits(data) or write_message(data, {}).size <= MAX_BYTES - 16 * 1024


def test_batches_are_bounded_in_number_and_bytes_and_keep_their_order() -> None:
    small = [SqsMessage(str(number), {}) for number in range(25)]
    large = [SqsMessage("x" * (MAX_BYTES // 2), {}) for _ in range(3)]

    assert [len(batch) for batch in in_batches(small)] == [10, 10, 5]
    assert [message for batch in in_batches(small) for message in batch] == small
    assert [len(batch) for batch in in_batches(large)] == [2, 1]
    assert in_batches([]) == []
