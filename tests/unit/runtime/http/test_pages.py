"""Pages over HTTP, on ports in memory: their content, and their protection."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest

from functions.messages import DeadLetter, Reason
from functions.operator.groups import DAYS, group
from functions.operator.ports import Action, State
from functions.parameters import Interval
from functions.reporter.handler import REPORTS
from functions.reporter.pipeline import judge
from functions.reporter.view import RANGES
from runtime.api_keys import ApiKeys
from runtime.bus.replaying import read_envelope
from runtime.http.hosts import check_host
from runtime.http.pages import english, ukrainian
from runtime.http.pages.assets import SCRIPT, STYLE
from runtime.http.pages.chart import nice_top
from runtime.http.pages.pipeline import title_of
from runtime.http.pages.problems import explain
from runtime.http.pages.sign_in import own_path
from runtime.http.pages.words import LANGUAGES, choose
from runtime.http.reporting import ReporterKeys, reporting_endpoints
from runtime.http.responses import problem
from runtime.http.server.app import create_app
from runtime.telemetry.health import Health
from runtime.telemetry.metrics import HttpMetrics, ReportMetrics, new_registry
from tests.builders import a_facebook_event, a_letter, raw
from tests.builders import a_row as a_stored_row
from tests.contract.test_dead_letters import keep_in_memory
from tests.doubles.fakes_operator import FakeDeadLetters, FakeErasures, FakeTrails
from tests.doubles.fakes_reports import NOON, FakeReports, a_row, a_sale
from tests.unit.runtime.http.test_pipeline import FakePipeline, figures

BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PATHS: Final = ("/", "/?people=show", "/pipeline", "/dead-letters", "/trail")
HOSTILE: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
MOST_BYTES: Final = 60 * 1024

_EMPTY: Final = {"br", "input", "link", "meta"}


class Checked(HTMLParser):
    """Parses a page strictly: every element is closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.tags.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def reports() -> FakeReports:
    return FakeReports([])


@pytest.fixture
def letters() -> FakeDeadLetters:
    return FakeDeadLetters()


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline(figures())


@pytest.fixture
def keys() -> ReporterKeys:
    return ReporterKeys(ApiKeys(), ApiKeys(), secure=False)


@pytest.fixture
async def client(
    reports: FakeReports, letters: FakeDeadLetters, pipeline: FakePipeline, keys: ReporterKeys
) -> AsyncIterator[httpx.AsyncClient]:
    registry = new_registry()
    app = create_app(
        reporting_endpoints(
            reports,
            pipeline,
            letters,
            FakeTrails(letters),
            read_envelope,
            erasures=FakeErasures(),
            metrics=ReportMetrics(registry, REPORTS),
            keys=keys,
        ),
        health=Health({}, lambda: True),
        registry=registry,
        metrics=HttpMetrics(registry, "reporter"),
        check_host=check_host(["reporter"]),
        explain=explain,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://reporter", headers=BROWSER
    ) as client:
        yield client


def yesterday(**fields: Any) -> dict[str, Any]:
    return {"occurred_at": datetime.now(UTC) - timedelta(days=1), **fields}


async def filled(reports: FakeReports, letters: FakeDeadLetters) -> None:
    """Create data on every page, from a malicious sender."""
    event = a_facebook_event(eventId=HOSTILE)
    reports.rows = [
        a_sale("12.50", **yesterday(campaign_id=HOSTILE)),
        a_row(**yesterday(country=HOSTILE, city=HOSTILE)),
        a_row(**yesterday(source="tiktok")),
    ]
    await keep_in_memory(
        letters,
        a_letter(payload=raw(event) + HOSTILE.encode(), event_id=HOSTILE),
    )
    head = letters.kept[next(iter(letters.kept))].head
    object.__setattr__(head, "field", HOSTILE)
    object.__setattr__(head, "message", HOSTILE)


@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_whole_small_and_loads_only_what_is_here(
    path: str,
    language: str,
    client: httpx.AsyncClient,
    reports: FakeReports,
    letters: FakeDeadLetters,
) -> None:
    await filled(reports, letters)

    answer = await client.get(path, params={"lang": language} if "?" not in path else None)

    page = Checked(answer.text)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(answer.content) <= MOST_BYTES
    assert [tag for tag, _ in page.tags].count("h1") == 1
    links = [
        url
        for _, attributes in page.tags
        for name, url in attributes.items()
        if name in ("href", "src", "action") and url
    ]
    assert all(url.startswith(("/", "#", "data:,")) for url in links)
    assert not any(url.startswith("//") for url in links)


