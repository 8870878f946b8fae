"""Settings of a command that is run beside `eps up`: where its servers are need not be told."""

from typing import TypeVar

from runtime.local.run_state import load_run_state
from runtime.local.settings import LocalSettings
from runtime.settings import BadSettings, Settings

_SERVERS = {"database_url": "postgres", "nats_url": "nats"}
"""Which process's address a setting is."""

Kind = TypeVar("Kind", bound=Settings)


def load_beside(kind: type[Kind]) -> Kind:
    """Read settings; addresses that are not set are those of what runs on ``DATA_DIR``.

    Raises:
        BadSettings: Some are missing, and nothing runs there; or some are wrong.
    """
    try:
        return kind.load()
    except BadSettings as error:
        found = {name: url for name, url in _running().items() if name in error.missing}
        if not found:
            raise
        return kind.load(**found)


def _running() -> dict[str, str]:
    state = load_run_state(LocalSettings.load().data_dir)
    urls = {process.name: process.url for process in state.processes} if state else {}
    return {name: urls[server] for name, server in _SERVERS.items() if server in urls}
