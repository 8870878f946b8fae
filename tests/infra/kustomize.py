"""Build a kustomization as kustomize does, as far as infra/kubernetes uses it.

Kustomize is a Go program that no Python package index has. This one refuses
unknown fields; ``test_kustomize.py`` compares it with the real one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_KNOWN = {
    "apiVersion", "kind", "namespace", "resources", "components", "images",
    "configMapGenerator", "patches",
}  # fmt: skip
_MERGED_BY = {
    "containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
    "ports": "containerPort",
}  # fmt: skip
"""Lists that a patch extends, and the key of their elements; other lists are replaced."""


class Unknown(Exception):
    """The kustomization uses an unsupported field."""


def build(folder: Path) -> list[Manifest]:
    """Render a kustomization.

    Raises:
        Unknown: It uses an unsupported field.
    """
    manifests: list[Manifest] = []
    _add(folder, manifests)
    return _with_named_settings(manifests)


def documents(file: Path) -> Iterator[Manifest]:
    """Read the manifests of a file."""
    yield from read_all(file.read_text(encoding="utf-8"))


def read_all(text: str) -> Iterator[Manifest]:
    """Read the manifests of a text."""
    yield from filter(None, yaml.load_all(text, Loader=yaml.CSafeLoader))


def _add(folder: Path, manifests: list[Manifest]) -> None:
    """Add a folder's resources; a component's patches apply to all of them."""
    [kustomization] = documents(folder / "kustomization.yaml")
    if more := set(kustomization) - _KNOWN:
        raise Unknown(f"{folder}: {', '.join(sorted(more))}")
    is_component = kustomization["kind"] == "Component"
    own: list[Manifest] = manifests if is_component else []
    _collect(folder, kustomization, own)
    _change(folder, kustomization, own)
    if not is_component:
        manifests += own


def _collect(folder: Path, kustomization: Manifest, own: list[Manifest]) -> None:
    for name in kustomization.get("resources", []):
        _add_resource(folder / name, own)
    for generated in kustomization.get("configMapGenerator", []):
        _generate(generated, own)
    for name in kustomization.get("components", []):
        _add(folder / name, own)


def _change(folder: Path, kustomization: Manifest, own: list[Manifest]) -> None:
    for patch in kustomization.get("patches", []):
        _patch(folder, patch, own)
    for image in kustomization.get("images", []):
        _set_image(image, own)
    if namespace := kustomization.get("namespace"):
        for manifest in own:
            manifest["metadata"]["namespace"] = namespace


def _add_resource(path: Path, manifests: list[Manifest]) -> None:
    if path.is_dir():
        _add(path, manifests)
    else:
        manifests += documents(path)


def _generate(generated: Mapping[str, Any], manifests: list[Manifest]) -> None:
    if more := set(generated) - {"name", "behavior", "literals"}:
        raise Unknown(f"configMapGenerator: {', '.join(sorted(more))}")
    data = dict(literal.split("=", 1) for literal in generated["literals"])
    if generated.get("behavior") == "merge":
        [there] = _chosen(manifests, {"kind": "ConfigMap", "name": generated["name"]})
        there["data"] |= data
    else:
        metadata = {"name": generated["name"]}
        manifests.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        )


def _patch(folder: Path, patch: Mapping[str, Any], manifests: list[Manifest]) -> None:
    text = (folder / patch["path"]).read_text(encoding="utf-8") if "path" in patch else None
    change = yaml.safe_load(text or patch["patch"])
    chosen = list(_chosen(manifests, patch["target"]))
    if not chosen:
        raise Unknown(f"{folder}: a patch for nothing, {patch['target']}")
    for manifest in chosen:
        if isinstance(change, list):
            for operation in change:
                _operate(manifest, operation)
        else:
            wanted = {key: value for key, value in change.items() if key == "spec"}
            _merge(manifest, wanted)


def _chosen(manifests: Iterable[Manifest], target: Mapping[str, str]) -> Iterator[Manifest]:
    if more := set(target) - {"kind", "name"}:
        raise Unknown(f"target: {', '.join(sorted(more))}")
    for manifest in manifests:
        found = {"kind": manifest["kind"], "name": manifest["metadata"]["name"]}
        if all(re.fullmatch(pattern, found[key]) for key, pattern in target.items()):
            yield manifest


def _operate(manifest: Manifest, operation: Mapping[str, Any]) -> None:
    *way, last = operation["path"].lstrip("/").split("/")
    place: Any = manifest
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if not isinstance(place, dict):
        raise Unknown(f"a patch of an element, {operation['path']}")
    if operation["op"] == "remove":
        del place[last]
    elif operation["op"] == "replace" and last not in place:
        raise Unknown(f"nothing to replace, {operation['path']}")
    elif operation["op"] in {"add", "replace"}:
        place[last] = deepcopy(operation["value"])
    else:
        raise Unknown(operation["op"])


def _merge(target: Manifest, change: Mapping[str, Any]) -> None:
    """Merge strategically: maps key by key, lists of ``_MERGED_BY`` element by element."""
    for key, value in change.items():
        there = target.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            _merge(there, value)
        elif isinstance(value, list) and isinstance(there, list) and key in _MERGED_BY:
            target[key] = _merged_elements(there, value, _MERGED_BY[key])
        else:
            target[key] = deepcopy(value)


def _merged_elements(there: list[Manifest], change: list[Manifest], by: str) -> list[Manifest]:
    known = {element[by]: element for element in there}
    new = [deepcopy(element) for element in change if element[by] not in known]
    for element in change:
        if element[by] in known:
            _merge(known[element[by]], element)
    return [*new, *there]


def _set_image(image: Mapping[str, str], manifests: Iterable[Manifest]) -> None:
    for manifest in manifests:
        for container in containers(manifest):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def containers(manifest: Manifest) -> list[Manifest]:
    """List the containers of a Deployment or a Job; none of anything else."""
    template = manifest.get("spec", {}).get("template", {})
    found: list[Manifest] = template.get("spec", {}).get("containers", [])
    return found


def _with_named_settings(manifests: list[Manifest]) -> list[Manifest]:
    """Give generated ConfigMaps a name that changes with their content."""
    names = {}
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            name = manifest["metadata"]["name"]
            digest = sha256(repr(sorted(manifest["data"].items())).encode()).hexdigest()[:10]
            names[name] = manifest["metadata"]["name"] = f"{name}-{digest}"
    _rename(manifests, lambda name: names.get(name, name))
    return manifests


def _rename(tree: Any, new_name: Callable[[str], str]) -> None:
    if isinstance(tree, list):
        for element in tree:
            _rename(element, new_name)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == "configMapRef":
                value["name"] = new_name(value["name"])
            _rename(value, new_name)
