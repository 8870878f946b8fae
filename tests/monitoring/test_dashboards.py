"""Dashboards as committed: every panel explains itself, and queries existing metrics."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from tests.exported_metrics import series_names
from tests.monitoring.files import (
    GRAFANA,
    Panel,
    dashboards,
    filled,
    load,
    metrics_in,
    panels,
    rules,
)

PANELS = list(panels())
DASHBOARDS = dashboards()
_ITSELF = "-- Grafana --"
_WIDTH = 24


def named(panel: Panel) -> str:
    return f"{panel.dashboard}-{panel.title}"


def uids(part: Any) -> Iterator[str]:
    """Name the data sources of a dashboard, wherever they are."""
    if isinstance(part, dict):
        if isinstance(part.get("datasource"), dict):
            yield part["datasource"]["uid"]
        for each in part.values():
            yield from uids(each)
    elif isinstance(part, list):
        for each in part:
            yield from uids(each)


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_panel_has_a_title_a_description_and_a_unit(panel: Panel) -> None:
    assert panel.title
    assert panel.json["description"]
    assert panel.json["fieldConfig"]["defaults"]["unit"]
    assert panel.kind in {"stat", "timeseries"}


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_panel_asks_for_what_is_exported_or_recorded(panel: Panel) -> None:
    known = series_names() | {rule.name for rule in rules() if not rule.is_alert} | {"ALERTS"}

    assert panel.queries
    for query in panel.queries:
        asked = metrics_in(filled(query, seconds=60))
        assert asked
        assert asked - known == set()


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_each_line_of_a_panel_has_a_name(panel: Panel) -> None:
    references = [target["refId"] for target in panel.json["targets"]]

    assert len(set(references)) == len(references)
    assert all(target["legendFormat"] for target in panel.json["targets"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_only_the_data_source_that_is_provisioned(name: str) -> None:
    provisioned = load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")
    known = {source["uid"] for source in provisioned["datasources"]}

    assert set(uids(DASHBOARDS[name])) - {_ITSELF} == known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_can_be_narrowed_and_shows_restarts(name: str) -> None:
    dashboard = DASHBOARDS[name]

    assert {each["name"] for each in dashboard["templating"]["list"]} == {
        *("source", "service", "instance")
    }
    starts = [each for each in dashboard["annotations"]["list"] if each["name"] == "Restarts"]
    assert "process_start_time_seconds" in starts[0]["expr"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_panels_of_a_dashboard_lie_side_by_side(name: str) -> None:
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]

    assert all(place["x"] + place["w"] <= _WIDTH for place in places)
    assert not any(
        one["x"] < two["x"] + two["w"]
        and two["x"] < one["x"] + one["w"]
        and one["y"] < two["y"] + two["h"]
        and two["y"] < one["y"] + one["h"]
        for one, two in combinations(places, 2)
    )


def test_dashboards_and_panels_have_different_names() -> None:
    assert len({each["uid"] for each in DASHBOARDS.values()}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS.values():
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)


def test_the_one_that_everybody_looks_for_is_there() -> None:
    assert "Event Processing System" in {each["title"] for each in DASHBOARDS.values()}


def test_variables_are_filled_as_grafana_does() -> None:
    query = 'increase(a{b=~"$source"}[$__range]) + rate(a[$__rate_interval])'

    assert filled(query, seconds=90) == 'increase(a{b=~".*"}[90s]) + rate(a[40s])'
