import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import Fault
from functions.events import EVENT_TYPES
from functions.events.facebook.shapes import FacebookTop
from functions.events.judging import InvalidEvent, judge
from functions.events.tiktok.shapes import TiktokBottom
from tests.builders import a_facebook_event, a_tiktok_event, raw, raw_with

FACEBOOK = {
    "userId": ("user",),
    "name": ("user",),
    "age": ("user",),
    "gender": ("user",),
    "location": ("user",),
    "country": ("user", "location"),
    "city": ("user", "location"),
}
TIKTOK = {"userId": ("user",), "username": ("user",), "followers": ("user",)}
ENGAGEMENTS = {
    "ad.view": ("actionTime", "referrer", "videoId"),
    "ad.click": (
        "adId",
        "campaignId",
        "clickPosition",
        "device",
        "browser",
        "purchaseAmount",
    ),
    "like": ("watchTime", "percentageWatched", "device", "country", "videoId"),
    "follow": ("actionTime", "profileId", "purchasedItem", "purchaseAmount"),
}
NULLABLE = {
    ("ad.view", "videoId"),
    ("ad.click", "purchaseAmount"),
    ("follow", "profileId"),
    ("follow", "purchasedItem"),
    ("follow", "purchaseAmount"),
}


def an_event(event_type: str, **fields: Any) -> dict[str, Any]:
    facebook = event_type in {"ad.view", "ad.click"}
    return (a_facebook_event if facebook else a_tiktok_event)(eventType=event_type, **fields)


def snake(key: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)


def fault_of(event: bytes) -> Fault:
    with pytest.raises(InvalidEvent) as caught:
        judge(event)
    return caught.value.fault


def every_key() -> Iterator[tuple[str, tuple[str, ...]]]:
    for event_type, engagement in ENGAGEMENTS.items():
        for key in ("eventId", "timestamp", "source", "funnelStage", "eventType", "data"):
            yield event_type, (key,)
        for key in ("user", "engagement"):
            yield event_type, ("data", key)
        user = FACEBOOK if event_type in {"ad.view", "ad.click"} else TIKTOK
        for key, path in user.items():
            yield event_type, ("data", *path, key)
        for key in engagement:
            yield event_type, ("data", "engagement", key)


