"""Pages in a real browser: their rules, and the tasks of people."""

import asyncio
import json
import math
import os
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from functions.events import Source
from functions.events.rows import EventRow
from functions.messages import Backlog
from runtime.api_keys import ApiKeys
from runtime.http.server.serving import served
from runtime.local.embedded.tcp_ports import free_port
from runtime.postgres.ledger import PostgresLedger
from runtime.postgres.pool import opened
from runtime.postgres.storing.store import PostgresEventStore
from runtime.settings import ReporterSettings
from runtime.wiring.reporter import reporter
from tests.builders import a_facebook_event, a_letter, letters_of, raw
from tests.builders import a_row as a_stored_row
from tests.doubles.fakes_reports import a_row, a_sale
from tests.pages.chromium import CHROMIUM, WHY_NOT, Browser, Tab, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)

PATHS = ("/", "/?range=24h&people=show", "/pipeline", "/dead-letters", "/trail", "/?range=wrong")
DAY = timedelta(days=1)
HOSTILE = "<script>alert(1)</script>" + "x" * 200


def noon(days_ago: int) -> datetime:
    """Midday, some days ago."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return today - days_ago * DAY


class Site:
    """A reporter, its database, and a way to stop and start it."""

    def __init__(self, url: str, pool: asyncpg.Pool, stack: AsyncExitStack) -> None:
        self.url = url
        self.pool = pool
        self.store = PostgresEventStore(pool)
        self._stack = stack

    async def stop(self) -> None:
        await self._stack.aclose()

    async def note(self, **backlogs: float) -> None:
        """Make each collector measure now; its backlog is so many seconds old, 0 for none."""
        now = datetime.now(UTC)
        sources = {"fb_collector": "facebook", "ttk_collector": "tiktok", "dead_letters": None}
        for name, source in sources.items():
            age = backlogs.get(name, 0)
            oldest = now - timedelta(seconds=age) if age else None
            seen = Backlog(name.replace("_", "-"), now, 40 if age else 0, oldest, 1)
            await PostgresLedger(self.pool, source).note(seen)  # type: ignore[arg-type]


@asynccontextmanager
async def a_site(database_url: str, **keys: ApiKeys) -> AsyncIterator[Site]:
    told = ReporterSettings(database_url=SecretStr(database_url), **keys)  # type: ignore[arg-type]
    port = free_port()
    async with opened(told, "test") as pool, AsyncExitStack() as stack:
        unit = await stack.enter_async_context(reporter(told))
        await stack.enter_async_context(
            served(unit.app, host="127.0.0.1", port=port, shutdown_timeout_seconds=1)
        )
        yield Site(f"http://127.0.0.1:{port}", pool, stack)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with a_site(database_url) as site:
        yield site


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest.fixture
async def tab(site: Site, chromium: Browser) -> AsyncIterator[Tab]:
    async with chromium.tab(site.url) as tab:
        yield tab


async def fill(site: Site) -> None:
    """Create data for every page."""
    await site.store.store(
        [
            a_sale("100.00", occurred_at=noon(1), campaign_id=HOSTILE),
            a_sale("50.25", occurred_at=noon(1), campaign_id="black-friday"),
            a_sale("120.00", occurred_at=noon(2), campaign_id="black-friday"),
            a_sale("7.00", occurred_at=noon(1), source="tiktok"),
            *(a_row(occurred_at=noon(1)) for _ in range(5)),
        ]
    )
    await site.store.keep([letters_of(a_letter(payload=HOSTILE.encode()))])
    await site.note()


@pytest.mark.parametrize("path", PATHS)
async def test_no_page_breaks_a_law_on_any_screen_in_any_language(
    path: str, site: Site, tab: Tab
) -> None:
    await fill(site)
    for language in ("en", "uk"):
        await tab.go(f"{path}{'&' if '?' in path else '?'}lang={language}")
        for width, dark in ((320, True), (1200, False)):
            await tab.look(width=width, dark=dark)

            sideways = await tab.ask(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert sideways <= 0, (width, language)
        assert await tab.ask("document.querySelectorAll('h1').length") == 1
        assert await tab.ask("document.documentElement.lang") == language
    assert tab.faults == []
    assert {url for url in tab.asked if not url.startswith((site.url, "data:"))} == set()


async def test_the_policy_is_watched(site: Site, tab: Tab) -> None:
    await tab.go("/")

    await tab.ask("document.body.setAttribute('style', 'color: red')")
    await tab.ask(
        "document.body.append(new Image()); document.images[0].src = 'http://127.0.0.1:9/'"
    )

    async with asyncio.timeout(5):
        while len(tab.faults) < 2:
            await asyncio.sleep(0.05)
    assert any("style-src" in fault for fault in tab.faults)
    assert any("img-src" in fault for fault in tab.faults)
    assert site.url


async def test_without_scripts_nothing_is_missing_but_comfort(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.without_scripts()

    await tab.go("/")
    await tab.choose(source="facebook")

    assert "source=facebook" in await tab.ask("location.search")
    assert await tab.ask("document.querySelectorAll('.slider').length") == 0
    assert await tab.ask("document.querySelector('#keys').hidden")
    assert await tab.ask("document.querySelectorAll('figure tbody tr').length") > 100


async def test_a_row_narrows_the_address_is_the_view_and_back_works(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/")
    before = await tab.text(".figure")

    await tab.click("black-friday")
    narrowed = await tab.ask("location.search")
    shown = await tab.text("dl.figures")
    await tab.ask("history.back()")
    await tab.until("location.search === '' && document.querySelector('.chip') === null")

    assert "campaignId=black-friday" in narrowed
    assert "170.25" in shown
    assert await tab.text(".figure") == before


async def test_a_chart_is_read_by_keys(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/?range=28d")
    await tab.ask("document.querySelector('.slider').focus()")

    await tab.press("Home")
    first = await tab.ask("document.querySelector('.slider').getAttribute('aria-valuetext')")
    await tab.press("End")
    await tab.press("ArrowLeft")
    said = await tab.ask("document.querySelector('.slider').getAttribute('aria-valuetext')")

    row = "document.querySelectorAll('figure tbody tr')"
    assert first.startswith(await tab.ask(f"[...{row}].at(-1).querySelector('th').textContent"))
    assert said.startswith(noon(1).strftime("%Y-%m-%d"))
    assert await tab.ask(f"{row}[1].querySelector('td').textContent") in said


async def test_a_person_gets_about_by_keys_alone(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/?source=facebook")

    async def led(key: str, query: str, code: str | None = None) -> None:
        await tab.press(key, code)
        await tab.until(f"document.readyState === 'complete' && location.href.includes({query!r})")

    await led("d", "source=facebook&range=today")
    await led("ArrowLeft", "range=custom")
    earlier = await tab.text(".said")
    await led("x", "compare=none")
    today = noon(0).strftime("%Y-%m-%d")
    await led("ArrowRight", f"from={today}")
    await led("\N{CYRILLIC SMALL LETTER TSE}", "range=7d", "KeyW")
    await tab.press("Escape")
    await tab.until("document.readyState === 'complete' && location.search === ''")
    await tab.press("?")
    listed = await tab.text("#keys")
    await led("/", "/trail")
    await tab.press("/")
    await tab.until("document.activeElement.name === 'id'")

    assert earlier.startswith(noon(1).strftime("%Y-%m-%d"))
    assert "find one event" in listed
    assert tab.faults == []


async def test_keys_rest_in_fields_and_where_they_are_switched_off(site: Site, tab: Tab) -> None:
    await tab.go("/")
    await tab.ask("document.querySelector('[name=campaignId]').focus()")
    await tab.press("d")
    await tab.ask("document.activeElement.blur()")
    await tab.press("?")
    await tab.ask("document.querySelector('#keys input').click()")
    await tab.ask("document.activeElement.blur()")
    await tab.press("d")
    in_field = await tab.ask("location.search")
    await tab.go("/pipeline")
    await tab.press("d")
    switched_off = await tab.ask("location.pathname")
    await tab.ask("document.querySelector('#keys input').click(); document.activeElement.blur()")
    await tab.press("d")
    await tab.until("location.search === '?range=today'")

    assert (in_field, switched_off) == ("", "/pipeline")
    assert tab.faults == []
    assert site.url


async def test_the_page_refreshes_itself_and_its_tab_shows_failures(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/pipeline")
    assert not (await tab.ask("document.title")).startswith("✗")

    await site.note(fb_collector=74)
    await tab.until("document.title.startsWith('✗')")

    first = await tab.ask("document.querySelector('.checks li').innerText")
    assert "fb-collector" in first
    assert "eps broker status" in first
    await site.note()
    await tab.until("!document.title.startsWith('✗')")
    assert tab.faults == []


async def test_what_renews_itself_can_be_stopped(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/pipeline")

    await tab.ask("document.querySelector('#renew button').click()")
    asked = len(tab.asked)
    await tab.ask("new Promise((done) => setTimeout(done, 6000))")

    assert len(tab.asked) == asked
    assert await tab.text("#renew") == "Resume"


async def test_a_missing_reporter_is_reported_as_missing(site: Site, tab: Tab) -> None:
    await fill(site)
    await tab.go("/pipeline")

    await site.stop()

    await tab.until("document.body.innerText.includes('No answer since')")
    assert (await tab.ask("document.title")).startswith("✗")


async def test_somebody_finds_yesterdays_revenue_of_facebook_against_the_day_before(
    site: Site, tab: Tab
) -> None:
    await fill(site)
    await tab.go("/")

    await tab.choose(range="yesterday", source="facebook", metric="revenue")

    figures = re.sub(r"\s", " ", await tab.text("dl.figures"))
    assert "150.25" in figures
    assert "▲ 25.2 % compared with 120.00" in figures


async def test_somebody_finds_why_forty_events_were_rejected_and_brings_them_back(
    site: Site, tab: Tab
) -> None:
    events = [a_facebook_event(eventId=f"fb-{number}") for number in range(40)]
    letters = [a_letter(payload=raw(it), event_id=it["eventId"]) for it in events]
    await site.store.keep([letters_of(*letters)])
    await tab.go("/")

    await tab.click("Dead letters")
    why = await tab.text("table")
    await tab.click("data.user.age")
    await tab.click("Try a replay")
    tried = await tab.text()
    await tab.click("Replay these")

    assert "rejected by the contract" in why
    assert "40" in why
    assert "40 would be replayed" in tried
    assert "40 replayed, 0 still open" in await tab.text()
    assert await site.pool.fetchval("SELECT count(*) FROM events") == 40


async def many_letters(site: Site) -> None:
    """Keep 250 letters: five of them stay invalid."""
    events = [a_facebook_event(eventId=f"fb-{number}") for number in range(250)]
    for event in events[:5]:
        event["data"]["user"]["age"] = "old"
    letters = [a_letter(payload=raw(it), event_id=it["eventId"]) for it in events]
    await site.store.keep([letters_of(*letters)])


@pytest.mark.parametrize("scripts", ["on", "off"])
async def test_a_replay_of_many_shows_its_progress_and_goes_on(
    scripts: str, site: Site, tab: Tab
) -> None:
    await many_letters(site)
    if scripts == "off":
        await tab.without_scripts()
    await tab.go("/dead-letters?field=data.user.age")

    await tab.click("Try a replay")
    tried = await tab.text()
    await tab.click("Replay all 250")
    if scripts == "off":
        assert "100 of 250 done" in await tab.text()
        assert await tab.ask("document.querySelector('progress').value") == 100
        while "There are no more" not in await tab.text():
            await tab.click("Replay the next ones")

    await tab.until("document.body.innerText.includes('There are no more')")
    assert "100 of 250 tried" in tried
    assert "250 of 250 done: 245 replayed, 5 still open" in await tab.text()
    assert await tab.ask("document.querySelector('progress').value") == 250
    assert await site.pool.fetchval("SELECT count(*) FROM events") == 245
    assert "Stop" not in await tab.text()
    assert tab.faults == []


async def test_a_replay_of_many_can_be_stopped_and_goes_on_where_it_was(
    site: Site, tab: Tab
) -> None:
    await many_letters(site)
    await tab.run_first("""
        const ask = window.fetch;
        window.fetch = async (...asked) => {
          await new Promise((go) => { window.letGo = go; });
          return ask(...asked);
        };
    """)
    await tab.go("/dead-letters")
    await tab.click("Try a replay")
    await tab.click("Replay all 250")

    await tab.until("typeof window.letGo === 'function'")
    await tab.ask("document.querySelector('#replay + button').click(); window.letGo()")
    await tab.until("document.body.innerText.includes('200 of 250 done')")
    await tab.until("document.querySelector('#replay + button') === null")
    stopped = await site.pool.fetchval("SELECT count(*) FROM events")
    await tab.click("Replay the next ones")

    assert 195 <= stopped <= 200  # five of 250 stay open, wherever they are
    assert "250 of 250 done" in await tab.text()
    assert tab.faults == []


async def test_somebody_sees_where_in_its_bytes_a_letter_is_wrong(site: Site, tab: Tab) -> None:
    event = a_facebook_event(eventId="fb-old")
    event["data"]["user"]["age"] = "forty"
    event["data"]["more"] = ["line"] * 2_000
    letter = a_letter(payload=json.dumps(event, indent=1).encode(), event_id="fb-old")
    await site.store.keep([letters_of(letter)])

    await tab.go(f"/dead-letters/{letter.id}")
    await tab.look(width=320, dark=True)
    await tab.ask("document.querySelector('a[href=\"#fault\"]').click()")

    assert await tab.text("mark") == '"forty"'
    place = "document.querySelector('mark').getBoundingClientRect()"
    await tab.until(f"{place}.top >= 0 && {place}.bottom <= innerHeight")
    assert await tab.ask("document.documentElement.scrollWidth") <= 320
    assert tab.faults == []


async def test_somebody_finds_what_became_of_an_event(site: Site, tab: Tab) -> None:
    row = a_stored_row("fb-weird/<id>", payload='{"eventId": 1.0}')
    await site.store.store([row])
    await tab.go("/")

    await tab.click("One event")
    newest = await tab.text("table")
    await tab.choose(source="facebook", id="fb-weird/<id>")

    told = await tab.text()
    assert "fb-weird/<id>" in newest
    assert "accepted by the gateway" in told
    assert "stored" in told
    await tab.ask("document.querySelector('details').open = true")
    assert '{"eventId": 1.0}' in await tab.text("pre")


async def test_somebody_finds_which_collector_hangs(site: Site, tab: Tab) -> None:
    await fill(site)
    await site.note(ttk_collector=90)
    await tab.go("/")

    await tab.click("✗ 1 of 18 checks fail")

    assert "ttk-collector" in await tab.text(".checks li")


async def test_a_wrong_address_leads_to_the_start_page(site: Site, tab: Tab) -> None:
    await tab.look(width=320, dark=True)
    await tab.go("/reports/revenue?source=mastodon")
    wrong = await tab.text()
    await tab.go("/no/such/page")
    nothing = await tab.text()
    await tab.click("Go to the start page")

    assert "source: Should be facebook or tiktok" in wrong
    assert "There is nothing at this address" in nothing
    assert await tab.ask("location.pathname") == "/"
    assert tab.faults == []
    assert site.url


async def test_discarding_needs_the_number_in_a_browser_too(site: Site, tab: Tab) -> None:
    await site.store.keep([letters_of(a_letter(), a_letter())])
    await tab.go("/dead-letters?reason=rejected")

    await tab.click("Discard…")
    await tab.ask("document.querySelector('[name=confirm]').value = '2'")
    await tab.click("Discard")

    assert "Discarded: 2" in await tab.text()


async def test_people_sign_in_and_out(database_url: str, chromium: Browser) -> None:
    keys = {"reporter_api_keys": ApiKeys(["reader"]), "operator_api_keys": ApiKeys(["operator"])}
    async with a_site(database_url, **keys) as site, chromium.tab(site.url) as tab:
        await tab.go("/?range=24h")
        await tab.act("""(() => {
            document.querySelector("[name=key]").value = "operator";
            document.querySelector("main form").requestSubmit();
        })()""")
        landed = await tab.ask("location.search")
        await site.store.keep([letters_of(a_letter())])
        await tab.go("/dead-letters")
        await tab.click("Try a replay")
        tried = await tab.text()
        cookie = await tab.ask("document.cookie")
        await tab.click("Sign out")
        await tab.go("/reports/events?source=facebook")
        await tab.click("Sign in")
        asked_back = await tab.ask("document.querySelector('[name=next]').value")
        await tab.go("/")

        assert asked_back == "/reports/events?source=facebook"
        assert landed == "?range=24h"
        assert "would" in tried
        assert "eps_session" not in cookie
        assert "This page needs a key" in await tab.text()
        assert tab.faults == []


async def test_the_picture_of_the_readme_is_of_this_page(site: Site, tab: Tab) -> None:
    """Write the picture to ``PAGE_PICTURE``, after a change of the style."""
    await site.store.store(list(two_weeks()))
    await site.note()
    await tab.look(width=1100, height=900, dark=False)

    await tab.go("/?range=7d")
    picture = await tab.picture()

    assert picture.startswith(b"\x89PNG")
    if place := os.environ.get("PAGE_PICTURE"):
        Path(place).write_bytes(picture)  # noqa: ASYNC240 - a file of this machine


def two_weeks() -> Iterator[EventRow]:
    """Draw two weeks of events like people's: fewer at night, more each day."""
    dice = random.Random(7)
    now = datetime.now(UTC)
    campaigns = ("black-friday", "autumn", "retarget", "brand", "newsletter")
    for hour in range(14 * 24):
        at = now - timedelta(hours=hour, minutes=1)
        busy = 6 + 4 * math.sin((at.hour - 9) * math.pi / 12) + (14 * 24 - hour) / 100
        for _ in range(int(busy + dice.random() * 3)):
            when = at - timedelta(minutes=dice.random() * 50)
            source: Source = dice.choice(("facebook", "facebook", "tiktok"))
            if dice.random() < 0.2:
                campaign = dice.choice(campaigns) if source == "facebook" else None
                amount = f"{dice.randint(500, 90_000) / 100:.2f}"
                yield a_sale(amount, occurred_at=when, source=source, campaign_id=campaign)
            else:
                kinds = {
                    "facebook": ("ad.view", "page.like", "video.view"),
                    "tiktok": ("like", "share"),
                }
                yield a_row(occurred_at=when, source=source, event_type=dice.choice(kinds[source]))
