import pytest

from runtime.local.logs.noise import without_noise


@pytest.mark.parametrize(
    ("server", "line", "kept"),
    [
        ("nats", "[WRN] Maximum payloads over 8.00 MB are generally discouraged and could", False),
        ("nats", "[WRN] JetStream is out of resources", True),
        ("postgres", "FATAL:  the database system is starting up", False),
        ("postgres", "FATAL:  password authentication failed", True),
        ("other", "FATAL:  the database system is starting up", True),
    ],
)
def test_only_what_we_cause_is_left_out(server: str, line: str, *, kept: bool) -> None:
    told: list[str] = []

    without_noise(server, told.append)(line)

    assert told == ([line] if kept else [])