@pytest.mark.parametrize("path", PATHS)
async def test_the_policy_lets_nothing_in_that_the_page_could_need(
    path: str, client: httpx.AsyncClient, reports: FakeReports, letters: FakeDeadLetters
) -> None:
    await filled(reports, letters)

    answer = await client.get(path)

    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    tags = Checked(answer.text).tags
    assert not any("style" in attributes for _, attributes in tags)
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert [attributes["src"] for tag, attributes in tags if tag == "script"] == [SCRIPT.path]
    assert "style" not in {tag for tag, _ in tags}


@pytest.mark.parametrize("path", [*PATHS, f"/?campaignId={HOSTILE}", f"/?range={HOSTILE}"])
async def test_what_senders_wrote_is_text(
    path: str, client: httpx.AsyncClient, reports: FakeReports, letters: FakeDeadLetters
) -> None:
    await filled(reports, letters)
    letter = next(iter(letters.kept))

    for each in (path, f"/dead-letters/{letter}"):
        answer = await client.get(each)

        tags = [tag for tag, _ in Checked(answer.text).tags]
        assert "img" not in tags
        assert tags.count("script") == 1


async def test_the_page_says_the_figures_of_the_reports(
    client: httpx.AsyncClient, reports: FakeReports
) -> None:
    reports.rows = [a_sale("937948.38", **yesterday()), a_sale("0.02", **yesterday())]

    page = (await client.get("/")).text
    [link] = re.findall(r'href="(/reports/revenue\?[^"]+)"', page)
    told = (await client.get(unescape(link))).json()

    assert told["totalRevenue"] == "937948.40"
    assert "937\u202f948.40" in page
    assert "camp-1" in page


async def test_campaigns_lead_to_a_table_of_exactly_this_view(
    client: httpx.AsyncClient, reports: FakeReports
) -> None:
    reports.rows = [
        *(a_sale("1.00", **yesterday(campaign_id=f"camp-{number}")) for number in range(15)),
        a_sale("7.00", **yesterday(campaign_id="old", occurred_at=NOON)),
    ]

    page = (await client.get("/?source=facebook")).text
    [link] = re.findall(r'href="(/reports/campaigns.csv\?[^"]+)"', page)
    table = await client.get(unescape(link), headers={"Accept": "*/*"})

    assert table.status_code == 200
    assert len(table.text.splitlines()) == 1 + 15


async def test_a_row_narrows_and_a_chip_widens(
    client: httpx.AsyncClient, reports: FakeReports
) -> None:
    reports.rows = [a_row(**yesterday()), a_row(**yesterday(source="tiktok"))]

    [narrow] = set(re.findall(r'href="(/\?source=facebook)"', (await client.get("/")).text))
    narrowed = (await client.get(narrow)).text
    [widen] = re.findall(r'<a href="([^"]*)" class="chip"', narrowed)

    assert 'option value="facebook" selected' in narrowed
    assert ">tiktok</a>" not in narrowed
    assert urlsplit(unescape(widen)).query == ""


async def test_a_view_with_a_fault_says_which(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", params={"range": "2d", "source": "mastodon"})

    assert answer.status_code == 400
    text = Checked(answer.text).text
    assert "range" in text
    assert "source" in text


async def test_unavailable_reports_are_a_page_that_says_so(
    client: httpx.AsyncClient, reports: FakeReports
) -> None:
    reports.down = True

    answer = await client.get("/")

    assert answer.status_code == 503
    assert answer.headers["X-Correlation-Id"] in Checked(answer.text).text


FOREIGN: Final = {"Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        ("GET", f"/nowhere{HOSTILE}", {}, 404, "Try the start page"),
        ("GET", "/dead-letters/0", {}, 404, "Try the start page"),
        ("DELETE", "/pipeline", {}, 405, "can't be opened this way"),
        ("GET", "/reports/events?source=mastodon", {}, 400, "source: Should be facebook"),
        ("GET", "/%FF", {}, 400, "The path is not text"),
        ("GET", "/reports/revenue.csv?limit=0", {}, 400, "limit: "),
        ("POST", "/dead-letters/discard?field=a", FOREIGN, 403, "page of another site"),
        ("GET", "/", {"Host": "evil.test"}, 421, "ALLOWED_HOSTS"),
    ],
)
@pytest.mark.parametrize("language", ["en", "uk"])
async def test_a_browser_gets_the_fault_and_the_remedy_in_words(
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    says: str,
    language: str,
    client: httpx.AsyncClient,
) -> None:
    asked = {"Accept-Language": language, **headers}

    answer = await client.request(method, path, headers=asked)
    told = await client.request(method, path, headers={**asked, "Accept": "*/*"})

    page = Checked(answer.text)
    assert (answer.status_code, told.status_code) == (status, status)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Accept" in answer.headers["Vary"]
    assert answer.headers.get("Allow") == told.headers.get("Allow")
    assert [attributes["lang"] for tag, attributes in page.tags if tag == "html"] == [language]
    assert answer.headers["X-Correlation-Id"] in page.text
    assert ("a", {"href": "/"}) in page.tags
    assert language == "uk" or says in page.text
    assert len(answer.content) <= MOST_BYTES
    assert told.headers["Content-Type"] == "application/problem+json"
    assert told.headers["Vary"] == "Accept"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 421, 422, 500, 503])
