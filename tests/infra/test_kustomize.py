"""The tests' rendering equals kustomize's."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.kustomize import Manifest, Unknown, build, read_all
from tests.infra.places import OVERLAYS

KUBECTL = shutil.which("kubectl")
_HASH = re.compile(r"(settings)-[a-z0-9]{10}")


def comparable(manifests: list[Manifest]) -> list[Any]:
    """Sort them, and leave out the hashes, which differ."""
    texts = [_HASH.sub(r"\1", json.dumps(manifest, sort_keys=True)) for manifest in manifests]
    return [json.loads(text) for text in sorted(texts)]


@pytest.mark.skipif(KUBECTL is None, reason="kubectl, which has kustomize in it, is not installed")
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda folder: folder.name)
def test_an_overlay_is_built_as_kustomize_builds_it(overlay: Path) -> None:
    command = [str(KUBECTL), "kustomize", str(overlay)]
    built = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)

    assert comparable(build(overlay)) == comparable(list(read_all(built.stdout)))


def test_unknown_fields_are_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nnamePrefix: x-\n")

    with pytest.raises(Unknown, match="namePrefix"):
        build(tmp_path)


def test_a_patch_for_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "kind: Kustomization\npatches: [{target: {kind: Job}, patch: '[]'}]\n"
    )

    with pytest.raises(Unknown, match="a patch for nothing"):
        build(tmp_path)
