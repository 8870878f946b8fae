"""The compose files, read as Compose reads them, as far as the tests need."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BASE = "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::?[-?]([^}]*))?\}")


class _Loader(yaml.SafeLoader):
    """Reads Compose's own tags; a reset value is None."""


def _sequence(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


_Loader.add_constructor("!reset", lambda *_: None)
_Loader.add_constructor("!override", _sequence)


def services_of(name: str) -> dict[str, dict[str, Any]]:
    """Read the services of a file, with its variables' defaults."""
    return dict(read(name)["services"])


def volumes_of(name: str) -> set[str]:
    return set(read(name).get("volumes", {}))


def variables_of(name: str) -> set[str]:
    """List the variables that a file takes from the environment or .env."""
    names = {name for name, _ in _VARIABLE.findall(_text(name))}
    for service in services_of(name).values():
        environment = service.get("environment") or {}
        names |= {name for name, value in environment.items() if value is None}
        names |= set((service.get("build") or {}).get("args", ()))
    return names


def read(name: str) -> dict[str, Any]:
    """Read a file, with its variables' defaults."""
    text = _VARIABLE.sub(lambda match: match[2] or "", _text(name))
    return dict(yaml.load(text, _Loader))  # noqa: S506 - a safe loader with two tags more


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
