"""Events as JSON texts that can be changed anywhere: trees whose leaves are bytes."""

import json
from collections.abc import Iterator
from typing import Any

from functions.events import MAX_EVENT_ID_CHARACTERS
from tests.builders import a_facebook_event, a_tiktok_event

KINDS = [
    a_facebook_event(eventType="video.view", engagement={"videoId": "v"}),
    a_facebook_event(eventType="checkout.complete", engagement={"purchaseAmount": "19.99"}),
    a_tiktok_event(eventType="video.view", engagement={"watchTime": 10.5}),
    a_tiktok_event(eventType="purchase", engagement={"purchaseAmount": "19.99"}),
]

_NUMBERS = """
0 -0 -0.0 0.0 1 -1 34 34.0 34.00 3.4e1 3.4E+1 1e2 1E-2 1e400 -1e400 1e-400 -1e-400 150 151 100 1e-7
100.0 100.00000000000001 100.0000000000000000001 -0.0000001 0.1 0.30000000000000004 5e-324 1e19 1e22
0.1000000000000000055511151231257827021181583404541015625 9007199254740993 9007199254740993.0
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 999999999999.9999
9999999999999999999999 123456789012345678901234567890 2.4703282292062328e-324
2.22507385850720113e-308 1.7976931348623157e308 1.7976931348623159e308 01 1. .5 +1 - -a 1e 1e+
1_000 0x10 NaN Infinity -Infinity nan true false null nul None undefined tru
"""
_MOMENTS = """
2024-01-01T12:00:00Z 2024-01-01t12:00:00Z 2024-01-01T12:00:00z 2024-01-01T12:00:00.5Z 2024-W01-1
2024-01-01T12:00:00.Z 2024-01-01T12:00:00,5Z 2024-01-01T12:00:00.123456Z 2024-01-01T12:00Z
2024-01-01 2024-01-01T12:00:00.1234565Z 2024-01-01T12:00:00.123456789Z 2024-01-01T12:00:00.9999999Z
1704110400 2024-01-01T12:00:00+02:30 2024-01-01T12:00:00-00:00 2024-01-01T12:00:00+0230
2024-02-29T00:00:00Z 2024-01-01T12:00:00+02 2024-01-01T12:00:00+23:59 2024-01-01T12:00:00+24:00
2023-02-29T00:00:00Z 2024-01-01T12:00:00-23:59 2024-01-01T12:00:00+05:60
2024-01-01T12:00:00+01:02:03 1704110400.5 2024-01-01T12:00:00 2024-01-01T12:00:60Z
2024-12-31T23:59:60Z 2024-01-01T24:00:00Z 20240101T120000Z 2024-W01-1T12:00:00Z 0001-01-01T00:00:00Z
0001-01-01T00:00:00+00:01 0001-01-01T00:00:00-00:01 9999-12-31T23:59:59.999999Z
9999-12-31T23:59:59-00:01 9999-12-31T23:59:59+00:01 0000-01-01T00:00:00Z
9999-12-31T23:59:59.9999999Z 2024-13-01T00:00:00Z +2024-01-01T12:00:00Z 2024-01-01T12:00:00ZZ
2024-01-01T12:00:00Z+00:00
"""
_AMOUNTS = """
0 0.0 000000000019.990000 123456789012.123456 1234567890123 1.1234567 1. .5 1e2 +1 -1 -0 1,5 1_000
"""
_NAMES = """
facebook tiktok snapchat top bottom ad.view video.view comment checkout.complete purchase Comment
male non-binary Male mobile desktop Desktop iOS Chrome newsfeed center
"""
_STRINGS = [
    "",
    " ",
    *(c * n for c in "x\U0001f600" for n in (MAX_EVENT_ID_CHARACTERS, MAX_EVENT_ID_CHARACTERS + 1)),
    *(
        "Анна",
        "\u2028",
        "\ufeff",
        "\x7f",
        "\uff11",
        "\u0661",
        " 1",
        "1 ",
        "\uff12024-01-01T12:00:00Z",
    ),
    *("2024-01-01 12:00:00Z", " 2024-01-01T12:00:00Z", "2024-01-01T12:00:00 Z"),
]
_INSIDES = rb"""
1\n 2024-01-01T12:00:00Z\n facebook\n \/ \" \\ \b\f\r\t \x \u12G4 \u \U0001F600 \u0000 \u0001
\\u0000 \\\u0000 \ud800 \udc00 \ud83d\ude00 \uD83D\uDE00 \udc00\ud800 \ud800\ud800 \ud83d\ud800
\\ud800 \u00e9 \u0074op vid\u0065o.view \u0031
"""
_BROKEN = [
    b"\x00",
    b"\x01",
    b"\n",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe9",
]
_STRUCTURES = rb"""
[] {} [1] ["x"] {"a":1} [1,] [,] {"a":1,} {1:2} {"a"_1} {"a":1,"a":2} {"a":NaN} {"NaN":"Infinity"}
/**/1 'x' "x ] } {"\u0000":1} {"\ud800":1}
"""
_SPACED = [b"", b"1 2", b"//\n1", b"\x0b1", b"\xa01", b" \t\r\n1 \t\r\n", b'{"\xff":1}', b"[1 2]"]
_LONG = [
    *(b"1" * 4000, b"1" * 4301, b"-" + b"1" * 5000, b"1." + b"1" * 5000, b'"' + b"x" * 5000 + b'"'),
    *(b"[" * depth + b"]" * depth for depth in (90, 195, 201, 900)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (90, 195, 201, 900)),
]

