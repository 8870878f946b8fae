"""Passwords of the embedded servers, and which secrets each function gets."""

import os
from pathlib import Path

import pytest

from runtime.local.embedded.inheritance import inherited
from runtime.local.supervisor.plan import ALL_PLANNED
from runtime.local.supervisor.secrets import Passwords, load_passwords, new_password, save_secrets
from runtime.telemetry.safe_urls import without_password

KEYS = {"INGEST_API_KEYS", "REPORTER_API_KEYS", "OPERATOR_API_KEYS"}
SECRETS = [
    "POSTGRES_PASSWORD",
    "COLLECTOR_DATABASE_PASSWORD",
    "NATS_OPERATOR_PASSWORD",
    "DATABASE_URL",
    "database_url",
    "Nats_Url",
    "OPERATOR_DATABASE_URL",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASS",
    "PGPASSWORD",
    "OPENAI_API_KEY",
    "APIKEY",
    "GOOGLE_CREDENTIALS",
    "USER_KEY_PEPPER",
]
HARMLESS = ["PATH", "HOME", "LANG", "TZ", "PYTHONPATH", "KEYBOARD", "MONKEY", "PASSENGERS", "TERM"]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_inherited(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")

    assert name not in inherited(())


@pytest.mark.parametrize("name", HARMLESS)
def test_variables_that_are_not_secrets_are_inherited(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")

    assert inherited(())[name] == "x"


def test_a_url_with_a_password_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", "redis://:secret@127.0.0.1/0")
    monkeypatch.setenv("OTHER", "redis://127.0.0.1/0?a=b:c@d")

    assert "SOME" not in inherited(())
    assert "OTHER" in inherited(())


@pytest.mark.parametrize(
    ("function", "keys"),
    [
        ("gateway", {"INGEST_API_KEYS"}),
        ("fb-collector", {"INGEST_API_KEYS"}),
        ("ttk-collector", {"INGEST_API_KEYS"}),
        ("dead-letters", {"INGEST_API_KEYS"}),
        ("reporter", {"REPORTER_API_KEYS", "OPERATOR_API_KEYS"}),
    ],
)
def test_a_function_inherits_the_keys_that_open_it(
    function: str, keys: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS | {"LOG_LEVEL"}:
        monkeypatch.setenv(name, "x")
    [settings] = [it.settings for it in ALL_PLANNED if it.name == function]

    told = inherited(settings)

    assert KEYS & told.keys() == keys
    assert "LOG_LEVEL" in told


def test_passwords_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        save_secrets(
            tmp_path,
            database_url="postgresql://postgres:it%27s%40%25@127.0.0.1:5432/eventdb",
            nats_url="nats://operator:abc@127.0.0.1:4222",
        )
    finally:
        os.umask(old)

    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert load_passwords(tmp_path) == Passwords("it's@%", "abc")


def test_pepper_is_kept_whatever_else_changes(tmp_path: Path) -> None:
    save_secrets(tmp_path, database_url=None, nats_url=None, pepper="p" * 49)
    save_secrets(tmp_path, database_url="postgresql://a:b@127.0.0.1/c", nats_url=None)

    assert load_passwords(tmp_path) == Passwords("b", None, "p" * 49)


def test_where_none_are_kept_there_are_none(tmp_path: Path) -> None:
    assert load_passwords(tmp_path) == Passwords()


def test_passwords_are_new_and_of_plain_characters() -> None:
    made = {new_password() for _ in range(100)}

    assert len(made) == 100
    assert all(it.isalnum() and it.isascii() and len(it) > 40 for it in made)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://postgres:x%40@127.0.0.1:5432/eventdb", "postgresql://postgres@127.0.0.1:5432/eventdb"),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
