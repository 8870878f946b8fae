from datetime import timedelta

import pytest

from functions.events import SOURCES, Source
from functions.messages import Announcement
from runtime.bus.manifests import (
    ENVELOPE_ID,
    MANIFEST,
    MESSAGE_ID,
    Counted,
    Lane,
    read_manifest,
    write_manifest,
)
from tests.builders import NOON, a_letter, a_part, an_envelope


def test_a_manifest_is_read_as_it_was_written() -> None:
    envelope = an_envelope(5, announced=[Announcement(b"0123456789abcdef", NOON, 7, 12)])

    assert read_manifest("facebook", write_manifest(envelope)) == envelope


@pytest.mark.parametrize("source", [*SOURCES, None])
def test_a_manifest_of_rejected_events_says_whose_they_are(source: Source | None) -> None:
    envelope = an_envelope(5, source=source, rejected=True, announced=[])

    assert read_manifest(None, write_manifest(envelope)) == envelope


def test_only_nats_has_the_id_under_a_name_of_nats() -> None:
    envelope = an_envelope(5, announced=[])

    headers = write_manifest(envelope, ENVELOPE_ID)

    assert headers.keys() == {ENVELOPE_ID, MANIFEST}
    assert read_manifest("facebook", headers) == envelope


@pytest.mark.parametrize("name", [MANIFEST, MESSAGE_ID])
@pytest.mark.parametrize("value", [None, "", "x", "{}", "[]", '{"instance": 1}'])
def test_headers_that_are_no_manifest_count_nothing(name: str, value: str | None) -> None:
    headers = write_manifest(an_envelope(5))
    del headers[name]

    assert read_manifest("facebook", headers | ({name: value} if value else {})) is None
    assert read_manifest("facebook", None) is None


def test_only_what_was_acknowledged_is_told_and_the_last_ones_only() -> None:
    counted, part = Counted(), a_part(b"1", b"2", accepted_at=NOON + timedelta(seconds=59))
    counted.accepted("facebook", [part])
    for sequence in range(1, 21):
        counted.acknowledged(counted.accepted("facebook", [part, part]), sequence)

    envelope = counted.accepted("facebook", [part])

    assert [it.sequence for it in envelope.announced] == list(range(13, 21))
    assert {(it.minute, it.events) for it in envelope.announced} == {(NOON, 4)}
    assert counted.accepted("tiktok", [part]).announced == ()


def test_rejected_events_tell_of_their_own_source_s_only() -> None:
    counted, letter = Counted(), a_letter()
    sources: tuple[Source | None, ...] = ("facebook", None)
    for source in sources:
        counted.acknowledged(counted.rejected(source, [letter, letter]), 1)

    assert counted.accepted("facebook", [a_part()]).announced == ()
    assert counted.rejected("tiktok", [letter]).announced == ()
    for source in sources:
        (told,) = counted.rejected(source, [letter]).announced
        assert (told.minute, told.events) == (NOON, 2)


def test_the_last_of_a_line_is_untold_until_another_has_arrived_that_tells_of_it() -> None:
    counted, line = Counted(), Lane("facebook", rejected=False)
    first = counted.accepted("facebook", [a_part()])
    counted.acknowledged(first, 1)
    second = counted.accepted("facebook", [a_part()])
    before = counted.unannounced()
    counted.acknowledged(second, 2)
    between = counted.unannounced()

    teller = counted.announcing_envelope(line)
    sent = counted.unannounced()
    counted.acknowledged(teller, 3)

    assert (before, between, sent) == ({line: first.id}, {line: second.id}, {line: second.id})
    assert (teller.events, [it.id for it in teller.announced]) == (0, [first.id, second.id])
    assert counted.unannounced() == {}
    assert counted.accepted("facebook", [a_part()]).announced == teller.announced


class Clock:
    """A steady clock that advances on demand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_an_announced_envelope_is_announced_again_for_a_day() -> None:
    clock = Clock()
    counted, part = Counted(clock), a_part(b"1")
    counted.acknowledged(counted.accepted("facebook", [part]), 1)
    clock.seconds += 86_000
    counted.acknowledged(counted.accepted("facebook", [part]), 2)

    clock.seconds += 500

    assert [it.sequence for it in counted.accepted("facebook", [part]).announced] == [2]


def test_an_unannounced_envelope_is_announced_however_late() -> None:
    clock, line = Clock(), Lane("facebook", rejected=False)
    counted, part = Counted(clock), a_part(b"1")
    for sequence in (1, 2):
        counted.acknowledged(counted.accepted("facebook", [part]), sequence)

    clock.seconds += 10 * 86_400
    teller = counted.announcing_envelope(line)
    counted.acknowledged(teller, 3)

    assert [it.sequence for it in teller.announced] == [2]
    assert counted.unannounced() == {}
    assert counted.announcing_envelope(line).announced == ()
