"""The template is valid, and states the promised queues, roles and functions."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.deploying.template import TEMPLATE, translated
from runtime.aws.packaging.packages import PACKAGES, ROOT
from runtime.aws.settings import SecretSettings
from tests.aws.conftest import REGION

QUEUES = ("FacebookEvents", "TiktokEvents", "DeadLetters")
COLLECTORS = {
    "FbCollector": "FacebookEvents",
    "TtkCollector": "TiktokEvents",
    "DeadLetterCollector": "DeadLetters",
}
LINT = Path(sys.executable).with_name("cfn-lint")
NETWORK = "JoinVpc"
MAX_TEMPLATE_BYTES = 51_200
"""CloudFormation's limit for a template that is part of the request."""


@pytest.fixture(scope="module")
def text() -> str:
    return translated("some-bucket", {name: f"{name}/0.zip" for name in PACKAGES}, REGION)


@pytest.fixture(scope="module")
def resources(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: it["Properties"] for name, it in resources.items() if it["Type"] == kind}


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_the_translated_template_has_no_faults(text: str, tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(text)

    done = subprocess.run(
        [LINT, "--regions", REGION, "--template", tmp_path / "template.json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_translated_template_can_be_sent_along(text: str) -> None:
    assert len(text.encode()) < MAX_TEMPLATE_BYTES
    assert "AWS::Serverless" not in text


def test_every_function_runs_the_zip_and_handler_that_are_packaged(
    resources: dict[str, Any],
) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")

    handlers = {it["Code"]["S3Key"].partition("/")[0]: it["Handler"] for it in functions.values()}
    assert handlers == {name: package.handler for name, package in PACKAGES.items()}
    assert {it["Code"]["S3Bucket"] for it in functions.values()} == {"some-bucket"}
    assert all(it["Architectures"] == [{"Ref": "Architecture"}] for it in functions.values())
    assert all(it["Runtime"] == {"Fn::Sub": "python${PythonVersion}"} for it in functions.values())


def test_a_template_with_other_code_is_not_translated(tmp_path: Path) -> None:
    other = tmp_path / "template.yaml"
    other.write_text(TEMPLATE.read_text().replace("dist/gateway-arm64.zip", "src/"))

    with pytest.raises(DeploymentFailed, match="src/"):
        translated("some-bucket", dict.fromkeys(PACKAGES, "key"), REGION, other)


def test_what_the_translator_refuses_is_told(tmp_path: Path) -> None:
    other = tmp_path / "template.yaml"
    other.write_text(TEMPLATE.read_text().replace("Type: SQS", "Type: NoSuchEvent"))

    with pytest.raises(DeploymentFailed, match="NoSuchEvent"):
        translated("some-bucket", dict.fromkeys(PACKAGES, "key"), REGION, other)


def test_a_message_is_hidden_for_six_times_as_long_as_its_collector_may_take(
    resources: dict[str, Any],
) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    queues = of_type(resources, "AWS::SQS::Queue")

    for collector, queue in COLLECTORS.items():
        assert queues[queue]["VisibilityTimeout"] >= 6 * functions[collector]["Timeout"]


def test_failed_messages_are_set_aside_and_queues_outlive_the_stack(
    resources: dict[str, Any],
) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")

    assert set(queues) == {*QUEUES, *(f"{name}Failed" for name in QUEUES)}
    for name in QUEUES:
        target = queues[name]["RedrivePolicy"]["deadLetterTargetArn"]
        assert target == {"Fn::GetAtt": [f"{name}Failed", "Arn"]}
    assert {resources[name]["DeletionPolicy"] for name in queues} == {"RetainExceptOnCreate"}
    assert {it["MessageRetentionPeriod"] for it in queues.values()} == {1_209_600}
    assert all(it["SqsManagedSseEnabled"] for it in queues.values())
    assert {it["MaximumMessageSize"] for it in queues.values()} == {1024**2}


def test_a_collector_says_which_of_its_batch_have_failed_and_its_number_is_bounded(
    resources: dict[str, Any],
) -> None:
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")

    for collector, queue in COLLECTORS.items():
        mapping = mappings[f"{collector}Queue"]
        assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == 10
        assert mapping["ScalingConfig"]["MaximumConcurrency"]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("GatewayRole", {"sqs:SendMessage", "sqs:GetQueueAttributes"}),
        *(
            (
                f"{collector}Role",
                {
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "secretsmanager:GetSecretValue",
                },
            )
            for collector in COLLECTORS
        ),
        ("ReporterRole", {"secretsmanager:GetSecretValue"}),
    ],
)
def test_a_role_allows_what_its_function_does_and_nothing_else(
    resources: dict[str, Any], role: str, allowed: set[str]
) -> None:
    found = list(statements(of_type(resources, "AWS::IAM::Role")[role]))

    own_log = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {action for it in found for action in actions(it)} == allowed | own_log
    assert "*" not in json.dumps(found)


@pytest.mark.parametrize(
    ("name", "condition", "secret"),
    [
        ("ReadIngestKeys", "HasIngestKeys", "IngestKeysSecretArn"),
        ("ReadSenders", "HasSenders", "SendersSecretArn"),
    ],
)
def test_the_gateway_may_read_its_secrets_where_there_are_any(
    name: str, condition: str, secret: str, resources: dict[str, Any]
) -> None:
    policy = resources[name]

    assert policy["Condition"] == condition
    assert policy["Properties"]["Roles"] == [{"Ref": "GatewayRole"}]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert actions(statement) == ["secretsmanager:GetSecretValue"]
    assert statement["Resource"] == {"Ref": secret}


def test_no_secret_is_in_a_functions_configuration(text: str, resources: dict[str, Any]) -> None:
    told = {
        name
        for it in of_type(resources, "AWS::Lambda::Function").values()
        for name in it["Environment"]["Variables"]
    }

    arns = {name.upper() for name in SecretSettings.model_fields if name.endswith("_secret_arn")}
    assert {name for name in told if "SECRET" in name} == arns
    assert not {name for name in told if "KEY" in name or "DATABASE" in name} - arns
    assert "{{resolve:" not in text


def test_a_collector_may_touch_its_own_queue_only(resources: dict[str, Any]) -> None:
    roles = of_type(resources, "AWS::IAM::Role")

    for collector, queue in COLLECTORS.items():
        touched = [
            it["Resource"]
            for it in statements(roles[f"{collector}Role"])
            if actions(it)[0].startswith("sqs:")
        ]
        assert touched == [{"Fn::GetAtt": [queue, "Arn"]}]


def test_only_what_lambda_needs_for_a_network_is_allowed_anywhere(
    resources: dict[str, Any],
) -> None:
    broad = {name for name, it in resources.items() if '"Resource": "*"' in json.dumps(it)}

    assert broad == {NETWORK}
    assert resources[NETWORK]["Condition"] == "InVpc"
    document = resources[NETWORK]["Properties"]["PolicyDocument"]
    deny = [it for it in document["Statement"] if it["Effect"] == "Deny"]
    assert [it["Action"] for it in deny] == ["ec2:*"]
    assert len(deny[0]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]) == 4


