"""`eps deploy` as a process, against a double of AWS without HTTP APIs and alarms."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from localstack_client.session import Session  # type: ignore[import-untyped]

from runtime.aws.deploying.stack import outputs
from runtime.aws.packaging.manifest import ZipManifest
from runtime.cli.main import eps as commands
from tests.aws.conftest import REGION, THIS_ARCHITECTURE, eps

STACK = "events"


class Double:
    """The double as a test sees it.

    Attributes:
        env: For a process that should use it as AWS.
    """

    def __init__(self, env: dict[str, str], zips: Path) -> None:
        self.env = env
        self._zips = str(zips)
        self._session = Session(region_name=REGION, localstack_host=None)

    def client(self, service: str) -> Any:
        return self._session.client(service)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        same = ("--stack", STACK, "--zips", self._zips, "--arch", THIS_ARCHITECTURE)
        return eps("deploy", *same, *arguments, env=self.env)

    def stacks(self) -> list[str]:
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [it["StackName"] for it in found]

    def resource(self, name: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=name
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture(scope="module")
def double(aws_double: dict[str, str], zips: Path) -> Iterator[Double]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws_double["AWS_ENDPOINT_URL"])
        yield Double(aws_double, zips)


@pytest.fixture(scope="module")
def parameters(double: Double) -> list[str]:
    """The parameters that a stack needs; each secret is different."""
    secrets = double.client("secretsmanager")
    given = ["--parameter", "Environment=staging"]
    # All of them: the double can't update a stack with a policy whose condition is false.
    for name in ("Collector", "Reporter", "IngestKeys", "ReporterKeys", "OperatorKeys", "Senders"):
        arn = secrets.create_secret(Name=name, SecretString="postgresql://there/db")["ARN"]
        given += ["--parameter", f"{name}SecretArn={arn}"]
    return given


@pytest.fixture(scope="module")
def shown(double: Double, parameters: list[str]) -> subprocess.CompletedProcess[str]:
    return double.deploy("--dry-run", *parameters)


@pytest.fixture(scope="module")
def deployed(
    double: Double, parameters: list[str], shown: subprocess.CompletedProcess[str]
) -> subprocess.CompletedProcess[str]:
    assert shown.returncode == 0, shown.stderr
    assert double.stacks() == []
    assert double.client("s3").list_buckets()["Buckets"] == []
    done = double.deploy(*parameters)
    assert done.returncode == 0, done.stderr
    return done


def test_a_dry_run_shows_what_would_be_made_and_leaves_nothing(
    shown: subprocess.CompletedProcess[str], deployed: subprocess.CompletedProcess[str]
) -> None:
    assert "Add     FacebookEvents (AWS::SQS::Queue)" in shown.stdout.splitlines()
    assert shown.stdout == deployed.stdout


@pytest.mark.usefixtures("deployed")
def test_functions_run_the_zips_that_were_packaged(double: Double, zips: Path) -> None:
    found = double.client("lambda").list_functions()["Functions"]

    digests = {it["Handler"]: base64.b64decode(it["CodeSha256"]).hex() for it in found}
    assert digests == {it.handler: it.sha256 for it in ZipManifest.read(zips).zips}
    assert {it["Runtime"] for it in found} == {f"python{ZipManifest.read(zips).python}"}


@pytest.mark.usefixtures("deployed")
def test_functions_get_their_queues_and_secrets(double: Double) -> None:
    functions = double.client("lambda").list_functions()["Functions"]
    told = {it["FunctionName"]: it["Environment"]["Variables"] for it in functions}

    gateway, collector = told[f"{STACK}-gateway"], told[f"{STACK}-fb-collector"]
    assert gateway["EVENTS_QUEUE_URL_FACEBOOK"] == double.resource("FacebookEvents")
    assert gateway["EVENTS_QUEUE_URL_TIKTOK"] == double.resource("TiktokEvents")
    assert gateway["DEAD_LETTERS_QUEUE_URL"] == double.resource("DeadLetters")
    assert "DATABASE_SECRET_ARN" not in gateway
    assert ":secret:Collector-" in collector["DATABASE_SECRET_ARN"]
    assert ":secret:Reporter-" in told[f"{STACK}-reporter"]["DATABASE_SECRET_ARN"]
    assert {it["ENVIRONMENT"] for it in told.values()} == {"staging"}


@pytest.mark.usefixtures("deployed")
def test_queues_call_their_collectors_with_a_brake(double: Double) -> None:
    mappings = double.client("lambda").list_event_source_mappings()["EventSourceMappings"]

    found = {it["FunctionArn"].rpartition(":")[2]: it for it in mappings}
    assert set(found) == {
        f"{STACK}-{it}" for it in ("fb-collector", "ttk-collector", "dead-letters")
    }
    assert all(it["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for it in mappings)
    assert all(it["BatchSize"] == 10 for it in mappings)
    assert found[f"{STACK}-fb-collector"]["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert "FacebookEvents" in found[f"{STACK}-fb-collector"]["EventSourceArn"]


@pytest.mark.usefixtures("deployed")
def test_a_message_that_is_tried_too_often_goes_to_the_queue_beside(double: Double) -> None:
    sqs = double.client("sqs")

    def attributes(name: str) -> dict[str, str]:
        url = double.resource(name)
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        return found

    for name in ("FacebookEvents", "TiktokEvents", "DeadLetters"):
        redrive = json.loads(attributes(name)["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"] == attributes(f"{name}Failed")["QueueArn"]
        assert int(redrive["maxReceiveCount"]) == 100
        assert attributes(name)["VisibilityTimeout"] == "360"


@pytest.mark.usefixtures("deployed")
def test_the_gateway_may_send_to_the_three_queues_and_read_no_secret(double: Double) -> None:
    role = double.resource("GatewayRole")

    policy = double.client("iam").get_role_policy(RoleName=role, PolicyName="own-work")
    document = str(policy["PolicyDocument"])  # the double has not stored it as JSON
    queues = [double.resource(it) for it in ("FacebookEvents", "TiktokEvents", "DeadLetters")]
    assert all(url.rpartition("/")[2] in document for url in queues)
    assert "sqs:SendMessage" in document
    assert "secretsmanager" not in document


@pytest.mark.usefixtures("deployed")
def test_deploying_the_same_again_changes_nothing(double: Double) -> None:
    again = double.deploy()

    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{STACK} is up to date\n"


@pytest.mark.usefixtures("deployed")
def test_a_parameter_changes_and_the_others_stay(double: Double) -> None:
    done = double.deploy("--parameter", "LogLevel=debug")

    assert done.returncode == 0, done.stderr
    functions = double.client("lambda").list_functions()["Functions"]
    told = [it["Environment"]["Variables"] for it in functions]
    assert {(it["LOG_LEVEL"], it["ENVIRONMENT"]) for it in told} == {("debug", "staging")}


@pytest.mark.usefixtures("deployed")
def test_a_zip_that_is_there_is_not_uploaded_again(double: Double) -> None:
    s3 = double.client("s3")
    (bucket,) = [it["Name"] for it in s3.list_buckets()["Buckets"]]

    keys = [it["Key"] for it in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(keys) == 5
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_outputs_are_read_from_a_stack(double: Double) -> None:
    cloudformation = double.client("cloudformation")
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
    }
    cloudformation.create_stack(StackName="one", TemplateBody=json.dumps(template))
    try:
        (name, value) = next(iter(outputs(cloudformation, "one").items()))
    finally:
        cloudformation.delete_stack(StackName="one")

    assert name == "Url"
    assert "/one-Queue-" in value


def test_an_unreachable_aws_is_reported_in_one_line(double: Double) -> None:
    nowhere = {**double.env, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    env, double.env = double.env, nowhere
    try:
        done = double.deploy("--dry-run")
    finally:
        double.env = env

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: AWS: Could not connect")


def test_missing_zips_are_reported(double: Double, tmp_path: Path) -> None:
    done = eps("deploy", "--zips", str(tmp_path), env=double.env)

    assert done.returncode == 1
    assert "was not made by eps package" in done.stderr


@pytest.mark.parametrize("wrong", ["LogLevel", "=debug"])
def test_a_parameter_without_name_or_value_is_wrong_usage(wrong: str) -> None:
    done = CliRunner().invoke(commands, ["deploy", "--parameter", wrong])

    assert done.exit_code == 2
    assert "should be NAME=VALUE" in done.stderr
