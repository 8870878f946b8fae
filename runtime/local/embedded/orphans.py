"""What a supervisor that was killed leaves behind of a database."""

import signal
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from runtime.local.embedded.readiness import StartFailed

_END_SECONDS = 30.0


def end_orphans(cluster: Path) -> None:
    """Clear the way for a start after a crash.

    The caller owns the folder, so whatever still runs on it has lost its
    supervisor: it is ended. The pid file that remains could name a process
    that is not a database at all, and PostgreSQL would refuse to start.

    Raises:
        StartFailed: Something runs on and won't end.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    orphans = [process for process in psutil.process_iter() if _runs_on(cluster, process)]
    for process in orphans:
        process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(orphans, timeout=_END_SECONDS)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise StartFailed(f"A PostgreSQL runs on {cluster} already, and won't end: pid {pids}")
    pid_file.unlink(missing_ok=True)


def _runs_on(cluster: Path, process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == cluster
    except psutil.Error:  # ended meanwhile, or somebody else's
        return False
