import os
import re
from pathlib import Path

import pytest

from runtime.local.supervisor.set_names import OF_OTHERS, misspelled, names_set, unused
from runtime.local.supervisor.settings import LocalSettings
from tests.unit.compose_files import ROOT
from tests.unit.documents.test_docs import setting_names


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        monkeypatch.delenv(name)
    return tmp_path / ".env"


def in_example() -> set[str]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^# ([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def test_the_settings_of_others_are_all_that_no_function_here_reads() -> None:
    assert in_example() - OF_OTHERS <= setting_names()
    assert in_example() >= OF_OTHERS


@pytest.mark.parametrize("uncommented", [False, True])
def test_a_copied_example_has_no_misspelled_name(env: Path, *, uncommented: bool) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    env.write_text(
        re.sub(r"^# (?=[A-Z_]+=)", "", text, flags=re.MULTILINE) if uncommented else text
    )

    assert list(misspelled(env)) == []
    assert ("LOG_LEVEL" in names_set(env)) is uncommented


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LOG_LEVL", "LOG_LEVEL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("LOG-LEVEL", "LOG_LEVEL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("NATS_URLS", "NATS_URL"),
        ("GATEWAY_PROT", "GATEWAY_PORT"),
        ("BATCH_MAX_MESAGES", "BATCH_MAX_MESSAGES"),
        ("DATABASE_TIMEOUT", "DATABASE_TIMEOUT_SECONDS"),
        ("INGEST_API_KEYES", "INGEST_API_KEYS"),
    ],
)
def test_a_misspelled_name_is_told_with_the_right_one(
    name: str, meant: str, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.write_text(f"{name}=a-value\n")
    in_file = list(misspelled(env))
    env.unlink()
    monkeypatch.setenv(name, "a-value")
    in_environment = list(misspelled(env))

    assert in_file == [f"{name} in {env} is not a setting; did you mean {meant}?"]
    assert in_environment == [f"{name} in the environment is not a setting; did you mean {meant}?"]


def test_what_is_unknown_in_the_file_is_told_without_a_guess(env: Path) -> None:
    env.write_text("FAVOURITE_COLOUR=green\nCOMPOSE_PROJECT_NAME=mine\nlog_level=debug\n")

    assert list(misspelled(env)) == [f"FAVOURITE_COLOUR in {env} is not a setting"]


@pytest.mark.parametrize(
    "name",
    [
        *("HOME", "HOSTNAME", "PATH", "POSTGRES_HOST", "NATS_HOST", "POSTGRES_USER", "PORTS"),
        *("LOGNAME", "PGHOST", "LOG_FILE", "HTTP_PORT", "MY_DATABASE_URL", "DATABASE_NAME"),
        *("GATEWAY_HOST", "GATEWAY_ADDRESS", "AWS_REGION", "BASE_URL", "DATA_PATH", "REPORTER_URL"),
    ],
)
def test_a_name_of_somebody_else_s_in_the_environment_is_passed_over(
    name: str, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "a-value")

    assert list(misspelled(env)) == []


def told(**settings: str) -> list[str]:
    local = LocalSettings.model_validate({name.lower(): text for name, text in settings.items()})
    return [line.split(" is not used by `eps up`: ")[0] for line in unused(local, set(settings))]


def test_a_setting_that_is_not_used_is_told() -> None:
    database, broker = {"DATABASE_URL": "postgresql://own/db"}, {"NATS_URL": "nats://own"}
    ports = {"NATS_PORT": "1", "POSTGRES_PORT": "2"}

    assert told(PORT="9999") == ["PORT"]
    assert told(**ports) == []
    assert told(**ports, **database) == ["POSTGRES_PORT"]
    assert told(**ports, **broker) == ["NATS_PORT"]
    assert told(NATS_MONITORING_URL="http://own:8222") == ["NATS_MONITORING_URL"]
    assert told(NATS_MONITORING_URL="http://own:8222", **broker) == []
