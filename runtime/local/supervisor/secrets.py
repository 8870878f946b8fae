"""The secrets of this machine: `secrets.env` in the data folder."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from runtime.local.supervisor.own_file import write_own

_HEAD: Final = (
    "# Written by `eps up` for its owner only: the database as superuser, the broker as operator."
    "\n# Users' keys are derived with the pepper: keep it as long as the data."
    "\n# In a shell: set -a; . .data/secrets.env; set +a\n"
)
_LINE: Final = re.compile(r"^(?:# )?(DATABASE_URL|NATS_URL|USER_KEY_PEPPER)=(.+)$", re.MULTILINE)
_PEPPER: Final = "USER_KEY_PEPPER"
_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords that outlive a run; None if there is none yet.

    Attributes:
        database: The superuser's.
        broker: The operator's.
        pepper: That of users' keys.
    """

    database: str | None = None
    broker: str | None = None
    pepper: str | None = None


def new_password() -> str:
    """Make a password that needs no escaping in URLs, files and configurations."""
    return f"p{secrets.token_hex(_BYTES)}"


def secrets_file(data_dir: Path) -> Path:
    """Return the file of a data folder's secrets."""
    return data_dir / "secrets.env"


def load_passwords(data_dir: Path) -> Passwords:
    """Read the passwords of an earlier run."""
    kept = _kept(data_dir)
    urls = [urlsplit(kept.get(name, "")) for name in ("DATABASE_URL", "NATS_URL")]
    database, broker = (_decoded(url.password) for url in urls)
    return Passwords(database, broker, kept.get(_PEPPER))


def _kept(data_dir: Path) -> dict[str, str]:
    try:
        text = secrets_file(data_dir).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return dict(_LINE.findall(text))


def _decoded(password: str | None) -> str | None:
    return None if password is None else unquote(password)


def save_secrets(
    data_dir: Path,
    *,
    database_url: str | None,
    nats_url: str | None,
    pepper: str | None = None,
) -> None:
    """Write them, all or nothing, readable by the owner alone.

    Args:
        data_dir: Where.
        database_url: Of the embedded database; None if it does not run: an earlier
            run's entry stays, as a comment, since its data need the password.
        nats_url: Of the embedded broker; same.
        pepper: The one made here; None if the environment gives another.
    """
    running = {"DATABASE_URL": database_url, "NATS_URL": nats_url, _PEPPER: pepper}
    kept = _kept(data_dir)
    lines = [
        f"{name}={url}\n" if url else f"# {name}={kept[name]}\n"
        for name, url in running.items()
        if url or name in kept
    ]
    if lines:
        write_own(secrets_file(data_dir), _HEAD + "".join(lines))
