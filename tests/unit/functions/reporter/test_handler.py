"""Reports over rows in memory."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.errors import Invalid, Unavailable
from functions.events.rows import EventRow
from functions.messages import Backlog
from functions.reporter.demographics_report import DemographicsReport, handle_demographics
from functions.reporter.events_report import EventsReport, handle_events
from functions.reporter.figures import LedgerFigures, LedgerSum
from functions.reporter.handler import to_json
from functions.reporter.ledger_report import LedgerReport, handle_ledger
from functions.reporter.revenue_report import REVENUE, RevenueReport, handle_revenue
from tests.doubles.fakes_reports import NOON, FakeReports, a_row, a_sale

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def events(*rows: EventRow, **params: str) -> Any:
    return json.loads(to_json(await handle_events(named(params), reports=FakeReports(rows))))


async def revenue(*rows: EventRow, **params: str) -> Any:
    return json.loads(to_json(await handle_revenue(named(params), reports=FakeReports(rows))))


async def demographics(*rows: EventRow, **params: str) -> Any:
    return json.loads(to_json(await handle_demographics(named(params), reports=FakeReports(rows))))


def named(params: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.rstrip("_"), text) for name, text in params.items()]


async def test_nothing_stored_is_zeros_and_empty_lists() -> None:
    assert await events() == {
        "filters": dict.fromkeys(
            ["from", "to", "source", "funnelStage", "eventType", "interval"], None
        ),
        "totalEvents": 0,
        "events": [],
    }
    assert await revenue() == {
        "filters": {
            **dict.fromkeys(["from", "to", "source", "campaignId", "interval"], None),
            "limit": 10,
        },
        "totalRevenue": "0.00",
        "transactionCount": 0,
        "averageTransactionValue": None,
        "currencies": [],
        "revenue": [],
        "topCampaigns": [],
    }


async def test_a_series_of_nothing_is_empty() -> None:
    assert (await events(interval="hour"))["series"] == []
    assert (await revenue(interval="month"))["series"] == []


async def test_no_user_has_no_average_and_every_range_is_empty() -> None:
    report = await demographics()

    assert report["filters"] == {"from": None, "to": None, "source": None, "limit": 10}
    assert report["totalUsers"] == 0
    assert [age["range"] for age in report["facebook"].pop("age")] == [
        *("0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
    ]
    assert report["facebook"] == {
        "users": 0,
        "averageAge": None,
        "gender": [],
        "countries": [],
        "cities": [],
        "unknown": {"age": 0, "gender": 0, "place": 0},
    }
    assert report["tiktok"] == {
        "users": 0,
        "followers": {"average": None, "min": None, "max": None},
        "followerRanges": [
            {"range": name, "users": 0}
            for name in ("0-999", "1000-9999", "10000-99999", "100000-999999", "1000000+")
        ],
        "countries": [],
        "devices": [],
        "averageWatchTime": None,
        "averagePercentageWatched": None,
        "unknown": {"followers": 0},
    }


async def test_filters_are_echoed_as_they_were_understood() -> None:
    report = await events(
        from_="2024-01-01T02:00:00.5 02:00", to="2024-01-31", source="TikTok", interval="week"
    )

    assert report["filters"] == {
        "from": "2024-01-01T00:00:00.500000Z",
        "to": "2024-02-01T00:00:00Z",
        "source": "tiktok",
        "funnelStage": None,
        "eventType": None,
        "interval": "week",
    }


async def test_events_are_ordered_by_count_then_source_stage_and_type() -> None:
    report = await events(
        a_row(source="tiktok", event_type="like"),
        a_row(event_type="page.like"),
        a_row(event_type="ad.view"),
        a_sale("1"),
        a_row(source="tiktok", event_type="share"),
        a_row(source="tiktok", event_type="share"),
    )

    assert [(kind["eventType"], kind["count"]) for kind in report["events"]] == [
        ("share", 2),
        ("checkout.complete", 1),
        ("ad.view", 1),
        ("page.like", 1),
        ("like", 1),
    ]
    assert report["totalEvents"] == 6


async def test_empty_buckets_between_the_first_and_the_last_are_listed() -> None:
    report = await events(
        a_row(occurred_at=NOON + 2 * HOUR), a_row(occurred_at=NOON), interval="hour"
    )

    assert report["series"] == [
        {"bucket": "2024-01-01T12:00:00Z", "count": 1},
        {"bucket": "2024-01-01T13:00:00Z", "count": 0},
        {"bucket": "2024-01-01T14:00:00Z", "count": 1},
    ]


@pytest.mark.parametrize(
    ("interval", "last", "buckets"),
    [
        ("day", datetime(2024, 1, 3, tzinfo=UTC), ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("week", datetime(2024, 1, 15, tzinfo=UTC), ["2024-01-01", "2024-01-08", "2024-01-15"]),
        ("month", datetime(2024, 3, 31, tzinfo=UTC), ["2024-01-01", "2024-02-01", "2024-03-01"]),
    ],
)
async def test_buckets_follow_the_calendar(
    interval: str, last: datetime, buckets: list[str]
) -> None:
    report = await events(a_row(), a_row(occurred_at=last), interval=interval)

    assert [bucket["bucket"] for bucket in report["series"]] == [
        f"{day}T00:00:00Z" for day in buckets
    ]


async def test_months_go_over_the_end_of_a_year_and_of_time() -> None:
    ends = (datetime(9998, 12, 5, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))

    report = await events(*(a_row(occurred_at=end) for end in ends), interval="month")

    assert len(report["series"]) == 13
    assert report["series"][-1] == {"bucket": "9999-12-01T00:00:00Z", "count": 1}


@pytest.mark.parametrize("handle", [handle_events, handle_revenue])
async def test_a_series_that_would_be_too_long_leaves_out_the_empty_buckets(handle: Any) -> None:
    rows = [a_sale("1"), a_sale("1", occurred_at=NOON + 100_000 * HOUR)]

    answer = await handle([("interval", "hour")], reports=FakeReports(rows))
    report = json.loads(to_json(answer))

    assert [bucket["bucket"] for bucket in report["series"]] == [
        "2024-01-01T12:00:00Z",
        "2035-05-30T04:00:00Z",
    ]
    assert report["seriesGaps"] is True


@pytest.mark.slow
@pytest.mark.parametrize("handle", [handle_events, handle_revenue])
async def test_a_series_of_too_many_buckets_that_have_something_is_refused(handle: Any) -> None:
    rows = [a_sale("1", occurred_at=NOON + hour * HOUR) for hour in range(100_001)]

    with pytest.raises(Invalid) as invalid:
        await handle([("interval", "hour")], reports=FakeReports(rows))

    [fault] = invalid.value.faults
    assert (fault.field, fault.code) == ("interval", "too_many_buckets")


@pytest.mark.slow
async def test_a_series_of_just_not_too_many_buckets_has_no_gaps() -> None:
    report = await events(a_row(), a_row(occurred_at=NOON + 99_999 * HOUR), interval="hour")

    assert len(report["series"]) == 100_000
    assert "seriesGaps" not in report


async def test_revenue_is_exact_and_averages_are_rounded_half_even() -> None:
    report = await revenue(
        a_sale("1000000000000.10"),
        a_sale("0.000001"),
        a_sale("0.2", source="tiktok"),
        a_sale("0.05", source="tiktok"),
    )

    assert report["totalRevenue"] == "1000000000000.350001"
    assert report["transactionCount"] == 4
    assert report["averageTransactionValue"] == "250000000000.09"
    assert report["revenue"] == [
        {
            "source": "facebook",
            "eventType": "checkout.complete",
            "totalRevenue": "1000000000000.100001",
            "transactionCount": 2,
            "averageTransactionValue": "500000000000.05",
        },
        {
            "source": "tiktok",
            "eventType": "purchase",
            "totalRevenue": "0.25",
            "transactionCount": 2,
            "averageTransactionValue": "0.12",
        },
    ]


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00"), ("5", "5.00"), ("5.1000", "5.10"), ("1E+3", "1000.00"), ("1E-6", "0.000001")],
)
async def test_money_has_at_least_two_decimals_and_no_exponent(amount: str, text: str) -> None:
    report = await revenue(a_sale("0", revenue=Decimal(amount)), interval="day")

    assert report["totalRevenue"] == text
    assert report["series"][0]["totalRevenue"] == text
    assert report["topCampaigns"][0]["totalRevenue"] == text


async def test_top_campaigns_are_ordered_by_revenue_then_id_and_cut() -> None:
    report = await revenue(
        a_sale("5", campaign_id="b"),
        a_sale("3", campaign_id="a"),
        a_sale("2", campaign_id="a"),
        a_sale("9", campaign_id="z"),
        a_sale("1", campaign_id="c"),
        limit="3",
    )

    assert report["topCampaigns"] == [
        {"campaignId": "z", "totalRevenue": "9.00", "transactionCount": 1},
        {"campaignId": "a", "totalRevenue": "5.00", "transactionCount": 2},
        {"campaignId": "b", "totalRevenue": "5.00", "transactionCount": 1},
    ]


async def test_a_campaign_leaves_tiktok_out() -> None:
    rows = (a_sale("1"), a_sale("2", campaign_id="camp-2"), a_sale("4", source="tiktok"))

    report = await revenue(*rows, campaignId="camp-2")
    nothing = await revenue(*rows, campaignId="camp-2", source="tiktok")

    assert [source["source"] for source in report["revenue"]] == ["facebook"]
    assert report["totalRevenue"] == "2.00"
    assert nothing["transactionCount"] == 0


async def test_empty_buckets_of_revenue_are_listed() -> None:
    report = await revenue(a_sale("1"), a_sale("2", occurred_at=NOON + 2 * DAY), interval="day")

    assert report["series"][1] == {
        "bucket": "2024-01-02T00:00:00Z",
        "totalRevenue": "0.00",
        "transactionCount": 0,
    }


async def test_days_of_a_time_zone_are_listed_with_its_offset_summer_time_included() -> None:
    at = datetime(2024, 3, 29, 23, tzinfo=UTC)  # the 30th in Kyiv; summer begins on the 31st
    report = await events(
        a_row(occurred_at=at),
        a_row(occurred_at=at + 3 * DAY),
        interval="day",
        timezone="Europe/Kyiv",
    )

    assert report["filters"]["timezone"] == "Europe/Kyiv"
    assert report["series"] == [
        {"bucket": "2024-03-30T00:00:00+02:00", "count": 1},
        {"bucket": "2024-03-31T00:00:00+02:00", "count": 0},
        {"bucket": "2024-04-01T00:00:00+03:00", "count": 0},
        {"bucket": "2024-04-02T00:00:00+03:00", "count": 1},
    ]


KYIV, KATHMANDU = "Europe/Kyiv", "Asia/Kathmandu"


@pytest.mark.parametrize(
    ("zone", "first", "hours", "buckets"),
    [
        # an hour that occurs twice is two buckets
        (KYIV, (2024, 10, 26, 23), 3, "02:00+03:00 03:00+03:00 03:00+02:00 04:00+02:00"),
        # an hour that is skipped is none
        (KYIV, (2024, 3, 31, 0), 2, "02:00+02:00 04:00+03:00 05:00+03:00"),
        (KATHMANDU, (2024, 1, 1, 0, 15), 2, "06:00+05:45 07:00+05:45 08:00+05:45"),
    ],
)
async def test_hours_of_a_time_zone_are_listed(
    zone: str, first: tuple[int, ...], hours: int, buckets: str
) -> None:
    at = datetime(*first, tzinfo=UTC)  # type: ignore[arg-type, misc]
    rows = [a_row(occurred_at=at), a_row(occurred_at=at + timedelta(hours=hours))]

    series = (await events(*rows, interval="hour", timezone=zone))["series"]

    assert [it["bucket"][11:16] + it["bucket"][19:] for it in series] == buckets.split()
    assert [it["count"] for it in series] == [1, *[0] * (len(series) - 2), 1]


async def test_weeks_and_months_of_a_time_zone_are_listed() -> None:
    rows = [a_row(occurred_at=datetime(2024, 2, 29, 22, tzinfo=UTC)), a_row(occurred_at=NOON)]

    months = await events(*rows, interval="month", timezone="Europe/Kyiv")
    weeks = await revenue(
        a_sale("1", occurred_at=datetime(2024, 1, 7, 22, tzinfo=UTC)),
        a_sale("2", occurred_at=datetime(2024, 1, 7, 21, tzinfo=UTC)),
        interval="week",
        timezone="Europe/Kyiv",
    )

    assert [(it["bucket"], it["count"]) for it in months["series"]] == [
        ("2024-01-01T00:00:00+02:00", 1),
        ("2024-02-01T00:00:00+02:00", 0),
        ("2024-03-01T00:00:00+02:00", 1),
    ]
    assert [(it["bucket"], it["totalRevenue"]) for it in weeks["series"]] == [
        ("2024-01-01T00:00:00+02:00", "2.00"),
        ("2024-01-08T00:00:00+02:00", "1.00"),
    ]


async def test_a_bucket_that_a_zone_s_clock_can_not_say_is_said_in_utc() -> None:
    first = datetime(1, 1, 1, 2, tzinfo=UTC)

    report = await events(a_row(occurred_at=first), interval="month", timezone="America/Lima")
    old = await events(
        a_row(occurred_at=datetime(1900, 1, 1, 12, tzinfo=UTC)),
        interval="day",
        timezone="Europe/Kyiv",
    )

    assert report["series"] == [{"bucket": "0001-01-01T00:00:00Z", "count": 1}]
    assert old["series"] == [{"bucket": "1899-12-31T21:57:56Z", "count": 1}]  # 2:02:04 before UTC


async def test_without_a_time_zone_the_filters_name_none() -> None:
    assert "timezone" not in (await events(a_row()))["filters"]


async def test_a_user_is_counted_once_by_the_newest_event() -> None:
    report = await demographics(
        a_row(user_id="a", age=17, city="Lviv"),
        a_row(user_id="a", age=18, city="Kyiv", occurred_at=NOON + DAY),
        to="2024-01-01",
    )

    assert report["totalUsers"] == 1
    assert report["facebook"]["averageAge"] == 18.0
    assert report["facebook"]["age"][1] == {"range": "18-24", "users": 1}
    assert report["facebook"]["cities"] == [{"country": "Ukraine", "city": "Kyiv", "users": 1}]


@pytest.mark.parametrize(
    ("age", "name"),
    [
        (0, "0-17"),
        (17, "0-17"),
        (18, "18-24"),
        (24, "18-24"),
        (25, "25-34"),
        (34, "25-34"),
        (35, "35-44"),
        (44, "35-44"),
        (45, "45-54"),
        (54, "45-54"),
        (55, "55-64"),
        (64, "55-64"),
        (65, "65+"),
        (150, "65+"),
    ],
)
async def test_ages_fall_into_ranges(age: int, name: str) -> None:
    report = await demographics(a_row(age=age))

    assert [found["range"] for found in report["facebook"]["age"] if found["users"]] == [name]


@pytest.mark.parametrize(
    ("followers", "name"),
    [
        (0, "0-999"),
        (999, "0-999"),
        (1000, "1000-9999"),
        (9999, "1000-9999"),
        (10_000, "10000-99999"),
        (99_999, "10000-99999"),
        (100_000, "100000-999999"),
        (999_999, "100000-999999"),
        (1_000_000, "1000000+"),
        (2**63 - 1, "1000000+"),
    ],
)
async def test_followers_fall_into_ranges(followers: int, name: str) -> None:
    tiktok = (await demographics(a_row(source="tiktok", followers=followers)))["tiktok"]

    assert [found["range"] for found in tiktok["followerRanges"] if found["users"]] == [name]
    assert tiktok["followers"]["min"] == tiktok["followers"]["max"] == followers


async def test_averages_are_rounded_half_even_to_one_decimal() -> None:
    ages = [a_row(age=age) for age in (20, 20, 20, 21)]
    watched = [a_row(source="tiktok", watch_seconds=seconds) for seconds in (0.1, 0.2, 1e308)]

    assert (await demographics(*ages))["facebook"]["averageAge"] == 20.2
    assert (await demographics(*watched[:2]))["tiktok"]["averageWatchTime"] == 0.2
    assert (await demographics(*watched))["tiktok"]["averageWatchTime"] == pytest.approx(1e308 / 3)


async def test_tiktok_is_watched_at_the_top_of_the_funnel() -> None:
    report = await demographics(
        a_row(source="tiktok", user_id="a", watch_device="iOS", watch_country="Japan"),
        a_row(source="tiktok", user_id="a", watch_device="iOS", watch_country="Chile"),
        a_row(source="tiktok", user_id="a", watch_device="Android", watch_country="Chile"),
        a_sale("5", source="tiktok", user_id="a"),
    )

    assert report["tiktok"]["users"] == 1
    assert report["tiktok"]["countries"] == [
        {"country": "Chile", "events": 2},
        {"country": "Japan", "events": 1},
    ]
    assert report["tiktok"]["devices"] == [
        {"device": "iOS", "events": 2},
        {"device": "Android", "events": 1},
    ]
    assert report["tiktok"]["averagePercentageWatched"] == 50.0


async def test_a_source_that_is_filtered_out_is_null() -> None:
    rows = (a_row(), a_row(source="tiktok"), a_row(source="tiktok"))

    facebook = await demographics(*rows, source="facebook")
    tiktok = await demographics(*rows, source="tiktok")

    assert (facebook["totalUsers"], facebook["tiktok"]) == (1, None)
    assert (tiktok["totalUsers"], tiktok["facebook"]) == (2, None)


@pytest.mark.parametrize("handle", [handle_events, handle_revenue, handle_demographics])
async def test_what_is_unavailable_stays_so(handle: Any) -> None:
    with pytest.raises(Unavailable):
        await handle([], reports=FakeReports(down=True))


@pytest.mark.parametrize("handle", [handle_events, handle_revenue, handle_demographics])
async def test_a_bad_question_is_never_asked(handle: Any) -> None:
    reports = FakeReports()

    with pytest.raises(Invalid):
        await handle([("source", "myspace")], reports=reports)

    assert reports.asked == []


def test_the_schema_has_a_series_only_now_and_then() -> None:
    for report in (EventsReport, RevenueReport):
        schema = report.model_json_schema(mode="serialization")

        assert schema["properties"]["series"]["type"] == "array"
        assert set(schema["properties"]) - set(schema["required"]) == {"series", "seriesGaps"}
    schema = DemographicsReport.model_json_schema(mode="serialization")
    assert set(schema["properties"]) == set(schema["required"])


async def test_the_ledger_says_what_is_missing() -> None:
    figures = LedgerFigures(
        [
            LedgerSum(NOON, 10, 6, 1, 1, 2, 9, 4, 2, 2),
            LedgerSum(NOON + HOUR, 5, 2, 0, 0, 1, 1, 1, 0, 0),
        ],
        [Backlog("fb-collector", NOON, 3, NOON - HOUR, 7), Backlog("x", NOON, 0, None, 7)],
    )

    report = await handle_ledger([("interval", "hour")], reports=FakeReports(ledger=figures))

    assert [bucket.imbalance for bucket in report.series] == [0, 2]
    assert report.total.model_dump() == {
        "accepted": 15,
        "stored": 8,
        "duplicates": 1,
        "deadLettered": 1,
        "inFlight": 3,
        "imbalance": 2,
        "rejected": 10,
        "rejections": {"kept": 5, "repeated": 2, "inFlight": 2, "imbalance": 1},
    }
    assert [it.oldest_seconds for it in report.waiting] == [3600, 0]
    assert LedgerReport.model_validate_json(to_json(report)) == report


async def test_an_empty_ledger_is_zeros_by_the_minute() -> None:
    report = await handle_ledger([], reports=FakeReports())

    assert report.filters.interval == "minute"
    total = report.total.model_dump()
    assert set(total.pop("rejections").values()) == set(total.values()) == {0}
    assert (report.series, report.waiting) == ((), ())


async def test_a_ledger_that_would_be_too_long_is_invalid() -> None:
    buckets = [LedgerSum(NOON, 1, 1, 0, 0, 0)] * 100_001

    with pytest.raises(Invalid, match="buckets"):
        await handle_ledger([], reports=FakeReports(ledger=LedgerFigures(buckets, ())))


async def test_currencies_are_never_added_up() -> None:
    euros = a_sale("10", currency="EUR", channel="meta.conversions")
    dollars = a_sale("7", currency="USD", channel="tiktok.events", source="tiktok")

    report = await revenue(euros, euros, dollars, a_sale("1"), interval="day")

    assert (report["totalRevenue"], report["averageTransactionValue"]) == (None, None)
    assert report["transactionCount"] == 4
    assert report["currencies"] == [
        {
            "currency": currency,
            "totalRevenue": total,
            "transactionCount": count,
            "averageTransactionValue": average,
        }
        for currency, total, count, average in (
            ("EUR", "20.00", 2, "10.00"),
            ("USD", "7.00", 1, "7.00"),
            ("unspecified", "1.00", 1, "1.00"),
        )
    ]
    assert [(it["source"], it["totalRevenue"], it["currency"]) for it in report["revenue"]] == [
        ("facebook", "20.00", "EUR"),
        ("tiktok", "7.00", "USD"),
        ("facebook", "1.00", "unspecified"),
    ]
    assert [(it["totalRevenue"], it["currency"]) for it in report["topCampaigns"]] == [
        ("20.00", "EUR"),
        ("1.00", "unspecified"),
    ]
    assert [(it["totalRevenue"], it["currency"]) for it in report["series"]] == [
        ("20.00", "EUR"),
        ("7.00", "USD"),
        ("1.00", "unspecified"),
    ]


async def test_each_currency_has_a_series_without_gaps() -> None:
    report = await revenue(
        a_sale("10", currency="EUR"), a_sale("7", occurred_at=NOON + 2 * HOUR), interval="hour"
    )

    assert [(it["totalRevenue"], it["currency"]) for it in report["series"]] == [
        ("10.00", "EUR"),
        ("0.00", "unspecified"),
        ("0.00", "EUR"),
        ("0.00", "unspecified"),
        ("0.00", "EUR"),
        ("7.00", "unspecified"),
    ]


async def test_one_currency_is_named_once() -> None:
    report = await revenue(a_sale("10", currency="EUR"), interval="day")

    assert report["totalRevenue"] == "10.00"
    assert [it["currency"] for it in report["currencies"]] == ["EUR"]
    for name in ("revenue", "topCampaigns", "series"):
        assert "currency" not in report[name][0]


@pytest.mark.parametrize(
    ("currency", "total"), [("eur", "10.00"), ("UNSPECIFIED", "1.00"), ("JPY", "0.00")]
)
async def test_revenue_is_filtered_by_currency(currency: str, total: str) -> None:
    report = await revenue(a_sale("10", currency="EUR"), a_sale("1"), currency=currency)

    assert report["totalRevenue"] == total
    assert report["filters"]["currency"].lower() == currency.lower()


async def test_reports_are_filtered_by_channel() -> None:
    shop = a_sale("10", channel="tiktok.shop", source="tiktok")

    counted = await events(shop, a_row(), channel="tiktok.shop")
    earned = await revenue(shop, a_sale("1"), channel="native")

    assert (counted["totalEvents"], counted["filters"]["channel"]) == (1, "tiktok.shop")
    assert (earned["totalRevenue"], earned["filters"]["channel"]) == ("1.00", "native")
    assert "channel" not in (await events())["filters"]


@pytest.mark.parametrize(
    "params",
    [
        {"channel": "meta"},
        {"channel": "Native"},
        {"currency": "euro"},
        {"currency": "\uff25\uff35\uff32"},
    ],
)
async def test_a_wrong_channel_or_currency_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        await revenue(**params)


@pytest.mark.parametrize("event_type", ["page.view", "custom"])
async def test_standard_types_of_other_channels_can_be_asked_for(event_type: str) -> None:
    row = a_row(event_type=event_type, channel="meta.conversions")

    assert (await events(row, a_row(), eventType=event_type))["totalEvents"] == 1


async def test_the_table_of_revenue_always_names_the_currency() -> None:
    one = await handle_revenue([], reports=FakeReports([a_sale("1")]))
    none = await handle_revenue([("interval", "day")], reports=FakeReports([]))

    assert REVENUE.to_csv(one).decode().splitlines() == [
        "source,eventType,totalRevenue,transactionCount,averageTransactionValue,currency",
        "facebook,checkout.complete,1.00,1,1.00,unspecified",
    ]
    assert REVENUE.to_csv(none).decode() == "bucket,totalRevenue,transactionCount,currency\r\n"


async def test_a_user_of_whom_nothing_is_known_counts_and_is_in_no_list() -> None:
    unknown = {"channel": "meta.conversions", "age": None, "gender": None}
    nobody = a_row(channel="meta.conversions", user_key=None)
    facebook = a_row(**unknown, country=None, city=None)
    tiktok = a_row(source="tiktok", channel="tiktok.shop", followers=None, watch_seconds=None)

    report = await demographics(a_row(), facebook, nobody, tiktok)

    assert report["totalUsers"] == 3
    assert (report["facebook"]["users"], report["facebook"]["averageAge"]) == (2, 30.0)
    assert report["facebook"]["unknown"] == {"age": 1, "gender": 1, "place": 1}
    assert sum(it["users"] for it in report["facebook"]["age"]) == 1
    assert report["facebook"]["gender"] == [{"gender": "female", "users": 1}]
    assert report["tiktok"]["unknown"] == {"followers": 1}
    assert (report["tiktok"]["users"], report["tiktok"]["countries"]) == (1, [])
