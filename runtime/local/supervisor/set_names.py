"""Names in the environment and in `.env` that are not settings, or that `eps up` does not use."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from functions.events import SOURCES
from runtime.local.embedded.inheritance import all_settings
from runtime.local.supervisor.settings import LocalSettings

OF_OTHERS: Final = frozenset(
    {
        *(f"EVENTS_QUEUE_URL_{source.upper()}" for source in SOURCES),
        *("DATABASE_SECRET_ARN", "DEAD_LETTERS_QUEUE_URL"),
        *("INGEST_API_KEYS_SECRET_ARN", "OPERATOR_API_KEYS_SECRET_ARN"),
        *("OPERATOR_DATABASE_SECRET_ARN", "REPORTER_API_KEYS_SECRET_ARN"),
        "SENDERS_SECRET_ARN",
        *("BUILD_NETWORK", "CREATED", "EDGE_IMAGE", "GRAFANA_IMAGE", "GRAFANA_PASSWORD"),
        *("GRAFANA_PORT", "IMAGE", "NATS_COLLECTOR_PASSWORD", "NATS_GATEWAY_PASSWORD"),
        *("NATS_IMAGE", "NATS_OPERATOR_PASSWORD", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"),
        *("POSTGRES_IMAGE", "PROMETHEUS_IMAGE", "PROMETHEUS_PORT", "PUBLISH_ADDRESS"),
        *("PUBLISH_CONCURRENCY", "PUBLISH_INTERVAL", "PUBLISH_MAX", "PUBLISH_MIN"),
        *("PULL_POLICY", "PYTHON_IMAGE", "REVISION", "TAG", "VERSION"),
    }
)
"""Settings of `.env.example` that only Compose or Lambda reads."""

_FOREIGN = ("COMPOSE_", "DOCKER_", "BUILDKIT_", "BUILDX_", "PIP_", "UV_", "PYTHON", "AWS_", "PG")
"""Prefixes of other names in `.env`: Compose and other programs read it as well."""

_LIKENESS = 0.8
"""Names at least this similar are taken for misspellings; 1 is equal."""

_MOST_SLIPS = 2
_SHORTEST = 6
"""Names in the environment need this many letters to be taken for misspellings, because
other programs set names there as well."""

_UNITS = ("_SECONDS", "_BYTES", "_URL", "_KEYS")


def names_set(file: Path = Path(".env")) -> frozenset[str]:
    """List the names set in the environment or `.env`, in upper case, without empty values."""
    both = chain(_in_file(file).items(), os.environ.items())
    return frozenset(name.upper() for name, value in both if value)


def misspelled(file: Path = Path(".env")) -> Iterator[str]:
    """Report names that are not settings: all in `.env`, and similar ones in the environment.

    Yields:
        A sentence for each, with the probable setting, without its value.
    """
    known = all_settings() | OF_OTHERS
    own = _in_file(file)
    for name in own:
        if name.upper() not in known and not name.upper().startswith(_FOREIGN):
            yield f"{name} in {file} is not a setting{_meant(_most_like(name.upper(), known))}"
    for name in sorted(os.environ.keys() - own.keys()):
        upper = name.upper()
        if upper in known or upper.startswith(_FOREIGN) or len(name) < _SHORTEST:
            continue
        if meant := _nearly(upper, all_settings()):
            yield f"{name} in the environment is not a setting{_meant(meant)}"


def unused(settings: LocalSettings, names: Collection[str]) -> Iterator[str]:
    """Report settings that are set, and that `eps up` does not use."""
    own_database, own_broker = settings.database_url is not None, settings.nats_url is not None
    reasons: Mapping[str, tuple[bool, str]] = {
        "PORT": (True, "each function has its own port, such as GATEWAY_PORT"),
        "POSTGRES_PORT": (own_database, "DATABASE_URL says where the database is"),
        "POSTGRES_PASSWORD": (own_database, "DATABASE_URL has the password"),
        "NATS_PORT": (own_broker, "NATS_URL says where the broker is"),
        "NATS_MAX_FILE_STORE": (own_broker, "it is only for the embedded broker"),
        "NATS_MONITORING_URL": (not own_broker, "it is only used with NATS_URL, which is not set"),
        "OPERATOR_DATABASE_URL": (
            not own_database,
            "it is only used with DATABASE_URL, which is not set",
        ),
    }
    for name, (applies, reason) in reasons.items():
        if applies and name in names:
            yield f"{name} is not used by `eps up`: {reason}"


def _in_file(file: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError):  # reading the settings reports it
        return {}


def _meant(name: str) -> str:
    return f"; did you mean {name}?" if name else ""


def _most_like(name: str, known: Iterable[str]) -> str:
    """Find the setting that a name probably means; empty if it is similar to none."""
    if near := _nearly(name, known):
        return near
    ratio, like = max((SequenceMatcher(None, name, it).ratio(), it) for it in known)
    return like if ratio >= _LIKENESS else ""


def _nearly(name: str, known: Iterable[str]) -> str:
    """Find the setting that differs by one or two slips; empty if there is none."""
    known = frozenset(known)
    for unit in _UNITS:
        if f"{name}{unit}" in known:
            return f"{name}{unit}"
    words = {word for setting in known for word in setting.split("_")}
    told = [(_slips(_joined(name), _joined(it)), it) for it in known if _is_slip(name, it, words)]
    slips, meant = min(told, default=(_MOST_SLIPS + 1, ""))
    return meant if slips <= _MOST_SLIPS else ""


def _is_slip(name: str, setting: str, words: Collection[str]) -> bool:
    """Return whether a name can be a slip: POSTGRES_HOST is not one of POSTGRES_PORT."""
    if abs(len(name) - len(setting)) > _MOST_SLIPS:
        return False
    wrong = set(name.split("_")) - set(setting.split("_"))
    return not wrong or not wrong <= set(words)


def _joined(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def _slips(one: str, other: str) -> int:
    """Count the letters to change, add, remove or swap with the next to turn one into the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
