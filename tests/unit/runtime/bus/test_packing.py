"""Events and dead letters as envelopes that a bus can carry."""

from datetime import timedelta

from functions.messages import AcceptedBatch
from runtime.bus.envelopes import decode, encode, encode_letters
from runtime.bus.packing import by_source, pack_events, pack_letters
from tests.builders import NOON, a_letter, a_part

EVENTS = [b'{"n":%d}' % n for n in range(7)]


def events_of(batches: list[AcceptedBatch]) -> list[bytes]:
    return [bytes(event) for batch in batches for event in batch.events]


def test_what_fits_is_one_envelope() -> None:
    batches = [a_part(*EVENTS[:3]), a_part(*EVENTS[3:])]

    [(packed, data)] = pack_events("facebook", batches, lambda _: True)

    assert packed == batches
    assert data == encode("facebook", batches)


def test_what_does_not_fit_is_halved_and_nothing_is_lost() -> None:
    batches = [a_part(*EVENTS), a_part(*EVENTS)]
    most = len(encode("facebook", [a_part(*EVENTS[:2])]))

    packed = list(pack_events("facebook", batches, lambda data: len(data) <= most))

    assert all(len(data) <= most for _, data in packed)
    assert [event for own, _ in packed for event in events_of(list(own))] == EVENTS * 2
    assert [event for _, data in packed for event in events_of(list(decode("facebook", data)))] == (
        EVENTS * 2
    )


def test_a_single_event_is_sent_whole_whatever_its_size() -> None:
    [(_, data)] = pack_events("tiktok", [a_part(EVENTS[0])], lambda _: False)

    assert data == encode("tiktok", [a_part(EVENTS[0])])


def test_envelopes_have_events_of_one_minute() -> None:
    late = a_part(EVENTS[1], accepted_at=NOON + timedelta(minutes=1))
    batches = [late, a_part(EVENTS[0]), a_part(EVENTS[2])]

    packed = [events_of(list(own)) for own, _ in pack_events("facebook", batches, lambda _: True)]

    assert packed == [[EVENTS[0], EVENTS[2]], [EVENTS[1]]]


def test_letters_are_packed_as_events_are() -> None:
    letters = [a_letter(payload=b"x" * 10, position=n) for n in range(5)]
    most = len(encode_letters(letters[:2]))

    packed = list(pack_letters(letters, lambda data: len(data) <= most))

    assert [letter for own, _ in packed for letter in own] == letters
    assert max(len(own) for own, _ in packed) == 2
    assert all(data == encode_letters(own) for own, data in packed)


def test_letters_are_grouped_by_source() -> None:
    one, none, other = a_letter(source="tiktok"), a_letter(source=None), a_letter(source="tiktok")

    assert by_source([one, none, other]) == {"tiktok": [one, other], None: [none]}
