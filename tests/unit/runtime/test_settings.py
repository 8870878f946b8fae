import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from runtime.local.supervisor.settings import LocalSettings
from runtime.settings import (
    BadSettings,
    BrokerSettings,
    CollectorSettings,
    DatabaseSettings,
    GatewaySettings,
    Settings,
    check_all,
)

NATS = "nats://127.0.0.1:4222"
POSTGRES = "postgresql://user:secret@127.0.0.1:5432/eventdb"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings of this machine or of a file."""
    monkeypatch.chdir(tmp_path)
    for name in set(GatewaySettings.model_fields) | set(CollectorSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NATS_URL", NATS)
    monkeypatch.setenv("DATABASE_URL", POSTGRES)
    return monkeypatch


def faults_of(kind: type[Settings]) -> dict[str, str]:
    with pytest.raises(BadSettings) as caught:
        kind.load()
    lines = str(caught.value).splitlines()[1:]
    return {name: what for name, _, what in (line.strip().partition(": ") for line in lines)}


def test_unset_options_have_defaults() -> None:
    settings = GatewaySettings.load()

    assert settings.body_size_limit == 50 * 1024**2
    assert (settings.log_level, settings.log_format, settings.port) == ("info", "json", None)
    assert settings.nats_url.get_secret_value() == NATS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", 1024**2),
        ("512kb", 512 * 1024),
        ("50mb", 50 * 1024**2),
        ("50MB", 50 * 1024**2),
        (" 2 Gb ", 2 * 1024**3),
        ("7b", 7),
    ],
)
def test_a_size_has_a_unit_or_is_bytes(
    environment: pytest.MonkeyPatch, text: str, size: int
) -> None:
    environment.setenv("BODY_SIZE_LIMIT", text)

    assert GatewaySettings.load().body_size_limit == size


@pytest.mark.parametrize(
    "text", ["0", "-1", "50 megabytes", "1.5mb", "mb", "1e6", "50tb", "\uff11mb", "0x10", "9" * 30]
)
def test_anything_else_is_no_size(environment: pytest.MonkeyPatch, text: str) -> None:
    environment.setenv("BODY_SIZE_LIMIT", text)

    assert list(faults_of(GatewaySettings)) == ["BODY_SIZE_LIMIT"]


def test_every_fault_is_reported_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("NATS_URL")
    environment.setenv("DATABASE_URL", "mysql://x")
    environment.setenv("LOG_LEVEL", "loud")
    environment.setenv("PORT", "65536")
    environment.setenv("ACK_WAIT_SECONDS", "0")

    faults = faults_of(CollectorSettings)

    assert set(faults) == {"NATS_URL", "DATABASE_URL", "LOG_LEVEL", "PORT", "ACK_WAIT_SECONDS"}
    assert faults["NATS_URL"] == "is not set"


@pytest.mark.parametrize("name", ["NATS_URL", "DATABASE_URL"])
@pytest.mark.parametrize("value", ["", "secret", "http://secret", "://secret"])
def test_a_bad_url_is_named_and_never_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    faults = faults_of(CollectorSettings)

    assert list(faults) == [name]
    assert "secret" not in faults[name]


def test_secrets_are_never_shown() -> None:
    assert "secret" not in repr(CollectorSettings.load())


def test_several_brokers_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NATS_URL", f"{NATS},tls://other:4222")
    assert BrokerSettings.load().nats_url.get_secret_value() == f"{NATS},tls://other:4222"

    environment.setenv("NATS_URL", f"{NATS},http://other")
    assert list(faults_of(BrokerSettings)) == ["NATS_URL"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("LOG_LEVEL", "WARNING", "warning"), ("LOG_FORMAT", "Console", "console")],
)
def test_words_may_be_of_any_case(
    environment: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    environment.setenv(name, text)

    assert getattr(Settings.load(), name.lower()) == expected


def test_a_file_provides_settings_that_the_environment_lacks(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=1\nLOG_LEVEL=debug\nSOMETHING_ELSE=x\n")
    environment.setenv("PORT", "2")

    settings = Settings.load()

    assert (settings.port, settings.log_level) == (2, "debug")


def test_an_empty_variable_is_as_good_as_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "")

    assert Settings.load().port is None


@pytest.mark.parametrize("kind", [GatewaySettings, CollectorSettings, DatabaseSettings])
def test_settings_do_not_change(kind: type[Any]) -> None:
    settings = kind.load()

    with pytest.raises(ValidationError):
        settings.port = 1


def test_only_what_a_function_needs_is_asked_for(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    GatewaySettings.load()
    environment.delenv("NATS_URL")
    LocalSettings.load()

    assert set(faults_of(CollectorSettings)) == {"NATS_URL", "DATABASE_URL"}
    assert "DATABASE_URL" not in os.environ


def test_faults_of_several_kinds_are_reported_together_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BODY_SIZE_LIMIT", "much")
    monkeypatch.setenv("BATCH_MAX_MESSAGES", "-3")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    given = {"nats_url": "nats://given", "database_url": "postgresql://given"}

    with pytest.raises(BadSettings) as caught:
        check_all([GatewaySettings, CollectorSettings], given)

    heads = [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert heads == ["BATCH_MAX_MESSAGES", "BODY_SIZE_LIMIT", "LOG_LEVEL"]


def test_a_file_may_hold_a_secret_and_the_environment_goes_before(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    class InAContainer(CollectorSettings):
        model_config = SettingsConfigDict(secrets_dir=tmp_path)

    (tmp_path / "nats_url").write_text(f"{NATS}/file\n", encoding="utf-8")
    (tmp_path / "database_url").write_text(f"{POSTGRES}_file\n", encoding="utf-8")
    environment.delenv("NATS_URL")

    settings = InAContainer.load()

    assert settings.nats_url.get_secret_value() == f"{NATS}/file"
    assert settings.database_url.get_secret_value() == POSTGRES
