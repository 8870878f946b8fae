"""The page of the API in a real browser: a person sends a request from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from runtime.api_keys import ApiKeys
from runtime.http.server.serving import served
from runtime.local.embedded.tcp_ports import free_port
from runtime.settings import GatewaySettings, ReporterSettings
from runtime.wiring.gateway import gateway
from runtime.wiring.reporter import reporter
from runtime.wiring.running import RunningFunction
from tests.pages.chromium import CHROMIUM, WHY_NOT, Tab, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)

KEY = "a key of some length, for tests"


@asynccontextmanager
async def a_page(unit: RunningFunction) -> AsyncIterator[Tab]:
    port = free_port()
    async with (
        served(unit.app, host="127.0.0.1", port=port, shutdown_timeout_seconds=1),
        browser() as running,
        running.tab(f"http://127.0.0.1:{port}") as tab,
    ):
        await tab.go("/api")
        yield tab


async def send(tab: Tab, operation: str, **fields: str) -> str:
    """Submit the form of an operation; returns the shown answer."""
    form = f"document.querySelector('#{operation} form')"
    for name, text in fields.items():
        await tab.ask(f"void ({form}.elements.namedItem({name!r}).value = {text!r})")
    await tab.ask(f"void ({form}.closest('details').open = true)")
    await tab.ask(f"{form}.requestSubmit()")
    await tab.until(f"/^([0-9]|There)/.test({form}.querySelector('output').textContent)")
    return await tab.text(f"#{operation} output")


async def test_every_example_of_an_event_is_accepted_as_it_is(nats_url: str) -> None:
    async with (
        gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit,
        a_page(unit) as tab,
    ):
        examples = await tab.ask(
            "document.querySelectorAll('#postEvents [name=example] option').length"
        )
        assert examples >= 4
        for place in range(examples):
            chosen = "document.querySelector('#postEvents [name=example]')"
            await tab.ask(f"void ({chosen}.selectedIndex = {place})")
            await tab.ask(f"void {chosen}.dispatchEvent(new Event('change'))")

            assert (await send(tab, "postEvents")).startswith("202 "), place
        assert tab.faults == []


async def test_a_body_that_is_wrong_shows_what_is_wrong(nats_url: str) -> None:
    async with (
        gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit,
        a_page(unit) as tab,
    ):
        answer = await send(tab, "postEvents", body='[{"source": "facebook"}]')

    assert answer.startswith("422 ")
    assert '"field": "funnelStage"' in answer


async def test_parameters_and_key_are_sent(database_url: str) -> None:
    settings = ReporterSettings(
        database_url=SecretStr(database_url),
        reporter_api_keys=ApiKeys([KEY]),
        operator_api_keys=ApiKeys([KEY]),
    )
    async with reporter(settings) as unit, a_page(unit) as tab:
        refused = await send(tab, "getEventsReport")
        await tab.ask("void (document.querySelector('#getEventsReport output').textContent = '')")
        answer = await send(tab, "getEventsReport", key=KEY, source="tiktok", interval="day")
        one = await send(tab, "getEvent", key=KEY, source="tiktok", eventId="a/b c%")
        assert tab.faults == []

    assert refused.startswith("401 ")
    assert answer.startswith("200 ")
    assert '"source": "tiktok"' in answer
    assert one.startswith("404 ")


async def test_without_scripts_there_is_no_form_and_on_a_phone_nothing_is_cut(
    nats_url: str,
) -> None:
    async with (
        gateway(GatewaySettings(nats_url=SecretStr(nats_url))) as unit,
        a_page(unit) as tab,
    ):
        await tab.ask("document.querySelectorAll('.try').forEach((it) => { it.open = true; })")
        await tab.look(width=320, dark=True)
        sideways = await tab.ask(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        await tab.without_scripts()
        await tab.go("/api")

        assert sideways <= 0
        assert not await tab.ask("document.querySelector('#postEvents form').checkVisibility()")
