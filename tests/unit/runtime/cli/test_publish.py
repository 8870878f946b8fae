"""The address to which ``eps publish`` sends."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime.cli.main import eps
from runtime.local.embedded.tcp_ports import free_port


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVENT_ENDPOINT", raising=False)


def publish(*arguments: str) -> Result:
    few = ["publish", "--requests=1", "--min=1", "--max=1", "--interval=0"]
    return CliRunner().invoke(eps, [*few, *arguments])


def test_without_a_place_to_send_it_says_how_to_name_one() -> None:
    result = publish()

    assert result.exit_code == 2
    assert "EVENT_ENDPOINT" in result.output


def test_event_endpoint_is_where_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_ENDPOINT", f"http://127.0.0.1:{free_port()}/events")

    result = publish()

    assert result.exit_code == 1
    assert "was successful: connection refused" in result.output
    assert '"eventsPerSecond": 0.0' in result.output


def test_the_argument_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_ENDPOINT", f"http://127.0.0.1:{free_port()}/events")

    assert "url must be" in publish("--url", "gateway").output
