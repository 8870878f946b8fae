from datetime import timedelta

import pytest

from functions.ports import Told
from runtime.manifests import MANIFEST, MESSAGE_ID, Counted, read_manifest, write_manifest
from tests.builders import NOON, a_part, an_envelope


def test_a_manifest_comes_back_as_it_went_in() -> None:
    envelope = an_envelope(5, told=[Told(b"0123456789abcdef", NOON, 7, 12)])

    assert read_manifest("facebook", write_manifest(envelope)) == envelope


@pytest.mark.parametrize("name", [MANIFEST, MESSAGE_ID])
@pytest.mark.parametrize("value", [None, "", "x", "{}", "[]", '{"instance": 1}'])
def test_headers_that_are_no_manifest_count_nothing(name: str, value: str | None) -> None:
    headers = write_manifest(an_envelope(5))
    del headers[name]

    assert read_manifest("facebook", headers | ({name: value} if value else {})) is None
    assert read_manifest("facebook", None) is None


def test_only_what_was_acknowledged_is_told_and_the_last_ones_only() -> None:
    counted, part = Counted(), a_part(b"1", b"2", accepted_at=NOON + timedelta(seconds=59))
    counted.envelope("facebook", [part])
    for sequence in range(1, 21):
        counted.acknowledged(counted.envelope("facebook", [part, part]), sequence)

    envelope = counted.envelope("facebook", [part])

    assert [it.sequence for it in envelope.told] == list(range(13, 21))
    assert {(it.minute, it.events) for it in envelope.told} == {(NOON, 4)}
    assert counted.envelope("tiktok", [part]).told == ()
