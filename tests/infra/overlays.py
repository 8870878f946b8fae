"""The overlays, rendered once."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from tests.infra.kustomize import Manifest, build
from tests.infra.places import OVERLAYS

NAMES = [folder.name for folder in OVERLAYS]


@cache
def rendered(name: str) -> tuple[Manifest, ...]:
    """Render an overlay; its output is read-only."""
    [folder] = [folder for folder in OVERLAYS if folder.name == name]
    return tuple(build(folder))


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Choose by kind."""
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def name_of(manifest: Manifest) -> str:
    """Return a manifest's name."""
    name: str = manifest["metadata"]["name"]
    return name


def one(manifests: Iterable[Manifest], kind: str, name: str) -> Any:
    """Find the manifest of that kind and name."""
    [found] = [it for it in of_kind(manifests, kind) if name_of(it) == name]
    return found


def pod_of(manifest: Manifest) -> Any:
    """Return the pods of a Deployment or a Job."""
    return manifest["spec"]["template"]["spec"]
