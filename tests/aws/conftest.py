"""Zips as they would be on Lambda, made once, for the Python and the processor of this machine."""

import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from runtime.packaging.manifest import Manifest
from runtime.packaging.packages import Architecture

THIS_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
THIS_ARCHITECTURE: Final[Architecture] = (
    "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
)


def eps(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a zip of each function, and their manifest."""
    folder = tmp_path_factory.mktemp("zips")
    for_this_machine = ("--arch", THIS_ARCHITECTURE, "--python", THIS_PYTHON)
    done = eps("package", *for_this_machine, "--output", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def unpacked(zips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each function, with what is in its zip and nothing else."""
    folders = {}
    for made in Manifest.read(zips).zips:
        folders[made.function] = tmp_path_factory.mktemp(made.function)
        with zipfile.ZipFile(zips / made.file) as archive:
            archive.extractall(folders[made.function])
    return folders
