"""Public images are named in one place, from which their digests are pinned."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = ("docker-compose.yml", "infra/Dockerfile")
_PINNED = r"(?:\$\{([A-Z]+_IMAGE):-|ARG (PYTHON_IMAGE)=)([\w./-]+:[\w.-]+)"


def images() -> dict[str, str]:
    """Each public image by its setting."""
    found = [re.findall(_PINNED, (ROOT / place).read_text("utf-8")) for place in PLACES]
    return {setting or argument: image for some in found for setting, argument, image in some}


def others() -> list[Path]:
    """Files that may name images: configuration, scripts and pages."""
    folders = ("docs", "infra", "tests/containers")
    kinds = (".md", ".yml", ".yaml", ".sh", ".example")
    inside = [file for folder in folders for file in (ROOT / folder).rglob("*")]
    return [file for file in (*ROOT.iterdir(), *inside) if file.suffix in kinds]


def test_every_public_image_has_a_setting() -> None:
    named = re.findall(r"^ +image: (.*)$", (ROOT / PLACES[0]).read_text("utf-8"), re.MULTILINE)

    assert len(images()) == len(named) + 1 - sum("event-processing-system" in it for it in named)
    assert len(images()) >= 6


@pytest.mark.parametrize("setting", images())
def test_an_image_has_the_same_tag_wherever_it_is_named(setting: str) -> None:
    name, _, tag = images()[setting].partition(":")
    elsewhere = re.compile(rf"(?<![\w/-]){re.escape(name)}:(v?\d+\.[\w.-]*\w)")

    named = {
        (file.relative_to(ROOT).as_posix(), found)
        for file in others()
        for found in elsewhere.findall(file.read_text("utf-8"))
    }

    assert {found for _, found in named} == {tag}, named


def test_the_page_s_command_pins_every_image(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    [command] = re.findall(r"```bash\n(sed -nE [^`]*)```", page)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "sha256:of-$4"\n', "utf-8")
    docker.chmod(0o755)
    for place in PLACES:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes((ROOT / place).read_bytes())

    subprocess.run(
        ["bash", "-euc", command],
        check=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )

    lines = (tmp_path / ".env").read_text("utf-8").splitlines()
    assert sorted(lines) == sorted(f"{name}={it}@sha256:of-{it}" for name, it in images().items())
