"""Query parameters that make a question, and the faults of those that do not."""

from datetime import UTC, datetime

import pytest

from functions.errors import Invalid
from functions.parameters import Period
from functions.reporter.demographics_report import DemographicsQuestion, parse_demographics_question
from functions.reporter.events_report import EventsQuestion, parse_events_question
from functions.reporter.revenue_report import RevenueQuestion, parse_revenue_question

KELVIN = "\u212a"
FULL_WIDTH_TEN = "\uff11\uff10"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_no_parameter_is_no_filter() -> None:
    everything = Period(None, None)

    assert parse_events_question([]) == EventsQuestion(everything)
    assert parse_revenue_question([]) == RevenueQuestion(everything, limit=10)
    assert parse_demographics_question([]) == DemographicsQuestion(everything, limit=10)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01", at(2024, 1, 1)),
        ("0001-01-01", at(1, 1, 1)),
        ("2024-02-29", at(2024, 2, 29)),
        ("2024-01-01T00:00:00", at(2024, 1, 1)),
        ("2024-01-01T12:30:15Z", at(2024, 1, 1, 12, 30, 15)),
        ("2024-01-01t12:30:15z", at(2024, 1, 1, 12, 30, 15)),
        ("2024-01-01T12:30:15.5Z", at(2024, 1, 1, 12, 30, 15, 500_000)),
        ("2024-01-01T12:30:15.1234567899Z", at(2024, 1, 1, 12, 30, 15, 123_456)),
        ("2024-01-01T12:30:15+02:00", at(2024, 1, 1, 10, 30, 15)),
        ("2024-01-01T12:30:15 02:00", at(2024, 1, 1, 10, 30, 15)),
        ("2024-01-01T12:30:15-02:30", at(2024, 1, 1, 15, 0, 15)),
        ("2024-01-01T00:00:00-00:00", at(2024, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", at(9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_a_start_is_read_in_utc(text: str, moment: datetime) -> None:
    assert parse_events_question([("from", text)]).period == Period(moment, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", at(2024, 2, 1)),
        ("2024-02-28", at(2024, 2, 29)),
        ("9999-12-30", at(9999, 12, 31)),
        ("9999-12-31", None),  # nothing lies after it
        ("2024-01-31T00:00:00Z", at(2024, 1, 31)),
    ],
)
def test_an_end_is_left_out_and_a_date_is_taken_in(text: str, moment: datetime | None) -> None:
    assert parse_events_question([("to", text)]).period == Period(None, moment)


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" ", "datetime"),
        ("yesterday", "datetime"),
        ("1704067200", "datetime"),
        ("2024", "datetime"),
        ("2024-W01-1", "datetime"),
        ("20240101", "datetime"),
        ("2024-1-1", "datetime"),
        (" 2024-01-01", "datetime"),
        ("2024-01-01\n", "datetime"),
        ("2024-01-01\0", "datetime"),
        ("-2024-01-01", "datetime"),
        ("12024-01-01", "datetime"),
        (f"20{FULL_WIDTH_TEN}-01-01", "datetime"),
        ("2024-02-30", "datetime"),
        ("2023-02-29", "datetime"),
        ("2024-13-01", "datetime"),
        ("0000-01-01", "datetime"),
        ("0000-01-01T00:00:00Z", "datetime"),
        ("2024-01-01T", "datetime"),
        ("2024-01-01Z", "datetime"),
        ("2024-01-01T12:30", "datetime"),
        ("2024-01-01 12:30:15", "datetime"),
        ("2024-01-01T24:00:00", "datetime"),
        ("2024-01-01T23:60:00", "datetime"),
        ("2024-01-01T23:59:60Z", "datetime"),
        ("2024-01-01T12:30:15.Z", "datetime"),
        ("2024-01-01T12:30:15,5Z", "datetime"),
        ("2024-01-01T12:30:15+0200", "datetime"),
        ("2024-01-01T12:30:15+02", "datetime"),
        ("2024-01-01T12:30:15+24:00", "datetime"),
        ("2024-01-01T12:30:15+02:60", "datetime"),
        ("2024-01-01T12:30:15  02:00", "datetime"),
        ("0001-01-01T00:00:00+14:00", "datetime_range"),
        ("9999-12-31T23:59:59-00:01", "datetime_range"),
    ],
)
def test_an_invalid_time_is_a_fault(name: str, text: str, code: str) -> None:
    assert faults_of([(name, text)]) == [(name, code)]


