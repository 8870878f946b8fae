"""Zips as on Lambda, built once, for this machine's Python and processor."""

import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from runtime.aws.packaging.manifest import ZipManifest
from runtime.aws.packaging.packages import Architecture
from tests.conftest import aws_environment

THIS_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
THIS_ARCHITECTURE: Final[Architecture] = (
    "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
)


REGION: Final = "eu-central-1"


def eps(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )


@pytest.fixture(scope="session")
def aws_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that uses a moto server as AWS.

    The server is a process too: it warns of what it does not know of a stack,
    and here warnings are errors.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port],
        stdout=log,
        stderr=log,
    )
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/moto-api/")
        yield {
            **os.environ,
            **aws_environment(f"http://127.0.0.1:{port}"),
            "AWS_REGION": REGION,
        }
    finally:
        server.terminate()
        server.wait()
        log.close()


def wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url):  # noqa: S310 - our own
                return
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the functions' zips and their manifest."""
    folder = tmp_path_factory.mktemp("zips")
    for_this_machine = ("--arch", THIS_ARCHITECTURE, "--python", THIS_PYTHON)
    done = eps("package", *for_this_machine, "--output", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def unpacked(zips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each function, with the contents of its zip and nothing else."""
    folders = {}
    for made in ZipManifest.read(zips).zips:
        folders[made.function] = tmp_path_factory.mktemp(made.function)
        with zipfile.ZipFile(zips / made.file) as archive:
            archive.extractall(folders[made.function])
    return folders
