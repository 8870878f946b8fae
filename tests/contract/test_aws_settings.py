"""Settings that functions on Lambda get from secrets, on a double of Secrets Manager."""

from collections.abc import Iterator

import pytest

from functions.errors import Unavailable
from runtime.aws.client import open_client
from runtime.aws.settings import AwsGatewaySettings, AwsReporterSettings, load_with_secrets

VALUES = {
    "DATABASE_SECRET_ARN": "postgresql://reports@db/eventdb",
    "OPERATOR_DATABASE_SECRET_ARN": "postgresql://operates@db/eventdb",
    "INGEST_API_KEYS_SECRET_ARN": "ingest-1,ingest-2",
    "REPORTER_API_KEYS_SECRET_ARN": "reporter-1",
    "OPERATOR_API_KEYS_SECRET_ARN": "operator-1",
    "SENDERS_SECRET_ARN": '{"USER_KEY_PEPPER": "%s", "META_APP_SECRETS": "new,old", "X": "y"}'
    % ("p" * 32),
}


@pytest.fixture
def secrets(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The ARNs of secrets that the environment names."""
    assert aws
    client = open_client("secretsmanager")
    arns = {
        name: client.create_secret(Name=f"of-{name}", SecretString=value)["ARN"]
        for name, value in VALUES.items()
    }
    for name, arn in arns.items():
        monkeypatch.setenv(name, arn)
    for name in ("EVENTS_QUEUE_URL_FACEBOOK", "EVENTS_QUEUE_URL_TIKTOK", "DEAD_LETTERS_QUEUE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1/queue")
    monkeypatch.setenv("ENVIRONMENT", "production")
    yield arns
    for arn in arns.values():
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.mark.usefixtures("secrets")
async def test_the_reporter_is_configured_by_its_secrets() -> None:
    settings = await load_with_secrets(AwsReporterSettings)

    assert settings.database_url.get_secret_value() == VALUES["DATABASE_SECRET_ARN"]
    operator = settings.as_operator.database_url.get_secret_value()
    assert operator == VALUES["OPERATOR_DATABASE_SECRET_ARN"]
    assert settings.reporter_api_keys.admit(b"reporter-1")
    assert settings.operator_api_keys.admit(b"operator-1")
    assert not settings.reporter_api_keys.admit(b"operator-1")


async def test_the_gateway_reads_its_keys_and_no_other_secret(
    secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in secrets.keys() - {"INGEST_API_KEYS_SECRET_ARN", "SENDERS_SECRET_ARN"}:
        monkeypatch.setenv(name, "arn:aws:secretsmanager:eu-central-1:1:secret:not-its-own")

    settings = await load_with_secrets(AwsGatewaySettings)

    assert settings.ingest_api_keys.admit(b"ingest-1")
    assert settings.ingest_api_keys.admit(b"ingest-2")
    assert settings.user_key_pepper is not None
    assert [it.get_secret_value() for it in settings.meta_app_secrets] == ["new", "old"]


@pytest.mark.usefixtures("secrets")
async def test_a_secret_of_senders_that_is_no_object_is_named(
    secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDERS_SECRET_ARN", secrets["REPORTER_API_KEYS_SECRET_ARN"])

    with pytest.raises(Unavailable, match="SENDERS_SECRET_ARN is not a JSON object"):
        await load_with_secrets(AwsGatewaySettings)


@pytest.mark.usefixtures("secrets")
async def test_a_secret_that_can_not_be_read_is_named_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:missing"
    monkeypatch.setenv("OPERATOR_API_KEYS_SECRET_ARN", missing)

    with pytest.raises(Unavailable, match="OPERATOR_API_KEYS can't be read: ResourceNotFound"):
        await load_with_secrets(AwsReporterSettings)


@pytest.mark.usefixtures("secrets")
async def test_an_arn_that_is_empty_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_API_KEYS_SECRET_ARN", "")
    monkeypatch.setenv("INGEST_API_KEYS", "said-itself")

    settings = await load_with_secrets(AwsGatewaySettings)

    assert settings.ingest_api_keys.admit(b"said-itself")
