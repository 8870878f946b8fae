import socket

import pytest

from runtime.local.embedded.tcp_ports import LOOPBACK, PortsTaken
from runtime.local.supervisor.plan import (
    BadUsage,
    Replica,
    UpOptions,
    make_plan,
    parse_scale,
    publisher_of,
)
from runtime.local.supervisor.settings import LocalSettings
from runtime.settings import BadSettings

_FREE = {
    f"{name}_port": 0
    for name in ("gateway", "fb_collector", "ttk_collector", "reporter", "dead_letters")
}


def some_settings(**fields: int) -> LocalSettings:
    return LocalSettings.model_validate({**_FREE, "nats_port": 0, "postgres_port": 0, **fields})


def names(replicas: tuple[Replica, ...]) -> list[str]:
    return [replica.name for replica in replicas]


def test_without_a_scale_every_function_runs_once() -> None:
    plan = make_plan(some_settings())

    assert names(plan.replicas) == [
        *("gateway", "fb-collector", "ttk-collector", "dead-letters", "reporter")
    ]


def test_replicas_are_numbered_and_have_ports_of_their_own() -> None:
    plan = make_plan(some_settings(), ["fb-collector=3"])

    assert names(plan.replicas)[5:] == ["fb-collector-2", "fb-collector-3"]
    assert len({replica.port for replica in plan.replicas}) == 7


@pytest.mark.parametrize(
    "scale", ["fb-collector", "fb-collector=0", "fb-collector=33", "nobody=2", "gateway=٣", "=2"]
)
def test_a_wrong_scale_is_refused_with_what_is_known(scale: str) -> None:
    with pytest.raises(BadUsage, match="NAME one of gateway, reporter"):
        parse_scale([scale], ["gateway", "reporter"])


def test_the_last_scale_of_a_function_counts() -> None:
    assert parse_scale(["gateway=2", "gateway=3"], ["gateway"]) == {"gateway": 3}


@pytest.mark.parametrize("field", ["gateway_port", "nats_port", "postgres_port"])
def test_a_port_that_was_set_does_not_move(field: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        settings = some_settings(**{field: taken.getsockname()[1]})

        with pytest.raises(PortsTaken, match=field.upper()):
            make_plan(settings)


def test_the_default_port_of_the_database_moves_when_it_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        settings = some_settings().model_copy(update={"postgres_port": taken})
        settings.model_fields_set.discard("postgres_port")

        plan = make_plan(settings)

    assert plan.postgres_port != taken
    assert "POSTGRES_PORT" in plan.notes[0]


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "many")
    monkeypatch.setenv("NATS_PORT", "70000")

    with pytest.raises(BadSettings, match=r"(?s)GATEWAY_PORT.*NATS_PORT"):
        LocalSettings.load()


def test_test_events_are_few_unless_the_torrent_is_asked_for() -> None:
    modest, torrent = publisher_of(UpOptions()), publisher_of(UpOptions(torrent=True))

    assert modest[3:] == ("publish", "--min", "100", "--max", "500", "--url")
    assert torrent[3:] == ("publish", "--url")
    assert publisher_of(UpOptions(publisher=False)) == ()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - what is tested
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_only_gateway_and_reporter_listen_on_host(host: str, address: str) -> None:
    settings = LocalSettings.model_validate({**some_settings().model_dump(), "host": host})

    plan = make_plan(settings, ["gateway=2"])

    by_name = {replica.name: replica for replica in plan.replicas}
    assert {name for name, it in by_name.items() if it.host == host} >= {
        *("gateway", "gateway-2", "reporter")
    }
    assert by_name["gateway"].url == f"http://{address}:{by_name['gateway'].port}"
    assert by_name["fb-collector"].host == LOOPBACK