TOKENS: list[bytes] = [
    *_NUMBERS.encode().split(),
    *(b'"%b"' % text.encode() for text in (_NUMBERS + _MOMENTS + _AMOUNTS + _NAMES).split()),
    *(b'"%b"' % text.encode() for text in _STRINGS),
    *(b'"%b"' % inside for inside in [*_INSIDES.split(), *_BROKEN]),
    *[*_STRUCTURES.split(), *_SPACED, *_LONG],
]
"""Tokens in place of a value."""


def tree_of(value: Any) -> Any:
    """Parse a value: an object becomes a list of keys and values, each a text."""
    if isinstance(value, dict):
        return [(json.dumps(key).encode(), tree_of(inner)) for key, inner in value.items()]
    return json.dumps(value, ensure_ascii=False).encode()


def text_of(tree: Any, space: bytes = b"") -> bytes:
    """Write a tree, with white space wherever it is allowed."""
    if isinstance(tree, bytes):
        return space + tree + space
    pairs = [space + key + space + b":" + text_of(inner, space) for key, inner in tree]
    return space + b"{" + b",".join(pairs) + space + b"}" + space


def places_in(tree: Any) -> Iterator[tuple[Any, int]]:
    """Every key of an event: its object, and its position there."""
    for index, (_, inner) in enumerate(tree):
        yield tree, index
        if isinstance(inner, list):
            yield from places_in(inner)


def bend(owner: Any, index: int, way: str, token: bytes) -> None:
    """Change one place of an event in one way."""
    key, inner = owner[index]
    match way:
        case "replace":
            owner[index] = (key, token)
        case "repeat after":
            owner.append((key, token))
        case "repeat before":
            owner.insert(0, (key, token))
        case "unknown key":
            owner.insert(index, (b'"extra"', token))
        case "rename":
            owner[index] = (token, inner)
        case "remove":
            del owner[index]
        case "move":
            owner.append(owner.pop(index))


WAYS_WITH_TOKEN = ["replace", "repeat after", "repeat before", "unknown key", "rename"]
WAYS = [*WAYS_WITH_TOKEN, "remove", "move"]


def _respelled(name: str) -> list[bytes]:
    """Spellings of a key: the same to JSON, or only nearly the same."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    near = [name, name.upper(), snake, name + " ", name[:-1]]
    return [
        b'"\\u%04x%b"' % (ord(name[0]), name[1:].encode()),
        *(json.dumps(n).encode() for n in near),
    ]


KEYS: list[bytes] = sorted(
    {
        spelling
        for kind in KINDS
        for owner, index in places_in(tree_of(kind))
        for spelling in _respelled(json.loads(owner[index][0]))
    }
)
"""Tokens in place of a key."""
