"""The running processes, in a file for the health check: `run.json` in the data folder."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from runtime.local.supervisor.own_file import write_own
from runtime.local.supervisor.plan import Replica


@dataclass(frozen=True, slots=True)
class Running:
    """One process.

    Attributes:
        name: Its name on log lines.
        url: Where it answers; empty if it does not listen.
        pid: None while it waits for its restart, or has finished.
        finished: Whether it ended with 0, where that is allowed.
    """

    name: str
    url: str
    pid: int | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True)
class RunState:
    """All processes of one supervisor; the URLs hold credentials."""

    supervisor_pid: int
    processes: tuple[Running, ...]

    def save(self, data_dir: Path) -> None:
        """Write it, all or nothing, readable by the owner alone."""
        write_own(_file(data_dir), json.dumps(asdict(self), indent=2))


def load_run_state(data_dir: Path) -> RunState | None:
    """Read what runs on a data folder; None if nothing does."""
    try:
        record = json.loads(_file(data_dir).read_text(encoding="utf-8"))
        processes = tuple(Running(**process) for process in record["processes"])
        state = RunState(record["supervisor_pid"], processes)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if psutil.pid_exists(state.supervisor_pid) else None


def remove_run_state(data_dir: Path) -> None:
    """Record that nothing runs any more."""
    _file(data_dir).unlink(missing_ok=True)


def _file(data_dir: Path) -> Path:
    return data_dir / "run.json"


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
    fresh.replace(_targets_file(data_dir))


def remove_targets(data_dir: Path) -> None:
    """Record that nothing runs any more."""
    _targets_file(data_dir).unlink(missing_ok=True)


def _targets_file(data_dir: Path) -> Path:
    return data_dir / "targets.json"
