"""Faults of a deployment's parameters are reported before AWS is called."""

import json
from typing import Any

import pytest

from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.deploying.parameters import check_given, check_together
from runtime.aws.deploying.template import read_template, translated
from runtime.aws.packaging.packages import PACKAGES

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:one"
DATABASE = {"CollectorSecretArn": SECRET, "ReporterSecretArn": SECRET}
KEYS = {f"{name}KeysSecretArn": SECRET for name in ("Ingest", "Reporter", "Operator")}
OF_ZIPS = {"Architecture": "arm64", "PythonVersion": "3.14"}


@pytest.fixture(scope="module")
def template() -> Any:
    keys = dict.fromkeys(PACKAGES, "key")
    return json.loads(translated("some-bucket", keys, "eu-central-1"))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Colour", "red", "Colour: the template has no such parameter"),
        (
            "LogLevle",
            "info",
            "LogLevle: the template has no such parameter; did you mean LogLevel?",
        ),
        (
            "LogLevel",
            "loud",
            "LogLevel: should be one of debug, info, warning, error, but is 'loud'",
        ),
        ("LogRetentionDays", "2", "LogRetentionDays: should be one of 1, 3, 5,"),
        ("CollectorSecretArn", "x", "CollectorSecretArn: should match arn:"),
        ("CollectorConcurrency", "1", "CollectorConcurrency: should be at least 2, but is '1'"),
        ("CollectorConcurrency", "1001", "CollectorConcurrency: should be at most 1000"),
        ("MaxReceiveCount", "5.5", "MaxReceiveCount: should be a whole number"),
        ("MaxReceiveCount", "１０", "MaxReceiveCount: should be a whole number"),  # noqa: RUF001
        ("Architecture", "x86_64", "Architecture can't be given as a parameter: --arch decides it"),
    ],
)
def test_a_parameter_that_the_template_does_not_take_is_told(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        check_given("events", read_template(), {**DATABASE, name: value})

    assert str(failed.value).startswith(said)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("stack", ["my stack", "1st", "", "a" * 129, "події"])
def test_a_name_that_no_stack_can_have_is_told(stack: str) -> None:
    with pytest.raises(DeploymentFailed, match="can't be a stack's name"):
        check_given(stack, read_template(), DATABASE)


def test_what_the_template_takes_is_taken(template: Any) -> None:
    given = {**DATABASE, **KEYS, "LogLevel": "debug", "CollectorConcurrency": "2"}

    check_given("events", read_template(), given)
    check_together(template, {**given, **OF_ZIPS}, None)


def test_what_is_missing_is_told_with_all_that_rules_ask_for(template: Any) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        check_together(template, OF_ZIPS, None)

    assert str(failed.value).splitlines() == [
        "CollectorSecretArn has no default: --parameter CollectorSecretArn=VALUE",
        "ReporterSecretArn has no default: --parameter ReporterSecretArn=VALUE",
        "IngestKeysSecretArn is needed unless Environment is development",
        "ReporterKeysSecretArn is needed unless Environment is development",
        "OperatorKeysSecretArn is needed unless Environment is development",
    ]


def test_on_a_developers_machine_no_key_is_needed(template: Any) -> None:
    check_together(template, {**DATABASE, **OF_ZIPS, "Environment": "development"}, None)


def test_what_a_stack_has_already_need_not_be_given(template: Any) -> None:
    kept = {*DATABASE, *KEYS, *OF_ZIPS, "Environment"}

    check_together(template, {"LogLevel": "debug", **OF_ZIPS}, kept)


def test_what_is_taken_from_a_stack_is_held_against_its_rules(template: Any) -> None:
    kept = {*DATABASE, *KEYS, *OF_ZIPS}

    with pytest.raises(DeploymentFailed, match=r"^IngestKeysSecretArn is needed"):
        check_together(
            template, {"IngestKeysSecretArn": "", "Environment": "staging", **OF_ZIPS}, kept
        )
