"""The messages of ``./start.sh --docker`` if it can't do the request."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.compose_files import ROOT


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "start.sh"), "--docker", *arguments]
    told = {**os.environ, **environment}
    return subprocess.run(command, env=told, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [["--data", "x"], ["--scale"], ["--scale", "fb-collector"]])
def test_what_it_does_not_know_is_wrong_usage(arguments: list[str]) -> None:
    result = start(*arguments)

    assert result.returncode == 2
    assert "usage: ./start.sh --docker" in result.stderr


def test_what_can_not_be_scaled_is_wrong_usage_and_the_others_are_named() -> None:
    result = start("--scale", "nats=2")

    assert result.returncode == 2
    assert "gateway fb-collector ttk-collector dead-letters reporter" in result.stderr


def test_without_docker_it_says_so(tmp_path: Path) -> None:
    for tool in ("bash", "env", "dirname", "readlink"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")

    result = start(PATH=str(tmp_path))

    assert result.returncode == 1
    assert result.stderr.startswith("Docker is missing")
