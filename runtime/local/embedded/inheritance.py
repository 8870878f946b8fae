"""The part of this process's environment that a child inherits: its settings, and no secrets."""

import os
import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Final

from runtime.settings import Settings

_SECRET_NAME: Final = re.compile(
    r"PASS(WORD|WD|PHRASE)?(_|$)|SECRET|TOKEN|CREDENTIAL|PEPPER|PRIVATE|(^|_)(API)?KEYS?(_|$)",
    re.IGNORECASE,
)
_LOGIN: Final = re.compile(r"://[^/\s@]*:[^/\s@]+@")
"""A URL with a password in it."""


def inherited(settings: Collection[str]) -> dict[str, str]:
    """Choose what a child process inherits.

    Of the project's settings it gets only its own, and nothing else that is named like a
    secret or has a password in a URL: reading one process's environment should not
    reveal all keys.

    Args:
        settings: Names of its own settings, in upper case.
    """
    others = all_settings().difference(settings)
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in settings
        or not (name.upper() in others or _SECRET_NAME.search(name) or _LOGIN.search(value))
    }


def settings_of(kind: type[Settings]) -> frozenset[str]:
    """Return the environment variables of a kind of settings, in upper case."""
    return frozenset(field.upper() for field in kind.model_fields)


@cache
def all_settings() -> frozenset[str]:
    """Return the environment variables of all settings."""
    return frozenset().union(*(settings_of(kind) for kind in _kinds(Settings)))


def _kinds(kind: type[Settings]) -> Iterator[type[Settings]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
