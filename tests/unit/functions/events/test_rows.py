from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.events import SOURCES, Source
from functions.events.keys import derive_key
from functions.events.rows import event_key, user_key

IDS = st.text(st.characters(exclude_categories=["Cs"]))


def test_an_events_key_is_that_of_its_source_and_id() -> None:
    keys = {event_key("facebook", "1"), event_key("tiktok", "1"), event_key("facebook", "2")}

    assert len(keys) == 3
    assert event_key("facebook", "1") in keys
    assert event_key("facebook", "1") == UUID("2b645f56-c4e6-8f91-9b41-7defe9e43a39").bytes


@given(st.sampled_from(SOURCES), IDS)
def test_keys_are_those_of_the_names_they_stand_for(source: Source, name: str) -> None:
    assert event_key(source, name) == derive_key(f"{source}\0{name}".encode())
    assert user_key(source, name) == derive_key(f"user\0{source}\0{name}".encode())


@pytest.mark.parametrize("name", ["", "x", "x" * 1000, "é", "\0"])
def test_a_user_and_an_event_never_share_a_key(name: str) -> None:
    keys = {derive(source, name) for derive in (event_key, user_key) for source in SOURCES}

    assert len(keys) == 4


@given(st.binary())
def test_a_key_is_a_uuid_of_version_8(name: bytes) -> None:
    key = UUID(bytes=derive_key(name))

    assert (key.version, key.variant) == (8, RFC_4122)
    assert derive_key(name) == key.bytes
