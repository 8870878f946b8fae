"""Names in the environment and in `.env`: what is no setting, and what `eps up` does not use."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from runtime.local.embedded.inheritance import all_settings
from runtime.local.supervisor.settings import LocalSettings

OF_OTHERS: Final = frozenset(
    {
        *("DATABASE_SECRET_ARN", "DEAD_LETTERS_QUEUE_URL", "EVENTS_QUEUE_URL_FACEBOOK"),
        *("EVENTS_QUEUE_URL_TIKTOK", "INGEST_API_KEYS_SECRET_ARN", "OPERATOR_API_KEYS_SECRET_ARN"),
        *("OPERATOR_DATABASE_SECRET_ARN", "REPORTER_API_KEYS_SECRET_ARN"),
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
"""What else may stand in `.env`: Compose reads it too, and so do other programs."""

_LIKENESS = 0.8
"""From where on two names are so like that one is meant; 1 is the same."""

_MOST_SLIPS = 2
_SHORTEST = 6
"""Of names in the environment, that many letters of them may be wrong or missing, and
shorter names are passed over: the environment is everybody's."""

_UNITS = ("_SECONDS", "_BYTES", "_URL", "_KEYS")


def names_set(file: Path = Path(".env")) -> frozenset[str]:
    """List what the environment or `.env` sets, in upper case; an empty value is none."""
    both = chain(_in_file(file).items(), os.environ.items())
    return frozenset(name.upper() for name, value in both if value)


def misspelled(file: Path = Path(".env")) -> Iterator[str]:
    """Tell of names that are no setting: all that `.env` has, and of the environment the like ones.

    Yields:
        A sentence for each, with the name that was probably meant. No value.
    """
    known = all_settings() | OF_OTHERS
    own = _in_file(file)
    for name in own:
        if name.upper() not in known and not name.upper().startswith(_FOREIGN):
            yield f"{name} in {file} is no setting{_meant(_most_like(name.upper(), known))}"
    for name in sorted(os.environ.keys() - own.keys()):
        upper = name.upper()
        if upper in known or upper.startswith(_FOREIGN) or len(name) < _SHORTEST:
            continue
        if meant := _nearly(upper, all_settings()):
            yield f"{name} in the environment is no setting{_meant(meant)}"


def unused(settings: LocalSettings, names: Collection[str]) -> Iterator[str]:
    """Tell of settings that are set, and that `eps up` has no use for."""
    own_database, own_broker = settings.database_url is not None, settings.nats_url is not None
    reasons: Mapping[str, tuple[bool, str]] = {
        "PORT": (True, "every function has a port of its own, as GATEWAY_PORT"),
        "POSTGRES_PORT": (own_database, "DATABASE_URL says where the database is"),
        "POSTGRES_PASSWORD": (own_database, "DATABASE_URL has the password"),
        "NATS_PORT": (own_broker, "NATS_URL says where the broker is"),
        "NATS_MAX_FILE_STORE": (own_broker, "it is the embedded broker's"),
        "NATS_MONITORING_URL": (not own_broker, "it goes with NATS_URL, which is not set"),
        "OPERATOR_DATABASE_URL": (
            not own_database,
            "it goes with DATABASE_URL, which is not set",
        ),
    }
    for name, (applies, reason) in reasons.items():
        if applies and name in names:
            yield f"{name} is not used by `eps up`: {reason}"


def _in_file(file: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError):  # whoever reads the settings says so
        return {}


def _meant(name: str) -> str:
    return f"; did you mean {name}?" if name else ""


def _most_like(name: str, known: Iterable[str]) -> str:
    """Find the setting that a name was meant to be; empty if it is like none."""
    if near := _nearly(name, known):
        return near
    ratio, like = max((SequenceMatcher(None, name, it).ratio(), it) for it in known)
    return like if ratio >= _LIKENESS else ""


def _nearly(name: str, known: Iterable[str]) -> str:
    """Find the setting that differs by a slip or two; empty if there is none."""
    known = frozenset(known)
    for unit in _UNITS:
        if f"{name}{unit}" in known:
            return f"{name}{unit}"
    words = {word for setting in known for word in setting.split("_")}
    told = [(_slips(_joined(name), _joined(it)), it) for it in known if _is_slip(name, it, words)]
    slips, meant = min(told, default=(_MOST_SLIPS + 1, ""))
    return meant if slips <= _MOST_SLIPS else ""


def _is_slip(name: str, setting: str, words: Collection[str]) -> bool:
    """Tell whether a name can be a slip of the pen: POSTGRES_HOST is none of POSTGRES_PORT."""
    if abs(len(name) - len(setting)) > _MOST_SLIPS:
        return False
    wrong = set(name.split("_")) - set(setting.split("_"))
    return not wrong or not wrong <= set(words)


def _joined(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def _slips(one: str, other: str) -> int:
    """Count the letters to change, add, leave out or swap with the next to make one the other."""
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
