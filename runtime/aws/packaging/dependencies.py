"""Fetch a lock's packages for another machine, and leave out files that nothing reads."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final

from runtime.aws.packaging.packages import PackagingFailed, Target

_PIP: Final = (
    *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"),
    *("--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
)
"""pip and no other, since it is configured with this machine's indexes."""

_SERVICES: Final = ("sqs", "secretsmanager")
"""AWS's services that functions call."""

_NOT_RUN: Final = {".pyc", ".pyi", ".pyx", ".pxd", ".c", ".h"}
_OF_PYPY: Final = {"_cffi", "backend_cffi"}
"""zstandard's modules for another Python, half of its bytes."""

_OF_THE_INSTALLER: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
"""In a distribution's folder: facts about its installation here and today."""


def install(lock: Path, target: Target, folder: Path) -> None:
    """Put the packages of a lock into a folder, as wheels for the target.

    Raises:
        PackagingFailed: pip is missing, or says why it can't.
    """
    if find_spec("pip") is None:
        raise PackagingFailed("pip is not installed: install requirements-deploy.lock")
    done = subprocess.run(  # noqa: S603 - our own arguments
        [*_PIP, *_wheels_for(target), "--target", str(folder), "--requirement", str(lock)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackagingFailed(f"pip can't install {lock.name}:\n{done.stderr.strip()}")


def _wheels_for(target: Target) -> Iterator[str]:
    yield from ("--implementation", "cp", "--python-version", target.python)
    for abi in (target.abi, "abi3", "none"):
        yield from ("--abi", abi)
    for platform in target.platforms:
        yield from ("--platform", platform)


def needed_files(folder: Path) -> list[Path]:
    """List the files of the installed packages that a function needs, in order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and _is_needed(PurePosixPath(path.relative_to(folder)))
    )


def _is_needed(path: PurePosixPath) -> bool:
    top = path.parts[0]
    if top == "bin" or path.suffix in _NOT_RUN:
        return False
    if top == "zstandard" and path.name.partition(".")[0] in _OF_PYPY:
        return False
    if top.endswith(".dist-info"):
        return path.name not in _OF_THE_INSTALLER
    return _is_of_a_service(path) if path.parts[:2] == ("botocore", "data") else True


def _is_of_a_service(path: PurePosixPath) -> bool:
    """Return whether a file describes a service that is called, or all services."""
    inside = path.parts[2:]
    return len(inside) == 1 or inside[0] in _SERVICES