def test_every_status_says_what_to_do(status: int) -> None:
    given = problem(status, "Detail", "id", errors=[])

    page = explain({"accept": "text/html", "accept-language": "uk"}, "/a?b", given)

    assert page.status == status
    assert ukrainian.TEXTS[f"error.{status}"] in unescape(page.body.decode())


def test_signing_in_leads_back_to_the_page_that_needed_a_key() -> None:
    given = problem(401, "A key is required", "id", headers={"WWW-Authenticate": "Bearer"})

    page = explain({"accept": "text/html"}, "/reports/events.csv?source=facebook", given)

    there = "/sign-in?next=%2Freports%2Fevents.csv%3Fsource%3Dfacebook"
    assert there in page.body.decode()
    assert page.headers["WWW-Authenticate"] == "Bearer"


async def test_failing_checks_come_first_with_their_limit_and_remedy(
    client: httpx.AsyncClient, pipeline: FakePipeline
) -> None:
    pipeline.figures = figures(missed=3)

    text = Checked((await client.get("/pipeline")).text).text

    checks = text[text.index("Checks") :]
    assert checks.index("Every event is accounted for") < checks.index("The database answers")
    assert "3, limit 0" in checks
    assert "eps ledger" in checks
    assert "docs/operations.md#the-ledger-does-not-balance" in checks
    assert "1 of 18 checks fail" in text


async def test_a_disk_that_fills_says_in_how_many_days_and_late_events_by_how_much(
    client: httpx.AsyncClient, pipeline: FakePipeline
) -> None:
    pipeline.figures = figures(store_days_left=1.5, freshness_seconds=8.25)

    text = Checked((await client.get("/pipeline")).text).text

    assert "1.5 days, at least 4 days" in text
    assert "df -h, docs/operations.md#a-disk-fills" in text
    assert "8.2 s, limit 5 s" in text
    assert "eps broker status, docs/operations.md#events-come-late" in text


async def test_an_unreachable_database_still_gives_a_page(
    client: httpx.AsyncClient, pipeline: FakePipeline
) -> None:
    pipeline.figures = None

    answer = await client.get("/pipeline")

    assert answer.status_code == 200
    assert "The database does not answer" in answer.text


@pytest.mark.parametrize("path", ["/pipeline", "/dead-letters"])
async def test_a_program_gets_json_and_a_browser_a_page_on_one_path(
    path: str, client: httpx.AsyncClient
) -> None:
    page = await client.get(path)
    told = await client.get(path, headers={"Accept": "application/json"})

    assert page.headers["Content-Type"].startswith("text/html")
    assert told.headers["Content-Type"] == "application/json"
    assert "Accept" in page.headers["Vary"]
    assert told.headers["Vary"] == "Accept"


async def test_who_says_nothing_gets_the_api_of_letters(client: httpx.AsyncClient) -> None:
    answer = await client.get("/dead-letters", headers={"Accept": "*/*"})

    assert answer.headers["Content-Type"] == "application/json"


def form_actions(page: str) -> dict[str, str]:
    """The targets of a page's forms, by the last part of their path; the first of several."""
    actions = [unescape(it) for it in re.findall(r'<form action="([^"]+)" method="post"', page)]
    return {urlsplit(it).path.rpartition("/")[2]: it for it in reversed(actions)}


