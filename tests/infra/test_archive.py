"""The job that archives old days: an overlay takes it by one line."""

import os
from typing import Any

import pytest

from runtime.settings import ArchiveSettings
from tests.infra.kustomize import Manifest, build
from tests.infra.network import Pod, may_reach
from tests.infra.overlays import name_of, of_kind, one
from tests.infra.places import KUBERNETES
from tests.infra.schemas import check


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Production with the component, and settings of its own."""
    folder = tmp_path_factory.mktemp("overlay")
    there = os.path.relpath(KUBERNETES, folder)
    (folder / "kustomization.yaml").write_text(
        f"""
kind: Kustomization
namespace: eps-production
resources: [{there}/base]
components: [{there}/components/archive]
images: [{{name: event-processing-system-archive, newName: here/archive, newTag: 0.1.0}}]
configMapGenerator:
  - name: archive
    literals: [EVENTS_KEEP_DAYS=400, "ARCHIVE_URL=s3://here/events"]
"""
    )
    return build(folder)


def pod(manifests: list[Manifest]) -> Any:
    job = one(manifests, "CronJob", "archive")
    return job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_the_api_takes_it(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if "archive" in name_of(manifest):
            check(manifest)


def test_it_runs_the_command_with_its_own_image_and_settings(manifests: list[Manifest]) -> None:
    [container] = pod(manifests)["containers"]
    [settings] = [it for it in of_kind(manifests, "ConfigMap") if name_of(it).startswith("archive")]

    assert container["command"] == ["eps", "archive"]
    assert container["image"] == "here/archive:0.1.0"
    assert container["envFrom"][0]["configMapRef"]["name"] == name_of(settings)
    assert settings["data"]["EVENTS_KEEP_DAYS"] == "400"
    known = {name.upper() for name in ArchiveSettings.model_fields}
    assert set(settings["data"]) <= known


def test_it_has_the_least_rights(manifests: list[Manifest]) -> None:
    spec = pod(manifests)
    [container] = spec["containers"]

    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one(manifests, "CronJob", "archive")["spec"]["concurrencyPolicy"] == "Forbid"


def test_it_reaches_the_database_and_nothing_else_of_ours(manifests: list[Manifest]) -> None:
    namespace = "eps-production"
    source = Pod({"app.kubernetes.io/name": "archive"}, namespace)
    others = {
        "postgres": Pod({"cnpg.io/cluster": "postgres"}, namespace),
        "gateway": Pod({"app.kubernetes.io/name": "gateway"}, namespace),
        "nats": Pod({"app.kubernetes.io/name": "nats"}, namespace),
    }

    reached = {
        (name, port)
        for name, target in others.items()
        for port in (3001, 4222, 5432)
        if may_reach(manifests, source, target, port)
    }

    assert reached == {("postgres", 5432)}
