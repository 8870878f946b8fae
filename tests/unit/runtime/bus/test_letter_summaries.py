"""Summaries of rejected events when dead letters have no room."""

import json
from hashlib import sha256

from functions.errors import Fault
from functions.masses import Mass
from runtime.bus.letter_summaries import summarize
from tests.builders import a_letter

_SOURCE = Fault("source", "missing", "Field required")


def test_a_summary_counts_each_kind_and_keeps_the_first_ones_beginning() -> None:
    age = Fault("data.user.age", "int_type", "Input should be a valid integer")
    long = a_letter(fault=age, payload=b"\xff" + b"x" * 5000, position=7)
    letters = [
        long,
        a_letter(fault=age, payload=b"short"),
        a_letter(fault=_SOURCE, payload=b"another kind"),
    ]

    letter = summarize(letters, 3)

    summary = json.loads(letter.payload)
    first, second = summary["kinds"]
    assert (summary["rejected"], summary["others"]) == (3, 0)
    assert (first["field"], first["rejected"], first["position"]) == ("data.user.age", 2, 7)
    assert (first["bytes"], first["sha256"]) == (5001, sha256(long.payload).hexdigest())
    assert first["begins"] == r"\xff" + "x" * 1023
    assert (second["rejected"], second["begins"]) == (1, "another kind")
    assert (letter.reason, letter.event_id) == ("summarized", None)


def test_a_summary_is_small_for_any_number_of_events() -> None:
    letters = [
        a_letter(fault=Fault(f"field{number}", "code", "m"), payload=b"\x01" * 100_000)
        for number in range(500)
    ]

    letter = summarize(letters, 500)

    assert len(letter.payload) < 60_000
    assert json.loads(letter.payload)["others"] == 492


def test_a_summary_of_several_requests_is_of_none_of_them() -> None:
    same = [a_letter(correlation_id="one", source="facebook") for _ in range(2)]
    other = a_letter(correlation_id="other", source=None)

    assert summarize(same, 2).correlation_id == "one"
    assert summarize(same, 2).source == "facebook"
    assert summarize([*same, other], 3).correlation_id is None
    assert summarize([*same, other], 3).source is None


def test_a_mass_counts_as_the_events_in_it() -> None:
    mass = Mass()
    mass.add([b"1"] * 4000)
    letters = [a_letter(payload=mass.finish(), elements=4000, fault=mass.fault), a_letter()]

    summary = json.loads(summarize(letters, 4001).payload)

    first, second = summary["kinds"]
    assert (summary["rejected"], summary["others"]) == (4001, 0)
    assert (first["rejected"], second["rejected"]) == (4000, 1)
    assert first["begins"] == "1\n" * 511 + "1"
