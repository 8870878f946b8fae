"""What of this process's environment a child inherits: what it is told, and what is no secret."""

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

    Of the project's settings it gets its own only, and nothing else that has a
    secret's name or a password in a URL: who reads one process's environment
    should not have all keys.

    Args:
        settings: Names of the settings that are its own, in upper case.
    """
    others = all_settings().difference(settings)
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in settings
        or not (name.upper() in others or _SECRET_NAME.search(name) or _LOGIN.search(value))
    }


def settings_of(kind: type[Settings]) -> frozenset[str]:
    """Name the environment's variables that a kind of settings is read from, in upper case."""
    return frozenset(field.upper() for field in kind.model_fields)


@cache
def all_settings() -> frozenset[str]:
    """Name every variable of the environment that some kind of settings is read from."""
    return frozenset().union(*(settings_of(kind) for kind in _kinds(Settings)))


def _kinds(kind: type[Settings]) -> Iterator[type[Settings]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