def owner_of(event: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for key in path[:-1]:
        event = event[key]
    return event


@pytest.mark.parametrize(("event_type", "path"), list(every_key()))
def test_every_key_is_required(event_type: str, path: tuple[str, ...]) -> None:
    event = an_event(event_type)
    del owner_of(event, path)[path[-1]]

    assert fault_of(raw(event)) == Fault(".".join(path), "missing", "Field required")


@pytest.mark.parametrize(("event_type", "path"), list(every_key()))
def test_null_is_valid_only_where_the_contract_says_so(
    event_type: str, path: tuple[str, ...]
) -> None:
    event = an_event(event_type)
    owner_of(event, path)[path[-1]] = None

    if (event_type, path[-1]) in NULLABLE and path[1] == "engagement":
        assert getattr(judge(raw(event)).data.engagement, snake(path[-1])) is None
    else:
        assert fault_of(raw(event)).field == ".".join(path)


@pytest.mark.parametrize(("event_type", "path"), list(every_key()))
def test_a_value_of_another_type_is_never_bent_into_shape(
    event_type: str, path: tuple[str, ...]
) -> None:
    event = an_event(event_type)
    owner_of(event, path)[path[-1]] = [owner_of(event, path)[path[-1]]]

    assert fault_of(raw(event)).field == ".".join(path)


@pytest.mark.parametrize(
    ("source", "stage", "event_type"),
    [(source, stage, name) for (source, stage), names in EVENT_TYPES.items() for name in names],
)
def test_every_kind_of_event_is_valid_in_its_source_and_stage_only(
    source: str, stage: str, event_type: str
) -> None:
    build = a_facebook_event if source == "facebook" else a_tiktok_event
    other = "bottom" if stage == "top" else "top"

    event = judge(raw(build(funnelStage=stage, eventType=event_type)))
    misplaced = fault_of(raw(build(funnelStage=other, eventType=event_type)))

    assert (event.source, event.funnel_stage, event.event_type) == (source, stage, event_type)
    assert (misplaced.field, misplaced.code) == ("eventType", "literal_error")


@pytest.mark.parametrize("build", [a_facebook_event, a_tiktok_event])
def test_the_engagement_is_that_of_the_stage(build: Any) -> None:
    top, bottom = build(funnelStage="top"), build(funnelStage="bottom")
    top["data"]["engagement"] = bottom["data"]["engagement"]

    assert fault_of(raw(top)).field.startswith("data.engagement.")


def test_a_type_of_the_other_source_is_invalid() -> None:
    assert fault_of(raw(a_facebook_event(eventType="share"))).field == "eventType"
    assert fault_of(raw(a_tiktok_event(eventType="page.like"))).field == "eventType"


VALUES: list[tuple[str, str, str, list[object], list[object]]] = [
    ("ad.view", "user", "age", [0, 150], [-1, 151, 1.5, "30", True]),
    ("ad.view", "user", "gender", ["male", "female", "non-binary"], ["alien", "Male", ""]),
    ("ad.view", "user", "name", ["", "Анна", "\U0001f600"], [1, True]),
    (
        "ad.view",
        "engagement",
        "referrer",
        ["newsfeed", "marketplace", "groups"],
        ["search", "Groups"],
    ),
    ("ad.view", "engagement", "videoId", ["", "v"], [1]),
    (
        "ad.click",
        "engagement",
        "clickPosition",
        ["top_left", "bottom_right", "center"],
        ["top-left"],
    ),
    ("ad.click", "engagement", "device", ["mobile", "desktop"], ["iOS", "Desktop"]),
    ("ad.click", "engagement", "browser", ["Chrome", "Firefox", "Safari"], ["Opera", "chrome"]),
    ("like", "user", "followers", [0, 2**63 - 1], [-1, 2**63, 10**400, 1.5, "not-a-number"]),
    ("like", "engagement", "watchTime", [0, 0.5, 10**9], [-1, -0.001, "1", True]),
    ("like", "engagement", "percentageWatched", [0, 99.9, 100], [-1, 100.1, 101, "50"]),
    ("like", "engagement", "device", ["Android", "iOS", "Desktop"], ["mobile", "ios"]),
    ("follow", "engagement", "purchasedItem", ["", "hat"], [1]),
]


@pytest.mark.parametrize(
    ("event_type", "part", "key", "value"),
    [(name, part, key, value) for name, part, key, good, _ in VALUES for value in good],
)
def test_values_within_the_contract_are_valid(
    event_type: str, part: str, key: str, value: object
) -> None:
    event = judge(raw(an_event(event_type, **{part: {key: value}})))

    assert getattr(getattr(event.data, part), snake(key)) == value


@pytest.mark.parametrize(
    ("event_type", "part", "key", "value"),
    [(name, part, key, value) for name, part, key, _, bad in VALUES for value in bad],
)
def test_values_outside_the_contract_are_invalid(
    event_type: str, part: str, key: str, value: object
) -> None:
    fault = fault_of(raw(an_event(event_type, **{part: {key: value}})))

    assert fault.field == f"data.{part}.{key}"


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
@pytest.mark.parametrize("key", ["watchTime", "percentageWatched"])
def test_a_number_must_be_finite(key: str, number: str) -> None:
    event = raw_with(a_tiktok_event(engagement={key: "@"}), number)

    assert fault_of(event).field == f"data.engagement.{key}"


@pytest.mark.parametrize("event_id", ["x", "x" * 200, "\U0001f600" * 200])
def test_an_id_has_1_to_200_characters(event_id: str) -> None:
    assert judge(raw(a_facebook_event(eventId=event_id))).event_id == event_id


@pytest.mark.parametrize(
    ("event_id", "code"),
    [("", "string_too_short"), ("x" * 201, "string_too_long"), (7, "string_type")],
)
def test_another_id_is_invalid_and_not_repeated(event_id: object, code: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        judge(raw(a_facebook_event(eventId=event_id)))

    assert (caught.value.fault.field, caught.value.fault.code) == ("eventId", code)
    assert caught.value.event_id is None


def test_unknown_keys_are_no_reason_to_refuse() -> None:
    event = a_facebook_event(
        extra={"deep": [1, None, {"": "\t"}]}, user={"nick": "x"}, engagement={"1e400": "NaN"}
    )

    assert judge(raw(event)).event_id == event["eventId"]


@pytest.mark.parametrize(
    "number", ["1e400", "1e-400", "1E99999999999999999999", "1" * 4000, "-0", "0.1e+1"]
)
def test_any_json_number_may_stand_at_an_unknown_key(number: str) -> None:
    event = a_facebook_event(
        eventType="checkout.complete", extra="@", engagement={"purchaseAmount": 1.5}
    )

    assert judge(raw_with(event, number)).event_id == event["eventId"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("2024-01-01t12:00:00z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("2024-01-01T12:00:00.5Z", datetime(2024, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-01-01T12:00:00.123456789Z", datetime(2024, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-01-01T12:00:00+02:30", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
        ("2024-01-01T00:00:00-23:59", datetime(2024, 1, 1, 23, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read_in_utc(moment: str, expected: datetime) -> None:
    timestamp = judge(raw(a_facebook_event(timestamp=moment))).timestamp

    assert timestamp == expected
    assert timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "moment",
    [
        "invalid-timestamp",
        "",
        "2024-01-01",
        "2024-01-01T12:00:00",
        "2024-01-01T12:00Z",
        "2024-01-01 12:00:00Z",
        "2024-01-01T12:00:00.Z",
        "2024-01-01T12:00:00+0100",
        "2024-01-01T12:00:00+24:00",
        "2024-01-01T24:00:00Z",
        "2023-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2024-01-01T12:00:00Z\n",
        "\uff12024-01-01T12:00:00Z",
        "1704110400",
        1704110400,
        1704110400.5,
    ],
)
def test_anything_else_is_no_timestamp(moment: object) -> None:
    assert fault_of(raw(a_tiktok_event(timestamp=moment))).field == "timestamp"


@pytest.mark.parametrize("event_type", ["ad.view", "follow"])
def test_an_action_time_is_also_a_date_time(event_type: str) -> None:
    at_the_edge = an_event(event_type, engagement={"actionTime": "0001-01-01T00:00:00+01:00"})
    fault = fault_of(raw(an_event(event_type, engagement={"actionTime": -1})))

    assert judge(raw(at_the_edge))
    assert (fault.field, fault.code) == ("data.engagement.actionTime", "datetime")


def amount_of(json_text: str) -> Decimal:
    event = a_tiktok_event(eventType="purchase", engagement={"purchaseAmount": "@"})
    read = judge(raw_with(event, json_text))
    assert isinstance(read, TiktokBottom)
    return Decimal(read.data.engagement.purchase_amount or "NaN")


@pytest.mark.parametrize(
    ("json_text", "expected"),
    [
        ('"0"', "0"),
        ('"19.99"', "19.99"),
        ('"000000000019.990000"', "19.99"),
        ('"123456789012.123456"', "123456789012.123456"),
        ('"999999999999.999999"', "999999999999.999999"),
        ("0", "0"),
        ("-0.0", "0"),
        ("19", "19"),
        ("0.1", "0.1"),
        ("19.990000000000000000000", "19.99"),
        ("123456789012.123456", "123456789012.123456"),
        ("999999999999.999999", "999999999999.999999"),
        ("1e2", "100"),
        ("1234E-2", "12.34"),
        ("1e-6", "0.000001"),
    ],
)
def test_an_amount_is_exact(json_text: str, expected: str) -> None:
    amount = amount_of(json_text)

    assert amount == Decimal(expected)
    assert not amount.is_signed()


@given(st.decimals(min_value=0, max_value=Decimal("999999999999.999999"), places=6))
def test_an_amount_is_the_same_as_a_string_and_as_a_number(amount: Decimal) -> None:
    assert amount_of(f"{amount:f}") == amount_of(f'"{amount:f}"') == amount


@pytest.mark.parametrize(
    "json_text",
    [
        '"1_000"',
        '"\uff11"',
        '"\u0661"',
        '"NaN"',
        '"Infinity"',
        '"1e2"',
        '"+1"',
        '"-1"',
        '" 1"',
        '"1\\n"',
        '""',
        '"."',
        '"1."',
        '".5"',
        '"1,5"',
        '"1.1234567"',
        '"1234567890123"',
        "-1",
        "-0.000001",
        "1e400",
        "-1e400",
        "1e-7",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "1000000000000",
        "999999999999.9999999",
        "0.30000000000000004",
        "true",
        "false",
        "[]",
        "{}",
    ],
)
def test_anything_else_is_no_amount(json_text: str) -> None:
    event = a_facebook_event(eventType="checkout.complete", engagement={"purchaseAmount": "@"})

    fault = fault_of(raw_with(event, json_text))

    assert (fault.field, fault.code) == ("data.engagement.purchaseAmount", "amount")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("place", ["engagement", "user", "extra"])
def test_not_a_number_is_not_json(constant: str, place: str) -> None:
    event = a_facebook_event(eventType="ad.click", **{place: {"purchaseAmount": "@"}})

    fault = fault_of(raw_with(event, constant))

    assert fault.code == "json_invalid"


HALVES = [
    "\\ud800",
    "\\ud800\\ud800",
    "\\uDFFF",
    "\\udc00\\ud800",
    "\\ud83d \\ude00",
    "\\\\\\ud800",
]


@pytest.mark.parametrize("place", ["value", "key", "unknown", "unknown key", "id"])
@pytest.mark.parametrize(
    ("escape", "code", "word"),
    [("\\u0000", "nul_character", "NUL")] + [(h, "lone_surrogate", "surrogate") for h in HALVES],
)
def test_what_postgresql_could_not_keep_is_invalid_wherever_it_stands(
    escape: str, code: str, word: str, place: str
) -> None:
    event = {
        "value": a_facebook_event(user={"name": "x@y"}),
        "key": a_facebook_event(user={"x@y": 1}),
        "unknown": a_facebook_event(extra=[{"deep": ["x@y"]}]),
        "unknown key": a_facebook_event(extra=[{"deep": {"x@y": 1}}]),
        "id": a_facebook_event(eventId="x@y"),
    }[place]

    fault = fault_of(raw(event).replace(b"@", escape.encode()))

    assert fault.code == code
    assert word in fault.message


@pytest.mark.parametrize(
    "text", ["\\\\u0000", "\\\\\\\\ud800", "\\\\ud800", "\\ud83d\\ude00", "\\u0001", "u0000"]
)
def test_an_escape_that_only_looks_like_one_is_fine(text: str) -> None:
    event = raw(a_facebook_event(user={"name": "@"})).replace(b"@", text.encode())

    read = judge(event)
    assert isinstance(read, FacebookTop)
    assert read.data.user.name == json.loads(f'"{text}"')


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b'{"eventId":"NaN',
        b'{"NaN":"\xff"}',
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"NaN",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        "{}".encode("utf-16"),
        b'{"NaN":' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_object_is_invalid_as_a_whole(text: bytes) -> None:
    with pytest.raises(InvalidEvent) as caught:
        judge(text)

    assert (caught.value.event_id, caught.value.source) == (None, None)


@pytest.mark.parametrize("name", [b"\xff", b"\xed\xa0\x80", b"\x00", b"\n", b"\xc0\x80"])
@pytest.mark.parametrize("key", [b"name", b"unknown", b"eventId"])
def test_bytes_that_are_no_json_string_are_invalid(name: bytes, key: bytes) -> None:
    event = raw(a_facebook_event(user={key.decode(): "@"}) | {key.decode(): "@"})

    assert fault_of(event.replace(b"@", name)).code == "json_invalid"


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("inside", ["1", '"NaN"'])
def test_nesting_without_end_is_invalid(depth: int, inside: str) -> None:
    event = raw_with(a_facebook_event(extra="@"), "[" * depth + inside + "]" * depth)

    assert fault_of(event).code == "json_invalid"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (
            {"source": "snapchat"},
            Fault("source", "literal_error", "Input should be 'facebook' or 'tiktok'"),
        ),
        (
            {"funnelStage": "middle"},
            Fault("funnelStage", "literal_error", "Input should be 'top' or 'bottom'"),
        ),
        (
            {"eventId": "", "timestamp": "x"},
            Fault("eventId", "string_too_short", "String should have at least 1 character"),
        ),
        (
            {"user": {"age": "30"}},
            Fault("data.user.age", "int_type", "Input should be a valid integer"),
        ),
        (
            {"timestamp": "soon"},
            Fault("timestamp", "datetime", "Input should be an RFC 3339 date-time with offset"),
        ),
    ],
)
def test_the_first_fault_says_where_and_what(fields: dict[str, Any], fault: Fault) -> None:
    assert fault_of(raw(a_facebook_event(**fields))) == fault


def test_an_invalid_event_is_named_by_what_can_be_read_of_it() -> None:
    with pytest.raises(InvalidEvent) as caught:
        judge(raw(a_tiktok_event(eventId="ttk-1", funnelStage="middle")))

    assert (caught.value.event_id, caught.value.source) == ("ttk-1", "tiktok")


@pytest.mark.parametrize("event_id", ["x\\u0000", "x\\ud800"])
def test_an_id_that_could_not_be_kept_names_nothing(event_id: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        judge(raw(a_tiktok_event(eventId="@")).replace(b"@", event_id.encode()))

    assert (caught.value.event_id, caught.value.source) == (None, "tiktok")


def test_of_a_repeated_key_the_last_counts() -> None:
    assert amount_of('"x","purchaseAmount":1.10') == Decimal("1.10")
    assert amount_of('1.10,"purchaseAmount":"2"') == Decimal(2)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_at_all_are_judged(text: bytes) -> None:
    with pytest.raises(InvalidEvent):
        judge(text)
