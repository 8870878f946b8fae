"""The names found in a file, so that the law has teeth."""

import pytest

from tests.infra import said


def test_variables_are_found_in_code_and_comments() -> None:
    text = (
        "NATS_URL=x ${LOG_LEVEL:-info} # as BODY_SIZE_LIMIT\n$JS.API.STREAM.INFO.EVENTS a-B_C.D_E"
    )

    assert said.variables(text) == {"NATS_URL", "BODY_SIZE_LIMIT"} | {"LOG_LEVEL"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("http://gateway:3001/events", ("gateway", 3001)),
        ("postgres-rw:5432", ("postgres", 5432)),
        ("http://nats-0.nats-headless:8222", ("nats", 8222)),
        ("nats-headless.eps-production.svc.cluster.local:8222", ("nats", 8222)),
        ("nats://collector:secret@nats:4222", ("nats", 4222)),
        ("tcp://fb-collector:3002", ("fb-collector", 3002)),
    ],
)
def test_places_are_found(text: str, place: tuple[str, int]) -> None:
    assert place in said.places(text)


@pytest.mark.parametrize("text", ["nats:2.15.1-alpine", "postgres:18.4", "grafana/grafana:13.2.3"])
def test_the_version_of_an_image_is_no_port(text: str) -> None:
    assert said.places(text) == set()


def test_subjects_and_streams_are_found() -> None:
    text = """ "events.*", "dead_letters.*", "$JS.ACK.EVENTS.>", "$JS.API.CONSUMER.INFO.LETTERS.*"
      - events.twitter
    """

    assert said.subjects(text) == {"events.*", "dead_letters.*", "events.twitter"}
    assert said.streams(text) == {"EVENTS", "LETTERS"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("rate(events_accepted_total[5m])", {"events_accepted_total"}),
        ('sum by (error_type) (rate(a_b{service="x_y"}[5m]))', {"a_b"}),
        ("histogram_quantile(0.95, sum by (le, report_type) (c_d_bucket))", {"c_d_bucket"}),
        ("a_b / on (source_x) group_left (y_z) c_d > 0", {"a_b", "c_d"}),
        ("label_values(up_time, service_x)", {"up_time"}),
        ("label_values(service_x)", set()),
        ("job:freshness_seconds:p99 > 5", set()),
        ("a_b offset 1h and up == 0", {"a_b"}),
    ],
)
def test_metrics_are_found(query: str, names: set[str]) -> None:
    assert said.metrics(query) == names


def test_environments_and_commands_are_found() -> None:
    tree = {
        "services": {
            "a": {"environment": ["X=1", "Y"], "command": ["eps", "run", "a"]},
            "b": {"environment": {"Z": 1}, "command": ["eps", "publish", "--min=${M:-5}"]},
            "c": {"env": [{"name": "W", "value": "1"}], "command": ["sh"]},
        }
    }

    assert set().union(*said.environments(tree)) == {"X", "Y", "Z", "W"}
    assert list(said.commands(tree)) == [["run", "a"], ["publish", "--min=5"]]