def test_a_day_may_be_its_own_end() -> None:
    question = parse_events_question([("from", "2024-01-01"), ("to", "2024-01-01")])

    assert question.period == Period(at(2024, 1, 1), at(2024, 1, 2))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"),
        ("2024-01-02", "2024-01-01"),
    ],
)
def test_the_start_should_be_before_the_end(start: str, end: str) -> None:
    assert faults_of([("from", start), ("to", end)]) == [("from", "range")]


@pytest.mark.parametrize("text", ["facebook", "FACEBOOK", "FaceBook"])
def test_a_source_is_read_in_any_case(text: str) -> None:
    assert parse_events_question([("source", text)]).source == "facebook"


@pytest.mark.parametrize("text", ["myspace", "facebook ", f"faceboo{KELVIN}", "tiktok\0", "null"])
def test_another_source_is_a_fault(text: str) -> None:
    assert faults_of([("source", text)]) == [("source", "choice")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("funnelStage", "TOP"),
        ("eventType", "Ad.View"),
        ("eventType", "refund"),
        ("interval", "Day"),
        ("interval", "year"),
    ],
)
def test_other_choices_are_read_exactly(name: str, text: str) -> None:
    assert faults_of([(name, text)]) == [(name, "choice")]


@pytest.mark.parametrize(
    ("source", "stage", "event_type"),
    [
        ("facebook", None, "purchase"),
        ("tiktok", None, "ad.view"),
        (None, "top", "checkout.complete"),
        (None, "bottom", "comment"),
        ("tiktok", "top", "follow"),
        ("TikTok", "bottom", "like"),
    ],
)
def test_a_type_that_source_or_stage_does_not_have_is_a_fault(
    source: str | None, stage: str | None, event_type: str
) -> None:
    params = [("source", source), ("funnelStage", stage), ("eventType", event_type)]

    faults = faults_of([(name, text) for name, text in params if text])

    assert faults == [("eventType", "no_such_kind")]


def test_a_type_of_both_sources_needs_neither() -> None:
    assert parse_events_question([("eventType", "video.view")]).event_type == "video.view"


@pytest.mark.parametrize("text", ["1", "10", "100"])
def test_a_limit_is_read(text: str) -> None:
    assert parse_revenue_question([("limit", text)]).limit == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "101",
        "-1",
        "+5",
        " 5",
        "5 ",
        "010",
        "1e1",
        "1_0",
        "5.0",
        FULL_WIDTH_TEN,
        "²",
        "ten",
        "9" * 5000,
    ],
)
def test_an_invalid_limit_is_a_fault(text: str) -> None:
    assert faults_of([("limit", text)], parse_revenue_question) == [("limit", "limit")]
    assert faults_of([("limit", text)], parse_demographics_question) == [("limit", "limit")]


@pytest.mark.parametrize("text", ["camp-1", " ", "null", "кампанія", "x" * 10_000])
def test_a_campaign_is_any_text(text: str) -> None:
    assert parse_revenue_question([("campaignId", text)]).campaign_id == text


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), ("a\0b", "nul_character"), ("\ud800", "lone_surrogate")]
)
def test_a_campaign_that_can_not_be_stored_is_a_fault(text: str, code: str) -> None:
    assert faults_of([("campaignId", text)], parse_revenue_question) == [("campaignId", code)]


def test_a_repeated_parameter_is_a_fault_even_of_one_value() -> None:
    params = [("source", "tiktok"), ("source", "tiktok")]

    assert faults_of(params) == [("source", "repeated_parameter")]


@pytest.mark.parametrize("name", ["limit", "campaignId", "FROM", "from ", "", "\ud800"])
def test_an_unknown_parameter_is_a_fault(name: str) -> None:
    [(field, code)] = faults_of([(name, "x")])

    assert (field, code) == (name.encode(errors="backslashreplace").decode(), "unknown_parameter")