async def test_letters_are_tried_then_replayed(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter(payload=raw(a_facebook_event())))

    listed = await client.get("/dead-letters")
    tried = await client.post(form_actions(listed.text)["replay"])
    assert [it.head.state for it in letters.kept.values()] == ["open"]
    done = await client.post(form_actions(tried.text)["replay"])

    assert "1 would be replayed" in tried.text
    [language] = re.findall(r'href="([^"]+)" lang="uk"', tried.text)
    assert (await client.get(unescape(language))).status_code == 200
    assert "1 replayed, 0 still open" in done.text
    assert [it.head.state for it in letters.kept.values()] == ["replayed"]


@pytest.mark.parametrize("given", ["-1", "x", "9" * 99, "\N{SUPERSCRIPT TWO}"])
async def test_a_progress_that_is_no_number_is_none(
    given: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter(payload=raw(a_facebook_event())))
    query = {"dryRun": "true", "total": given, "replayed": given, "failed": given}

    page = await client.post("/dead-letters/replay", params=query)

    assert page.status_code == 200
    assert "1 of 1 tried: 1 would be replayed, 0 would stay open" in Checked(page.text).text


async def test_a_replay_is_of_what_was_there_when_it_was_tried(client: httpx.AsyncClient) -> None:
    letters_page = await client.get("/dead-letters?state=all")

    assert "No dead letters match" in letters_page.text


@pytest.mark.parametrize(("typed", "state"), [("1", "discarded"), ("2", "open"), ("", "open")])
async def test_letters_are_discarded_only_by_who_types_their_number(
    typed: str, state: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())

    listed = await client.get("/dead-letters?reason=rejected")
    asked = await client.post(form_actions(listed.text)["discard"])
    await client.post(form_actions(asked.text)["discard"], data={"confirm": typed})

    assert [it.head.state for it in letters.kept.values()] == [state]


async def test_discarded_letters_are_reopened(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())
    await client.post("/dead-letters/discard?reason=rejected", headers={"Accept": "*/*"})

    listed = await client.get("/dead-letters?state=discarded&reason=rejected")
    asked = await client.post(form_actions(listed.text)["reopen"])
    await client.post(form_actions(asked.text)["reopen"])

    assert [it.head.state for it in letters.kept.values()] == ["open"]


async def test_without_a_filter_nothing_is_offered_to_be_discarded(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter())

    listed = await client.get("/dead-letters")

    assert set(form_actions(listed.text)) == {"replay"}


