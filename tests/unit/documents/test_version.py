"""The version is stated in ``pyproject.toml``; every other place has the same."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from runtime.http.documentation.gateway import gateway_document
from runtime.http.documentation.reporter import reporter_document
from tests.unit.compose_files import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
OVERLAYS = sorted((ROOT / "infra/kubernetes/overlays").glob("*/kustomization.yaml"))


def test_the_documents_of_the_functions_have_it() -> None:
    documents = [
        gateway_document(url="http://here", body_size_limit=4096),
        reporter_document(url="http://here"),
    ]

    assert [it["info"]["version"] for it in documents] == [VERSION, VERSION]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda it: it.parent.name)
def test_a_cluster_runs_it(overlay: Path) -> None:
    text = overlay.read_text(encoding="utf-8")

    assert re.findall(r"newTag: (\S+)", text) == [VERSION]


def test_the_way_to_a_cluster_builds_it() -> None:
    page = (ROOT / "infra/kubernetes/README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"event-processing-system:(\S+)", page)) == {VERSION}


def test_the_image_gets_the_version_and_states_none() -> None:
    dockerfile = (ROOT / "infra/Dockerfile").read_text(encoding="utf-8")
    script = (ROOT / "infra/start-containers.sh").read_text(encoding="utf-8")
    [told] = re.findall(r"^VERSION=\$\((.*)\)$", script, re.MULTILINE)

    said = subprocess.run(
        ["bash", "-c", told], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert VERSION not in dockerfile
    assert said == f"{VERSION}\n"
