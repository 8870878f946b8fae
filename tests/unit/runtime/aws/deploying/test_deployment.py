"""The checks of a deployment before it calls AWS."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from runtime.aws.deploying.bucket import bucket_name, key_of
from runtime.aws.deploying.change_set import Change, parameters_of
from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.packaging.manifest import Zip
from runtime.cli.progress import progress


def test_without_its_packages_it_says_which_lock_has_them() -> None:
    program = "import sys; sys.modules['boto3'] = None; from runtime.cli.main import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "deploy"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: boto3 is not installed: install requirements-deploy")


def test_the_command_line_starts_without_the_packages_of_a_deployment() -> None:
    program = "import runtime.cli.main, sys; print({'boto3', 'samtranslator'} & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("replaced", "line"),
    [
        ("True", "Modify  Gateway (AWS::Lambda::Function, replaced)"),
        ("Conditional", "Modify  Gateway (AWS::Lambda::Function, may be replaced)"),
        ("False", "Modify  Gateway (AWS::Lambda::Function)"),
    ],
)
def test_a_change_says_whether_its_resource_is_made_anew(replaced: str, line: str) -> None:
    assert str(Change("Modify", "Gateway", "AWS::Lambda::Function", replaced)) == line


def test_a_zip_has_its_place_by_its_content() -> None:
    made = Zip(
        function="gateway",
        architecture="arm64",
        handler="runtime.aws.gateway.handler",
        file="gateway-arm64.zip",
        bytes=1,
        unpacked_bytes=1,
        sha256="ab",
    )

    assert key_of(made) == "gateway/ab.zip"
    assert bucket_name("123", "eu-central-1") == "event-processing-123-eu-central-1"


def test_progress_is_a_line_a_step_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress() as tell:
        tell("one")
        tell("two")

    assert capsys.readouterr().err == "one\ntwo\n"


def test_progress_is_one_line_of_a_terminal_that_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    with progress() as tell:
        tell("one")

    assert capsys.readouterr().err == "\r\033[Kone …\r\033[K"


class AStack:
    """A CloudFormation that has one stack, in this state."""

    def __init__(self, status: str) -> None:
        self._status = status

    def describe_stacks(self, **_: str) -> Any:
        parameters = [{"ParameterKey": "LogLevel"}]
        return {"Stacks": [{"StackStatus": self._status, "Parameters": parameters}]}


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_a_stack_whose_first_deployment_failed_is_no_stack_to_update(status: str) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        parameters_of(AStack(status), "events")

    assert f"events is {status}: its first deployment failed" in str(failed.value)
    assert "aws cloudformation delete-stack --stack-name events" in str(failed.value)


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ("REVIEW_IN_PROGRESS", None),
        ("CREATE_COMPLETE", {"LogLevel"}),
        ("UPDATE_ROLLBACK_COMPLETE", {"LogLevel"}),
    ],
)
def test_a_stack_that_lives_has_its_parameters(status: str, known: set[str] | None) -> None:
    assert parameters_of(AStack(status), "events") == known


def test_wrong_settings_on_lambda_are_one_line_that_names_them_all() -> None:
    program = """
from runtime.aws.gateway import handler

class Context:
    aws_request_id = "1"
    def get_remaining_time_in_millis(self):
        return 30_000

request = {"version": "2.0", "rawPath": "/events", "requestContext": {"http": {"method": "POST"}}}
print("status", handler(request, Context())["statusCode"])
"""
    environment = {"PATH": os.environ["PATH"], "EVENTS_QUEUE_URL_FACEBOOK": "here"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    said = [json.loads(line) for line in lines if "settings" in line]
    assert "status 503" in lines
    assert [it["level"] for it in said] == ["warning"]
    for name in ("EVENTS_QUEUE_URL_FACEBOOK", "EVENTS_QUEUE_URL_TIKTOK", "DEAD_LETTERS_QUEUE_URL"):
        assert name in said[0]["reason"]
    assert not done.stderr
