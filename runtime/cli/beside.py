"""Settings of a command that runs beside `eps up` and finds the addresses of its servers."""

from pathlib import Path
from typing import TypeVar

from runtime.local.supervisor.run_files import load_run_state
from runtime.local.supervisor.settings import LocalSettings
from runtime.settings import BadSettings, BrokerSettings, Settings

_SERVERS = {"database_url": "postgres", "nats_url": "nats"}
"""The process whose address each setting holds."""

Kind = TypeVar("Kind", bound=Settings)


def load_beside(kind: type[Kind], data_dir: Path | None = None) -> Kind:
    """Read settings; an address that is not set is that of the `eps up` on ``DATA_DIR``.

    Args:
        kind: Which ones.
        data_dir: A given folder: a system running there takes precedence over settings.

    Raises:
        BadSettings: Some are missing, and nothing runs there; or some are wrong.
    """
    if data_dir is not None:
        return kind.load(**_wanted(kind, data_dir))
    try:
        return kind.load()
    except BadSettings as error:
        running = _running(LocalSettings.load().data_dir)
        found = {name: url for name, url in running.items() if name in error.missing}
        if not found:
            raise
        return kind.load(**found)


def _wanted(kind: type[Settings], data_dir: Path) -> dict[str, str]:
    running = _running(data_dir)
    missing = [name for name in _SERVERS if name in kind.model_fields and name not in running]
    if missing:
        raise BadSettings(
            f"nothing is running on {data_dir.resolve()}: start it with ./start.sh", missing
        )
    return {name: url for name, url in running.items() if name in kind.model_fields}


def nats_url_beside() -> str | None:
    """Return the broker's address, for a command that also works without a broker.

    Returns:
        ``NATS_URL``, or that of what runs on ``DATA_DIR``; None where neither is known.

    Raises:
        BadSettings: It is wrong.
    """
    try:
        return load_beside(BrokerSettings).nats_url.get_secret_value()
    except BadSettings as error:
        if "nats_url" in error.missing:
            return None
        raise


def _running(data_dir: Path) -> dict[str, str]:
    state = load_run_state(data_dir)
    urls = {process.name: process.url for process in state.processes} if state else {}
    return {name: urls[server] for name, server in _SERVERS.items() if server in urls}