@pytest.mark.parametrize("event_id", ["fb-1", "a/b", "%2F", "ÿ😀", HOSTILE])
async def test_an_event_is_found_by_any_id(
    event_id: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    await keep_in_memory(letters, a_letter(event_id=event_id))

    answer = await client.get("/trail", params={"source": "facebook", "id": event_id})

    page = Checked(answer.text)
    assert answer.status_code == 200
    assert event_id in page.text
    assert f'href="/events/facebook?id={quote(event_id, safe="")}"' in answer.text
    assert "It is not stored" in page.text


async def test_operators_see_the_newest_events_each_a_link(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    empty = (await client.get("/trail")).text
    await letters.store.store([a_stored_row(HOSTILE)])

    page = (await client.get("/trail")).text
    [link] = re.findall(r'href="(/trail\?source=facebook&amp;id=[^"]+)"', page)

    assert "No events are stored yet" in empty
    assert HOSTILE in Checked(page).text
    assert "accepted by the gateway" in (await client.get(unescape(link))).text


async def shown(client: httpx.AsyncClient, letter: DeadLetter, query: str = "") -> str:
    return (await client.get(f"/dead-letters/{letter.id}{query}")).text


@pytest.mark.parametrize(
    ("payload", "mark"),
    [
        (b'{"data": {"user": {"name": "<b>", "age": "x"}}}', "&quot;x&quot;"),
        (b'{"data": {"user": {"name": "y"}}}', "{&quot;name&quot;: &quot;y&quot;}"),
        ("€".encode() + b"\xff rest", r"\xff"),
    ],
)
async def test_a_fault_is_marked_in_the_bytes(
    payload: bytes, mark: str, client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    letter = a_letter(payload=payload)
    await keep_in_memory(letters, letter)

    page = await shown(client, letter)

    assert f'<mark id="fault">{mark}</mark>' in page
    assert 'href="#fault"' in page


async def test_of_much_that_was_sent_a_page_shows_what_is_around_the_fault(
    client: httpx.AsyncClient, letters: FakeDeadLetters
) -> None:
    long = '"' + '\\"' * 30_000 + '"'
    letter = a_letter(payload=f'{{"a": {long}, "data": {{"user": {{"age": {long}}}}}}}'.encode())
    await keep_in_memory(letters, letter)

    page = await shown(client, letter)
    whole = await shown(client, letter, "?payload=all")

    assert len(page.encode()) <= MOST_BYTES
    assert "data&quot;: {&quot;user" in page
    assert '<mark id="fault">' in page
    assert "?payload=all" in page
    assert Checked(whole).text.count('\\"') == 60_000


async def test_an_event_that_is_not_there_is_said_to_be_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trail", params={"source": "facebook", "id": "fb-0"})

    assert answer.status_code == 404
    assert "no such event" in answer.text


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    def values(texts: dict[str, str]) -> dict[str, set[str]]:
        return {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in texts.items()}

    assert values(english.TEXTS) == values(ukrainian.TEXTS)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("reason", get_args(Reason)),
        ("lstate", (*get_args(State), "all")),
        ("action", get_args(Action)),
        ("interval", get_args(Interval)),
        ("range", RANGES),
        ("state", ("ok", "failing", "unknown")),
    ],
)
def test_what_there_is_has_a_name_on_pages(kind: str, names: tuple[str, ...]) -> None:
    assert [name for name in names if f"{kind}.{name}" not in english.TEXTS] == []


def test_every_check_has_a_name_on_pages() -> None:
    words = LANGUAGES["en"]

    assert [it.name for it in judge(figures()).checks if title_of(words, it.name) == it.name] == []


def test_ukrainian_is_ukrainian() -> None:
    same = {name for name, text in english.TEXTS.items() if ukrainian.TEXTS[name] == text}

    assert {
        name for name in same if re.search("[a-z]{3}", english.TEXTS[name].split("{")[0])
    } == set()


@pytest.mark.parametrize(
    ("asked", "cookie", "header", "wanted"),
    [
        ("", "", "", "en"),
        ("", "", "uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("", "", "de, en;q=0.5, uk;q=0.7", "uk"),
        ("", "", "uk;q=0, fr", "en"),
        ("", "", "uk;q=x", "en"),
        ("", "en", "uk", "en"),
        ("uk", "en", "en", "uk"),
        ("de", "", "uk", "uk"),
    ],
)
def test_a_language_is_chosen(asked: str, cookie: str, header: str, wanted: str) -> None:
    assert choose(asked, cookie, header).code == wanted


async def test_a_chosen_language_stays(client: httpx.AsyncClient) -> None:
    chosen = await client.get("/?lang=uk")
    later = await client.get("/")

    assert '<html lang="uk">' in chosen.text
    assert '<html lang="uk">' in later.text


async def test_files_are_kept_for_ever_under_a_name_of_their_own(
    client: httpx.AsyncClient,
) -> None:
    for asset in (STYLE, SCRIPT):
        answer = await client.get(asset.path)

        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert len(STYLE.body) + len(SCRIPT.body) <= 20 * 1024


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 4), (1, 4), (4, 4), (5, 8), (14_676, 20_000), (15_000, 20_000), (10**15, 2 * 10**15)],
)
def test_a_scale_ends_with_a_round_number(most: int, top: int) -> None:
    assert nice_top(most) == top


def test_letters_are_grouped_with_their_last_days() -> None:
    today = datetime(2026, 11, 27, tzinfo=UTC).date()

    assert group([], today) == []
    assert DAYS == 14


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/", "/"),
        ("/dead-letters?state=all", "/dead-letters?state=all"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("evil", "/"),
        ("", "/"),
        ("/a\r\nSet-Cookie: a=b", "/"),
        ("/\t/evil.test", "/"),
    ],
)
def test_who_has_signed_in_is_led_to_a_path_of_ours(asked: str, led: str) -> None:
    assert own_path(asked) == led


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


async def test_a_try_freezes_the_range(client: httpx.AsyncClient, letters: FakeDeadLetters) -> None:
    await keep_in_memory(letters, a_letter())

    listed = await client.get("/dead-letters")

    frozen = query_of(form_actions(listed.text)["replay"])
    assert frozen["dryRun"] == "true"
    assert datetime.fromisoformat(frozen["to"]) <= datetime.now(UTC)


async def test_scripts_of_the_api_are_not_asked_for_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.post("/dead-letters/replay", headers={"Accept": "application/json"})

    assert json.loads(answer.text)["replayed"] == 0
