"""Whether the API accepts a manifest; unknown keys are refused."""

import json
from functools import cache
from importlib import import_module
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from tests.infra.cluster_schema import PostgresCluster
from tests.infra.kustomize import Manifest

KUBERNETES_VERSIONS = ("1.30", "1.37")
"""The oldest version that has everything used here, and the newest with schemas."""

_MODELS = {
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}


class Refused(Exception):
    """The API would refuse it; the message says why."""


def check(manifest: Manifest) -> None:
    """Validate a manifest by the schema of its API.

    Raises:
        Refused: The API would refuse it.
    """
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "namespace"}
    _check(json.dumps(manifest | {"metadata": metadata}, sort_keys=True))


@cache  # overlays share most manifests, except for the namespace
def _check(text: str) -> None:
    manifest: Manifest = json.loads(text)
    version = manifest["apiVersion"]
    if version == "postgresql.cnpg.io/v1":
        PostgresCluster.model_validate(manifest, strict=True)
    elif version in _MODELS:
        _check_by_model(manifest, import_module(_MODELS[version]))
    else:
        _check_by_kubernetes(manifest)


def _check_by_kubernetes(manifest: Manifest) -> None:
    for version in KUBERNETES_VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.absolute_path))
            raise Refused(f"Kubernetes {version}: {place}: {error.message}") from error


def _check_by_model(manifest: Manifest, module: Any) -> None:
    """Validate, and check that nothing was left out, because these models ignore unknown fields."""
    model = getattr(module, manifest["kind"]).model_validate(manifest)
    known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if known != manifest:
        raise Refused(f"{manifest['kind']}: {_first_difference(manifest, known)}")


def _first_difference(wanted: Any, known: Any, place: str = "") -> str:
    if isinstance(wanted, dict) and isinstance(known, dict):
        for key in wanted:
            if wanted[key] != known.get(key):
                return _first_difference(wanted[key], known.get(key), f"{place}.{key}")
    if isinstance(wanted, list) and isinstance(known, list) and len(wanted) == len(known):
        for index, (here, there) in enumerate(zip(wanted, known, strict=True)):
            if here != there:
                return _first_difference(here, there, f"{place}.{index}")
    return f"{place or '.'} is not known, or not of that type: {wanted!r}"
