"""JSON of senders: exact, and bounded whatever it holds."""

from decimal import Decimal
from typing import Any

import pytest

from functions.senders.identity import canonical_text
from functions.senders.reading import MAX_VALUES, Unreadable, decode


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\ud83d\\ude00 caf\\u00e9"', "\U0001f600 café"),
        (b'"a\\ud800"', "a\ufffd"),
        (b'"\\udc00\\ud83d\\ude00\\ud83d"', "\ufffd\U0001f600\ufffd"),
        (b'"\\\\ud800 \\ud800"', "\\ud800 \ufffd"),
        (b'"\\u0000"', "\x00"),
        (b"\xef\xbb\xbf[1.10]", [Decimal("1.10")]),
        (b"18446744073709551616", 2**64),
    ],
)
def test_values_are_exact(text: bytes, value: Any) -> None:
    assert decode(text) == value
    assert decode(text.decode()) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"NaN",
        b'"\\ud800',
        b'"\\ud8"',
        b"[" * 5000 + b"]" * 5000,
        b"1" * 5000,
        b"{} {}",
        b"[" + b"[]," * (MAX_VALUES // 2) + b"[]]",
    ],
    ids=lambda text: str(text)[:20],
)
def test_anything_else_is_unreadable(text: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(text)


def test_equal_values_are_equal_texts() -> None:
    assert canonical_text(decode(b'{"a":1,"b":[2]}')) == canonical_text(decode(b'{"b":[2],"a":1}'))
    large = [decode(text) for text in (b'{"a":1e1,"b":%d}' % 2**70, b'{"b":%d,"a":1e1}' % 2**70)]
    assert canonical_text(large[0]) == canonical_text(large[1])
