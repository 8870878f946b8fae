"""Every setting, metric and command is in the documents."""

import re
from pathlib import Path

import pytest

from runtime import settings
from runtime.aws import settings as aws_settings
from runtime.catalogue import FUNCTIONS
from runtime.cli.main import eps
from runtime.local.supervisor.settings import LocalSettings
from tests.commands import commands_of
from tests.exported_metrics import metric_names
from tests.unit.compose_files import variables_of

ROOT = Path(__file__).parents[3]


def text_of(*names: str) -> str:
    files = [ROOT / name for name in names]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def setting_names() -> set[str]:
    kinds = {
        kind
        for kind in [*vars(settings).values(), *vars(aws_settings).values(), LocalSettings]
        if isinstance(kind, type) and issubclass(kind, settings.Settings)
    }
    return {name.upper() for kind in kinds for name in kind.model_fields}


def missing(names: set[str], text: str) -> list[str]:
    return sorted(name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))


@pytest.mark.parametrize("document", [".env.example", "docs/settings.md"])
def test_every_setting_is_documented(document: str) -> None:
    assert missing(setting_names(), text_of(document)) == []


def test_the_example_has_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text_of(".env.example"), re.MULTILINE))

    of_compose = {it for file in ROOT.glob("*compose*.yml") for it in variables_of(file.name)}

    assert sorted(named - setting_names() - of_compose) == []


def test_every_metric_is_documented() -> None:
    assert missing(metric_names(), text_of("docs/monitoring.md", "docs/operations.md")) == []


def test_every_command_is_documented() -> None:
    assert missing({f"eps {name}" for name in commands_of(eps)}, text_of("docs/commands.md")) == []


def test_every_function_is_documented() -> None:
    assert missing(set(FUNCTIONS), text_of("README.md")) == []


def test_there_is_something_to_document() -> None:
    assert {"NATS_URL", "BODY_SIZE_LIMIT", "GATEWAY_PORT"} <= setting_names()
    assert {"events_accepted_total", "event_freshness_seconds"} <= metric_names()
    assert {"run", "up", "migrate", "publish"} <= set(commands_of(eps))
