"""The AWS, or its double, that the environment selects."""

import pytest

from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.deploying.session import find_aws


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("127.0.0.1:14566", "http://127.0.0.1:14566"),
        ("http://127.0.0.1:14566", "http://127.0.0.1:14566"),
        ("https://localstack:4566/", "http://localstack:4566"),
        ("localstack", "http://localstack:4566"),
    ],
)
def test_a_double_is_named_by_its_host_or_its_url(
    said: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", said)

    assert find_aws().client("sqs").meta.endpoint_url == url


@pytest.mark.parametrize("said", ["ftp://x", "a:b", "x:1/y", "a b", "http://", "x:1:2"])
def test_an_invalid_host_is_reported_in_one_line(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", said)

    with pytest.raises(DeploymentFailed, match="LOCALSTACK_HOST should be HOST or HOST:PORT"):
        find_aws()


def test_a_double_is_given_the_credentials_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")

    assert credentials() == ("111111111111", "mine")


def test_a_double_is_asked_without_credentials_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)

    assert all(credentials())


def credentials() -> tuple[str, str]:
    """Return the credentials that sign requests to the double."""
    signer = find_aws().client("sqs")._request_signer  # noqa: SLF001 - nothing else knows
    return signer._credentials.access_key, signer._credentials.secret_key  # noqa: SLF001