def test_every_function_writes_to_a_log_that_forgets(resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    logs = of_type(resources, "AWS::Logs::LogGroup")

    assert {it["LoggingConfig"]["LogGroup"]["Ref"] for it in functions.values()} <= set(logs)
    assert all(it["RetentionInDays"] == {"Ref": "LogRetentionDays"} for it in logs.values())


def test_endless_calls_take_neither_all_processes_nor_all_connections(
    resources: dict[str, Any],
) -> None:
    stages = of_type(resources, "AWS::ApiGatewayV2::Stage")
    functions = of_type(resources, "AWS::Lambda::Function")

    for name in ("Gateway", "Reporter"):
        most = {"Ref": f"{name}RequestsPerSecond"}
        settings = stages[f"{name}ApiStage"]["DefaultRouteSettings"]
        assert settings == {"ThrottlingBurstLimit": most, "ThrottlingRateLimit": most}
        reserved = functions[name]["ReservedConcurrentExecutions"]["Fn::If"]
        assert reserved[:2] == [f"Reserves{name}", {"Ref": f"{name}Concurrency"}]


def test_a_function_is_called_by_an_http_api_or_by_a_function_url_of_its_own(
    text: str, resources: dict[str, Any]
) -> None:
    def under(condition: str, kind: str) -> dict[str, Any]:
        found = {name for name, it in resources.items() if it.get("Condition") == condition}
        return {name: it for name, it in of_type(resources, kind).items() if name in found}

    outputs = json.loads(text)["Outputs"]
    for name in ("Gateway", "Reporter"):
        route = under("HasHttpApis", "AWS::ApiGatewayV2::Route")[f"{name}ApiRoute"]
        integration = under("HasHttpApis", "AWS::ApiGatewayV2::Integration")
        assert route["RouteKey"] == "$default"
        target = {"Fn::Sub": f"integrations/${{{name}ApiIntegration}}"}
        assert route["Target"] == {"Fn::If": ["HasHttpApis", target, {"Ref": "AWS::NoValue"}]}
        called = {"Fn::GetAtt": [name, "Arn"]}
        assert integration[f"{name}ApiIntegration"]["IntegrationUri"] == called
        assert integration[f"{name}ApiIntegration"]["PayloadFormatVersion"] == "2.0"
        url = under("HasFunctionUrls", "AWS::Lambda::Url")[f"{name}FunctionUrl"]
        assert url == {"TargetFunctionArn": called, "AuthType": "NONE"}
        granted = [
            (it["Action"], it.get("FunctionUrlAuthType"), it.get("InvokedViaFunctionUrl"))
            for it in under("HasFunctionUrls", "AWS::Lambda::Permission").values()
            if it["FunctionName"] == {"Ref": name}
        ]
        assert granted == [
            ("lambda:InvokeFunctionUrl", "NONE", None),
            ("lambda:InvokeFunction", None, True),
        ]
        either = outputs[f"{name}Url"]["Value"]["Fn::If"]
        assert either[:2] == ["HasHttpApis", {"Fn::GetAtt": [f"{name}Api", "ApiEndpoint"]}]
        assert f'"{name}FunctionUrl", "FunctionUrl"' in json.dumps(either[2])


def test_nothing_else_may_call_a_function(resources: dict[str, Any]) -> None:
    open_to_all = [
        name
        for name, it in of_type(resources, "AWS::Lambda::Permission").items()
        if it["Principal"] == "*"
        and not (it.keys() & {"FunctionUrlAuthType", "InvokedViaFunctionUrl"})
    ]

    assert open_to_all == []


def test_the_reporters_processes_leave_connections_to_the_collectors() -> None:
    parameters = loaded()["Parameters"]
    of_reporter = 2 * parameters["ReporterConcurrency"]["Default"]
    of_collectors = 2 * parameters["CollectorConcurrency"]["Default"] + 2

    assert of_reporter + of_collectors < 100  # PostgreSQL's usual max_connections


def test_whoever_uses_the_database_can_check_its_certificate(resources: dict[str, Any]) -> None:
    layers = {name: it.get("Layers") for name, it in functions_of(resources).items()}

    assert layers.pop("Gateway") is None
    for layer in layers.values():
        assert layer["Fn::If"][:2] == ["HasDatabaseCaLayer", [{"Ref": "DatabaseCaLayerArn"}]]


def functions_of(resources: dict[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::Lambda::Function")


def loaded() -> Any:
    """Read the template, ignoring CloudFormation's tags."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda _loader, _tag, node: str(node.value))
    return yaml.load(TEMPLATE.read_text(), Loader)  # noqa: S506 - it constructs nothing but texts


def test_every_queue_function_and_api_is_watched(resources: dict[str, Any]) -> None:
    watched = [
        (it["MetricName"], json.dumps(it["Dimensions"][0]["Value"]))
        for it in of_type(resources, "AWS::CloudWatch::Alarm").values()
    ]

    def watches(metric: Any) -> int:
        return len({of for name, of in watched if name == metric})

    assert watches("ApproximateAgeOfOldestMessage") == len(QUEUES)
    assert watches("ApproximateNumberOfMessagesVisible") == len(QUEUES)
    assert watches("Errors") == watches("Throttles") == len(PACKAGES)
    assert watches({"Fn::If": ["HasHttpApis", "5xx", "Url5xxCount"]}) == 2


def test_an_alarm_says_where_to_read_what_to_do(resources: dict[str, Any]) -> None:
    said = [it["AlarmDescription"] for it in of_type(resources, "AWS::CloudWatch::Alarm").values()]

    places = {place for text in said for place in re.findall(r"(docs/[a-z]+\.md)#([a-z-]+)", text)}
    assert len(places) == 2
    for file, anchor in places:
        heads = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
        assert anchor in {head.lower().replace(" ", "-") for head in heads}
