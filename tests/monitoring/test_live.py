"""The committed configuration on a real Prometheus, over the real system with a minute of traffic.

Every panel and every recorded series then has data. An alert's query is empty
while nothing is wrong, so each series that it reads has to exist instead.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from runtime.local.embedded.tcp_ports import free_port
from tests.e2e.whole_system import WholeSystem, publish
from tests.monitoring.files import PROMETHEUS, Panel, Rule, filled, metrics_in, panels, rules
from tests.monitoring.prometheus import Prometheus, needs_prometheus

pytestmark = needs_prometheus

_TRAFFIC_SECONDS = 45
_SETTLE_SECONDS = 30
_STEP_SECONDS = 5
_TRAFFIC: Final = ("--min", "200", "--max", "400", "--corrupt", "0.5", "--duplicates", "0.05")
_REPORTS = ("events?interval=hour", "revenue", "demographics", "ledger")

_RULES = list(rules())
_RECORDED = [rule for rule in _RULES if not rule.is_alert]
_READ_BY_ALERTS = sorted(
    {name for rule in _RULES if rule.is_alert for name in metrics_in(rule.expr)}
)
_QUERIES = [(panel, number) for panel in panels() for number in range(len(panel.queries))]


@dataclass(frozen=True, slots=True)
class Watched:
    """A system, and the Prometheus that watched its traffic."""

    system: WholeSystem
    prometheus: Prometheus
    began: float
    ended: float

    async def during(self, query: str) -> list[dict[str, Any]]:
        """Evaluate a query over the time of the traffic; only numbers count."""
        found = await self.prometheus.during(query, self.began, self.ended, _STEP_SECONDS)
        return [series for series in found if any(value != "NaN" for _, value in series["values"])]


@pytest.fixture(scope="module")
async def watched() -> AsyncIterator[Watched]:
    """Copy the configuration to a data folder with the project's layout, and start both."""
    with tempfile.TemporaryDirectory(prefix="eps-monitoring-") as name:
        folder = Path(name)
        shutil.copytree(PROMETHEUS, folder / "infra" / "prometheus")
        kept = {"KEEP_SETTLED_SECONDS": "3600"}  # otherwise its age is unknown
        system = WholeSystem(folder / ".data", scale=["fb-collector=2"], **kept)
        await system.start()
        configuration = folder / "infra" / "prometheus" / "prometheus.local.yml"
        async with Prometheus(configuration, folder / "prometheus", free_port()) as prometheus:
            began = time.time()
            await _traffic(system)
            await _settled(prometheus)
            yield Watched(system, prometheus, began, time.time())
        assert await system.stop() == 0


async def _traffic(system: WholeSystem) -> None:
    """Send events and ask for reports, until rates are meaningful."""
    url = system.url_of("gateway")
    requests = ("--requests", str(_TRAFFIC_SECONDS), "--interval", "1")
    publishing = asyncio.create_task(publish(url, *_TRAFFIC, *requests))
    while not publishing.done():
        for report in _REPORTS:
            await system.ask(f"/reports/{report}")
        await asyncio.sleep(1)
    assert (await publishing).summary["byStatus"] == {"202": _TRAFFIC_SECONDS}


async def _settled(prometheus: Prometheus) -> None:
    """Wait until the last data have been scraped and the rules evaluated."""
    sent = 'sum(events_accepted_total{service="gateway"})'
    stored = " + ".join(
        f'sum(events_{kind}_total{{service!="gateway"}})' for kind in ("processed", "duplicate")
    )
    async with asyncio.timeout(_SETTLE_SECONDS):
        while not await prometheus.instant(f"({sent}) == ({stored})"):
            await asyncio.sleep(0.5)


async def test_every_replica_is_found_under_its_name(watched: Watched) -> None:
    found = {
        (series["metric"]["job"], series["metric"]["instance"]): series["value"][1]
        for series in await watched.prometheus.instant("up")
    }

    assert found == {
        ("gateway", "gateway"): "1",
        ("fb-collector", "fb-collector"): "1",
        ("fb-collector", "fb-collector-2"): "1",
        ("ttk-collector", "ttk-collector"): "1",
        ("dead-letters", "dead-letters"): "1",
        ("reporter", "reporter"): "1",
    }


@pytest.mark.parametrize("rule", _RECORDED, ids=lambda rule: rule.name)
async def test_recorded_series_have_data(rule: Rule, watched: Watched) -> None:
    assert await watched.during(rule.name)


@pytest.mark.parametrize("name", _READ_BY_ALERTS)
async def test_what_an_alert_reads_has_data(name: str, watched: Watched) -> None:
    assert await watched.during(name)


@pytest.mark.parametrize(
    ("panel", "number"),
    _QUERIES,
    ids=[f"{panel.dashboard}-{panel.title}-{number}" for panel, number in _QUERIES],
)
async def test_a_panel_has_data(panel: Panel, number: int, watched: Watched) -> None:
    query = filled(panel.queries[number], seconds=_TRAFFIC_SECONDS)

    if panel.kind == "stat":
        found = await watched.prometheus.instant(query)
        assert [series for series in found if series["value"][1] != "NaN"]
    else:
        assert await watched.during(query)


async def test_every_rule_was_evaluated_and_no_alert_fires(watched: Watched) -> None:
    found = await watched.prometheus.rules()

    assert {rule["name"]: rule["health"] for rule in found} == {rule.name: "ok" for rule in _RULES}
    firing = [alert for alert in await watched.prometheus.alerts() if alert["state"] == "firing"]
    assert firing == []
