"""Where Prometheus finds the functions of this machine: `targets.json` in the data folder."""

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from runtime.local.supervisor.plan import Replica


def save_targets(data_dir: Path, replicas: Iterable[Replica]) -> None:
    """Write them, all or nothing, for Prometheus's ``file_sd_configs``.

    Each function is a job, as in containers; an instance is named as its log lines are.
    """
    groups = [
        {
            "targets": [urlsplit(replica.url).netloc],
            "labels": {"job": replica.function.name, "instance": replica.name},
        }
        for replica in replicas
    ]
    fresh = data_dir / "targets.json.new"
    fresh.write_text(json.dumps(groups, indent=2), encoding="utf-8")
    fresh.replace(_file(data_dir))


def remove_targets(data_dir: Path) -> None:
    """Say that nothing runs any more."""
    _file(data_dir).unlink(missing_ok=True)


def _file(data_dir: Path) -> Path:
    return data_dir / "targets.json"
