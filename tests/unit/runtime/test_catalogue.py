import subprocess
import sys

import pytest

from functions.events import SOURCES
from functions.reporter import ledger_report
from runtime.aws.packaging.packages import PACKAGES, ROOT
from runtime.catalogue import COLLECTORS, FUNCTIONS, Function, check_settings
from runtime.jetstream.streams import CONSUMERS
from runtime.local.supervisor.plan import ALL_PLANNED
from runtime.local.supervisor.settings import LocalSettings
from runtime.settings import BadSettings

_DRIVERS = {"boto3", "click", "nats", "starlette", "uvicorn"}


def test_every_function_listens_on_its_port() -> None:
    assert {name: function.port for name, function in FUNCTIONS.items()} == {
        "gateway": 3001,
        "fb-collector": 3002,
        "ttk-collector": 3003,
        "reporter": 3004,
        "dead-letters": 3005,
    }


def test_every_source_has_one_collector_and_its_own_handler() -> None:
    sources = [it.events.source for it in COLLECTORS if it.events]

    assert sorted(sources) == sorted(SOURCES)
    assert len({it.events.handle for it in COLLECTORS if it.events}) == len(SOURCES)


def test_every_collector_is_expected_in_the_ledger() -> None:
    sources = {it.name: it.events.source if it.events else None for it in COLLECTORS}

    assert sources == ledger_report.COLLECTORS


def test_every_collector_has_its_consumer() -> None:
    assert [(it.stream, it.name, it.subject) for it in CONSUMERS] == [
        ("EVENTS", "fb-collector", "events.facebook"),
        ("EVENTS", "ttk-collector", "events.tiktok"),
        ("DEAD_LETTERS", "dead-letters", "dead_letters.rejected"),
        ("EVENTS", "dead-letter-summaries", "events.rejected"),
    ]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_has_a_handler_and_a_lock_for_lambda(function: Function) -> None:
    package = PACKAGES[function.name]

    handlers = (ROOT / package.module.replace(".", "/")).with_suffix(".py")

    assert "\nhandler = " in handlers.read_text(encoding="utf-8")
    assert package.lock.is_file()


@pytest.mark.parametrize(
    ("name", "turn", "broker_user", "database_group", "is_public"),
    [
        ("gateway", 1, "gateway", None, True),
        ("fb-collector", 2, "collector", "eps_collector", False),
        ("ttk-collector", 2, "collector", "eps_collector", False),
        ("dead-letters", 2, "collector", "eps_collector", False),
        ("reporter", 3, None, "eps_reporter", True),
    ],
)
def test_eps_up_runs_each_function_with_its_rights(
    name: str, turn: int, broker_user: str | None, database_group: str | None, *, is_public: bool
) -> None:
    [planned] = [it for it in ALL_PLANNED if it.name == name]

    assert planned.stop_turn == turn
    assert (planned.broker_user, planned.database_group) == (broker_user, database_group)
    assert planned.is_public is is_public
    assert planned.command == (sys.executable, "-m", "runtime", "run", name)
    assert LocalSettings.model_fields[planned.port_setting].default == FUNCTIONS[name].port


def test_eps_up_needs_no_pepper_since_it_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("META_APP_SECRETS", "secret")
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1")

    check_settings(LocalSettings)

    with pytest.raises(BadSettings, match="USER_KEY_PEPPER"):
        FUNCTIONS["gateway"].kind.settings.load()
    monkeypatch.setenv("USER_KEY_PEPPER", "short")
    with pytest.raises(BadSettings, match="USER_KEY_PEPPER"):
        check_settings(LocalSettings)


def test_the_catalogue_loads_no_driver() -> None:
    code = "import sys, runtime.catalogue; print(*sys.modules)"

    loaded = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert _DRIVERS & set(loaded.split()) == set()
