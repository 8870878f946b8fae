"""The rendered overlays: valid for the API, minimal rights for pods, and consistent."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from runtime.catalogue import FUNCTIONS
from runtime.settings import CollectorSettings, ReporterSettings
from tests.infra.kustomize import Manifest
from tests.infra.overlays import NAMES, name_of, of_kind, one, pod_of, rendered
from tests.infra.places import KUBERNETES
from tests.infra.schemas import Refused, check

each_overlay = pytest.mark.parametrize("overlay", NAMES)


def functions_of(overlay: str) -> list[Manifest]:
    return [it for it in of_kind(rendered(overlay), "Deployment") if name_of(it) in FUNCTIONS]


def workloads_of(overlay: str) -> list[Manifest]:
    return of_kind(rendered(overlay), "Deployment", "Job")


@each_overlay
def test_the_api_accepts_every_manifest(overlay: str) -> None:
    for manifest in rendered(overlay):
        check(manifest)


@pytest.mark.parametrize(
    ("kind", "name", "place"),
    [
        ("Deployment", "gateway", ("spec", "template", "spec", "containers", 0)),
        ("NetworkPolicy", "gateway", ("spec", "egress", 0)),
        ("HorizontalPodAutoscaler", "gateway", ("spec",)),
        ("Ingress", "gateway", ("spec", "rules", 0)),
        ("ScaledObject", "fb-collector", ("spec", "triggers", 0)),
        ("PodMonitor", "functions", ("spec", "podMetricsEndpoints", 0)),
        ("Cluster", "postgres", ("spec", "postgresql")),
    ],
)
def test_a_key_that_the_api_does_not_know_is_refused(
    kind: str, name: str, place: tuple[str | int, ...]
) -> None:
    manifest = deepcopy(one(rendered("production"), kind, name))
    part: Any = manifest
    for step in place:
        part = part[step]
    part["portt"] = 1

    with pytest.raises((Refused, ValidationError), match="portt"):
        check(manifest)


@each_overlay
def test_every_function_runs_and_the_schema_is_migrated(overlay: str) -> None:
    commands = {name_of(it): pod_of(it)["containers"][0]["command"] for it in workloads_of(overlay)}

    assert {name: commands[name] for name in FUNCTIONS} == {
        name: ["eps", "run", name] for name in FUNCTIONS
    }
    assert commands["migrate"] == ["eps", "migrate"]
    assert ("publisher" in commands) == (overlay == "development")


@each_overlay
def test_a_function_listens_where_it_is_looked_for(overlay: str) -> None:
    for function in functions_of(overlay):
        [port] = pod_of(function)["containers"][0]["ports"]
        assert port == {"name": "http", "containerPort": FUNCTIONS[name_of(function)].port}

    for service in of_kind(rendered(overlay), "Service"):
        [port] = service["spec"]["ports"]
        assert port["port"] == FUNCTIONS[name_of(service)].port
        assert port["targetPort"] == "http"


@each_overlay
def test_pods_may_do_nothing_but_run(overlay: str) -> None:
    for workload in workloads_of(overlay):
        pod = pod_of(workload)
        [container] = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@each_overlay
def test_every_container_asks_for_what_it_needs_and_has_a_limit_of_memory(overlay: str) -> None:
    for workload in workloads_of(overlay):
        resources = pod_of(workload)["containers"][0]["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        assert mebibytes(resources["limits"]["memory"]) > mebibytes(resources["requests"]["memory"])


def mebibytes(quantity: str) -> int:
    number, unit = int(quantity[:-2]), quantity[-2:]
    return number * {"Mi": 1, "Gi": 1024}[unit]


@each_overlay
def test_probes_leave_a_function_its_time(overlay: str) -> None:
    settings = settings_of(overlay)
    for function in functions_of(overlay):
        [container] = pod_of(function)["containers"]
        startup, live, ready = (
            container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")
        )
        # Broker, database and schema may each take that long.
        assert seconds_of(startup) > 3 * float(settings["STARTUP_TIMEOUT_SECONDS"])
        assert (startup["httpGet"]["path"], live["httpGet"]["path"]) == ("/health/live",) * 2
        assert ready["httpGet"]["path"] == "/health/ready"
        assert ready["timeoutSeconds"] > 1  # it answers within a second
        assert seconds_of(live) > seconds_of(ready)


def seconds_of(probe: dict[str, int]) -> int:
    return probe["periodSeconds"] * probe["failureThreshold"]


@each_overlay
def test_work_in_progress_is_finished_before_a_pod_is_killed(overlay: str) -> None:
    settings = settings_of(overlay)
    closing_seconds = 10
    for function in functions_of(overlay):
        pod = pod_of(function)
        before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        in_hand = max(float(settings["SHUTDOWN_TIMEOUT_SECONDS"]), longest_statement())
        assert pod["terminationGracePeriodSeconds"] >= before + in_hand + closing_seconds


def longest_statement() -> float:
    kinds = (CollectorSettings, ReporterSettings)
    return max(float(kind.model_fields["database_timeout_seconds"].default) for kind in kinds)


def settings_of(overlay: str) -> dict[str, str]:
    [found] = of_kind(rendered(overlay), "ConfigMap")
    data: dict[str, str] = found["data"]
    return data


@each_overlay
def test_every_function_accepts_its_settings(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # where no .env is
    for function in functions_of(overlay):
        [container] = pod_of(function)["containers"]
        with monkeypatch.context() as environment:
            for name, value in (settings_of(overlay) | secrets_of(container)).items():
                environment.setenv(name, value)
            settings = FUNCTIONS[name_of(function)].kind.settings.load()
        assert settings.environment == overlay
        assert settings.host == "0.0.0.0"  # noqa: S104 - policies say who reaches it


def secrets_of(container: Manifest) -> dict[str, str]:
    values = {
        "NATS_URL": "tls://gateway:secret@nats:4222",
        "DATABASE_URL": "postgresql://collects:secret@postgres-rw:5432/eventdb",
        "REPORTER_DATABASE_URL": "postgresql://reports:secret@postgres-ro:5432/eventdb",
        "OPERATOR_DATABASE_URL": "postgresql://operates:secret@postgres-rw:5432/eventdb",
        "USER_KEY_PEPPER": "p" * 32,
        "WEBHOOK_SECRETS": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    }
    return {
        it["name"]: values.get(it["name"], "a-key-of-some-length")
        for it in container["env"]
        if "valueFrom" in it
    }


@each_overlay
def test_nothing_secret_is_in_a_manifest(overlay: str) -> None:
    assert of_kind(rendered(overlay), "Secret") == []
    for workload in workloads_of(overlay):
        for variable in pod_of(workload)["containers"][0].get("env", []):
            assert "valueFrom" in variable or not variable["name"].endswith(("URL", "KEY", "KEYS"))


@each_overlay
def test_every_key_of_a_secret_is_in_the_page_that_makes_them(overlay: str) -> None:
    page = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    for workload in workloads_of(overlay):
        for variable in pod_of(workload)["containers"][0].get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                assert f"`{reference['name']}`" in page
                assert reference["name"] == "postgres-app" or reference["key"] in page


@each_overlay
def test_what_names_pods_finds_some(overlay: str) -> None:
    labels = [it["spec"]["template"]["metadata"]["labels"] for it in workloads_of(overlay)]
    for manifest in of_kind(rendered(overlay), "Service", "PodDisruptionBudget", "Deployment"):
        selector = manifest["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        assert any(wanted.items() <= pod.items() for pod in labels), name_of(manifest)


@each_overlay
def test_a_budget_never_stands_in_the_way_of_a_drained_node(overlay: str) -> None:
    budgets = of_kind(rendered(overlay), "PodDisruptionBudget")

    assert {name_of(it) for it in budgets} == set(FUNCTIONS)
    assert all(it["spec"]["maxUnavailable"] == 1 for it in budgets)


@each_overlay
def test_scaled_deployments_exist_and_state_no_number_of_replicas(overlay: str) -> None:
    scaled = of_kind(rendered(overlay), "ScaledObject", "HorizontalPodAutoscaler")
    for scaler in scaled:
        target = one(rendered(overlay), "Deployment", scaler["spec"]["scaleTargetRef"]["name"])
        assert "replicas" not in target["spec"]

    if overlay != "development":
        assert {name_of(it) for it in scaled} == set(FUNCTIONS) - {"reporter"}


@each_overlay
def test_all_replicas_together_find_room_in_the_database(overlay: str) -> None:
    manifests = rendered(overlay)
    most = {name: 1 for name in FUNCTIONS if name != "gateway"}
    most |= {
        name_of(it): it["spec"]["maxReplicaCount"] for it in of_kind(manifests, "ScaledObject")
    }
    most["reporter"] = 2 * one(manifests, "Deployment", "reporter")["spec"].get("replicas", 1)
    pool = CollectorSettings.model_fields["database_pool_size"].default
    cluster = one(manifests, "Cluster", "postgres")["spec"]
    reserved = 10  # for the operator, replicas, and a person

    wanted = pool * sum(most.values()) + reserved

    assert wanted <= int(cluster["postgresql"]["parameters"]["max_connections"])