def test_every_fault_is_reported_at_once_without_the_input() -> None:
    params = [
        ("to", "SECRET"),
        ("who", "SECRET"),
        ("source", "SECRET"),
        ("eventType", "like"),
        ("funnelStage", "bottom"),
        ("interval", ""),
        ("from", "2024-01-01"),
        ("from", "SECRET"),
    ]

    with pytest.raises(Invalid) as invalid:
        parse_events_question(params)

    assert [(fault.field, fault.code) for fault in invalid.value.faults] == [
        ("to", "datetime"),
        ("who", "unknown_parameter"),
        ("source", "choice"),
        ("interval", "empty"),
        ("from", "repeated_parameter"),
        ("eventType", "no_such_kind"),
    ]
    assert "SECRET" not in str(invalid.value)


def faults_of(
    params: list[tuple[str, str]], parse: object = parse_events_question
) -> list[tuple[str, str]]:
    assert callable(parse)
    with pytest.raises(Invalid) as invalid:
        parse(params)
    return [(fault.field, fault.code) for fault in invalid.value.faults]


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", at(2024, 3, 31), at(2024, 4, 1)),
        ("Europe/Kyiv", at(2024, 3, 30, 22), at(2024, 3, 31, 21)),  # 23 hours: summer begins
        ("Asia/Kathmandu", at(2024, 3, 30, 18, 15), at(2024, 3, 31, 18, 15)),
        ("America/St_Johns", at(2024, 3, 31, 2, 30), at(2024, 4, 1, 2, 30)),
    ],
)
def test_dates_are_days_of_the_time_zone(zone: str, start: datetime, end: datetime) -> None:
    params = [("from", "2024-03-31"), ("to", "2024-03-31"), ("timezone", zone)]

    question = parse_events_question(params)

    assert question.period == Period(start, end)
    assert parse_demographics_question(params).period == question.period
    assert parse_revenue_question(params).timezone == zone


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("America/Sao_Paulo", "2018-11-04", at(2018, 11, 4, 3)),  # its midnight is skipped
        ("America/Sao_Paulo", "2018-02-18", at(2018, 2, 18, 3)),  # the hour before it came twice
        ("America/Havana", "2024-11-03", at(2024, 11, 3, 5)),  # its midnight comes twice
        ("Pacific/Apia", "2011-12-30", at(2011, 12, 30, 10)),  # a day that was skipped
    ],
)
def test_a_day_begins_where_its_midnight_should_be(zone: str, day: str, start: datetime) -> None:
    question = parse_events_question([("timezone", zone), ("from", day)])

    assert question.period == Period(start, None)


def test_a_time_without_an_offset_is_utc_in_any_time_zone() -> None:
    params = [("from", "2024-01-01T00:00:00"), ("timezone", "Europe/Kyiv")]

    assert parse_events_question(params).period.start == at(2024, 1, 1)


@pytest.mark.parametrize(
    "name",
    ["Kyiv", "europe/kyiv", "+02:00", "../etc/passwd", "/etc/localtime", "UTC\0", "posix/UTC"],
)
def test_an_unknown_time_zone_is_a_fault(name: str) -> None:
    faults = faults_of([("timezone", name), ("from", "2024-01-01")])

    assert faults == [("timezone", "unknown_timezone")]


def test_a_day_that_utc_does_not_have_is_a_fault() -> None:
    faults = faults_of([("timezone", "Asia/Tokyo"), ("from", "0001-01-01")])

    assert faults == [("from", "datetime_range")]


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        ("2024-01-01", "2024-01-07", True),
        ("2024-01-01T00:00:00Z", "2024-01-08T00:00:01Z", False),
        ("2024-01-01", None, False),
        (None, "2024-01-01", False),
    ],
)
def test_minutes_are_listed_for_a_week_at_the_most(
    start: str | None, end: str | None, *, fits: bool
) -> None:
    params = [("interval", "minute")]
    params += [("from", start)] if start else []
    params += [("to", end)] if end else []

    if fits:
        assert parse_events_question(params).interval == "minute"
    else:
        assert faults_of(params) == [("interval", "too_many_buckets")]
