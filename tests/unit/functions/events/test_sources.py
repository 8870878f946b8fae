"""A source is a row in each table; if it has to be spelled out, a test reports missing names."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from functions.events import (
    EVENT_TYPES,
    FUNNEL_STAGES,
    REVENUE_TYPES,
    SOURCES,
    VOCABULARIES,
    EventType,
    RevenueType,
    Source,
)
from functions.events.contract import EVENT
from functions.events.judging import judge
from functions.events.sources import FORMS
from runtime.aws.settings import AwsGatewaySettings
from runtime.catalogue import FUNCTIONS
from tests.builders import a_part, raw

ROOT = Path(__file__).parents[4]
SCHEMA = ROOT / "runtime" / "postgres" / "schema" / "migrations" / "0001_events.sql"

each_source = pytest.mark.parametrize("source", SOURCES)


def literals(union: Any) -> set[str]:
    return {word for each in get_args(union) for word in get_args(each)}


def test_every_table_has_a_row_for_every_source_in_order() -> None:
    assert (*VOCABULARIES,) == (*FORMS,) == SOURCES


def test_every_type_is_in_the_union_of_types() -> None:
    assert literals(EventType) == {name for types in EVENT_TYPES.values() for name in types}


def test_every_revenue_type_may_be_answered() -> None:
    assert get_args(RevenueType) == (*REVENUE_TYPES.values(),)


@each_source
def test_the_contract_takes_the_examples_of_every_stage(source: Source) -> None:
    assert (*FORMS[source].examples,) == FUNNEL_STAGES
    for example in FORMS[source].examples.values():
        assert EVENT.validate_python(example, strict=False)["source"] == source


@each_source
def test_the_example_of_every_stage_becomes_its_row(source: Source) -> None:
    form = FORMS[source]

    for stage, example in form.examples.items():
        text = raw(example)
        row = form.to_row(judge(text), a_part(text), text)

        assert (row.source, row.funnel_stage) == (source, stage)
        assert row.event_type in EVENT_TYPES[source, stage]
        assert (row.revenue is not None) == (row.event_type == REVENUE_TYPES[source])


@each_source
def test_the_database_the_queues_and_the_collectors_know_it(source: Source) -> None:
    [enum] = re.findall(r"CREATE TYPE event_source AS ENUM \((.*?)\)", SCHEMA.read_text("utf-8"))
    collector = VOCABULARIES[source].collector

    lacking = {
        "0001_events.sql event_source": f"'{source}'" not in enum,
        "AwsGatewaySettings": f"events_queue_url_{source}" not in AwsGatewaySettings.model_fields,
        "catalogue.FUNCTIONS": collector not in FUNCTIONS,
        "runtime/aws": not (ROOT / f"runtime/aws/{collector.replace('-', '_')}.py").exists(),
        "tests/builders.py": f"def a_{source}_event"
        not in (ROOT / "tests/builders.py").read_text(),
    }

    assert {place for place, lacks in lacking.items() if lacks} == set()
