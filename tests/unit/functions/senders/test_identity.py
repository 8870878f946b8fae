"""Keys of users and ids of records."""

import hmac

import pytest

from functions.senders.identity import record_id, user_key


@pytest.mark.parametrize("pepper", [b"p" * 32, b"p" * 64, b"p" * 65, "їжак".encode() * 40])
def test_user_s_key_is_the_hmac_of_source_and_id(pepper: bytes) -> None:
    expected = hmac.digest(pepper, "facebook|crm-77 ї".encode(), "sha256")[:16].hex()

    assert user_key(pepper, "facebook", "crm-77 ї") == expected
    assert user_key(pepper, "tiktok", "crm-77 ї") != expected


def test_names_are_kept_apart() -> None:
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("", "abc"), ("2:ab1:c",)]

    assert len({record_id(*names) for names in lists}) == len(lists)
