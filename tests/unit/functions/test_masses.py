import tracemalloc
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.masses import Mass, unpacked


def a_mass(*elements: bytes) -> bytes:
    mass = Mass()
    mass.add(elements)
    return mass.finish()


@given(st.lists(st.lists(st.binary(max_size=40))))
def test_elements_come_out_as_they_went_in(some: list[list[bytes]]) -> None:
    mass = Mass()
    for elements in some:
        mass.add(elements)

    everything = [element for elements in some for element in elements]
    assert mass.elements == len(everything)
    assert mass.first == (everything or [b""])[0]
    assert list(unpacked(mass.finish())) == everything


def test_the_same_elements_are_the_same_bytes() -> None:
    noise = [Random(number).randbytes(number % 3000) for number in range(500)]
    one, other = Mass(), Mass()

    for mass in (one, other):
        for start in range(0, 500, 20):
            mass.add(noise[start : start + 20])

    assert one.finish() == other.finish()


def test_little_is_held_of_what_is_packed_or_unpacked() -> None:
    mass, elements = Mass(), [b"x" * 1000] * 100

    tracemalloc.start()
    for _ in range(500):
        mass.add(elements)
    payload = mass.finish()
    assert sum(map(len, unpacked(payload))) == 50_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert mass.packed_bytes == len(payload) < 1_000_000
    assert peak < 3_000_000


@pytest.mark.parametrize("cut", [1, 4, 20])
def test_what_is_damaged_says_so(cut: int) -> None:
    whole = a_mass(b"first", b"x" * 1000, b"y" * 1000)
    found: list[bytes] = []

    with pytest.raises(ValueError, match="damaged"):
        found.extend(unpacked(whole[:-cut]))
    with pytest.raises(ValueError, match="damaged"):
        found.extend(unpacked(b"no mass"))
    with pytest.raises(ValueError, match="damaged"):
        found.extend(unpacked(zlib.compress(b"\0\0\0\x09short")))
