import json
from pathlib import Path

from runtime.local.embedded.data_folder import room_for
from runtime.local.supervisor.plan import make_plan
from runtime.local.supervisor.run_files import remove_targets, save_targets
from runtime.local.supervisor.settings import LocalSettings

_PORTS = ("gateway", "fb_collector", "ttk_collector", "reporter", "dead_letters")


def some_settings() -> LocalSettings:
    ports = {f"{name}_port": 0 for name in (*_PORTS, "nats", "postgres")}
    return LocalSettings.model_validate(ports)


def test_every_replica_is_a_target_of_its_function(tmp_path: Path) -> None:
    replicas = make_plan(some_settings(), ["fb-collector=2"]).replicas

    save_targets(tmp_path, replicas)

    groups = json.loads((tmp_path / "targets.json").read_text())
    found = {group["labels"]["instance"]: group for group in groups}
    assert found.keys() == {
        *("gateway", "fb-collector", "fb-collector-2", "ttk-collector"),
        *("dead-letters", "reporter"),
    }
    assert found["fb-collector-2"]["labels"]["job"] == "fb-collector"
    assert [group["targets"] for group in groups] == [
        [f"127.0.0.1:{replica.port}"] for replica in replicas
    ]


def test_nothing_is_a_target_once_it_is_removed_and_removing_it_twice_is_harmless(
    tmp_path: Path,
) -> None:
    save_targets(tmp_path, [])

    remove_targets(tmp_path)
    remove_targets(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_room_for_what_it_has_and_what_is_free(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_bytes(b"x" * 5000)

    assert room_for(tmp_path / "missing") > 0
    assert room_for(tmp_path / "data") >= 5000
