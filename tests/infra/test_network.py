"""Each pod reaches what it needs, and nothing else."""

import pytest

from runtime.catalogue import FUNCTIONS
from tests.infra.network import Pod, may_reach
from tests.infra.overlays import NAMES, name_of, of_kind, rendered

COLLECTORS = ("fb-collector", "ttk-collector", "dead-letters")
DATABASE_USERS = (*COLLECTORS, "reporter", "migrate")

OUTSIDE = {
    "traefik": Pod({}, "traefik"),
    "prometheus": Pod({"app.kubernetes.io/name": "prometheus"}, "monitoring"),
    "keda": Pod({}, "keda"),
    "cnpg": Pod({}, "cnpg-system"),
    "dns": Pod({"k8s-app": "kube-dns"}, "kube-system"),
    "internet": Pod({}, "elsewhere"),
}
SCALED = {"staging", "production"}


def pods_of(overlay: str) -> dict[str, Pod]:
    namespace = f"eps-{overlay}"
    pods = {
        "nats": Pod({"app.kubernetes.io/name": "nats"}, namespace),
        "postgres": Pod({"cnpg.io/cluster": "postgres"}, namespace),
    }
    for it in of_kind(rendered(overlay), "Deployment", "Job"):
        name = name_of(it)
        ports = {"http": FUNCTIONS[name].port} if name in FUNCTIONS else {}
        pods[name] = Pod(it["spec"]["template"]["metadata"]["labels"], namespace, ports)
    return pods | OUTSIDE


def allowed_in(overlay: str) -> set[tuple[str, str, int]]:
    """The required connections; no others are possible."""
    ways = {("gateway", "nats", 4222), ("gateway", "nats", 8222), ("nats", "nats", 6222)}
    ways |= {("reporter", "gateway", FUNCTIONS["gateway"].port)}
    ways |= {(name, "nats", 4222) for name in COLLECTORS}
    ways |= {(name, "postgres", 5432) for name in (*DATABASE_USERS, "postgres", "cnpg")}
    ways |= {(name, "postgres", 8000) for name in ("postgres", "cnpg")}
    if overlay in SCALED:
        ways.add(("keda", "nats", 8222))
        ways |= {("prometheus", name, function.port) for name, function in FUNCTIONS.items()}
        ways |= {("prometheus", "nats", 7777), ("prometheus", "postgres", 9187)}
    if overlay == "production":
        ways.add(("traefik", "gateway", FUNCTIONS["gateway"].port))
    if overlay == "development":
        ways.add(("publisher", "gateway", FUNCTIONS["gateway"].port))
    return ways


@pytest.mark.parametrize("overlay", NAMES)
def test_pods_reach_what_they_need_and_nothing_else(overlay: str) -> None:
    pods = pods_of(overlay)
    inside = [name for name in pods if name not in OUTSIDE]
    ports = {port for _, _, port in allowed_in(overlay)} | {22, 80, 443, 10250}

    reached = {
        (source, target, port)
        for source in pods
        for target in inside
        for port in ports
        if may_reach(rendered(overlay), pods[source], pods[target], port)
    }

    assert reached == allowed_in(overlay)


@pytest.mark.parametrize("overlay", NAMES)
def test_functions_reach_nobody_outside_but_to_ask_for_names(overlay: str) -> None:
    pods = pods_of(overlay)
    functions = [*FUNCTIONS, "migrate"]

    reached = {
        (target, port)
        for source in functions
        for target in OUTSIDE
        for port in (53, 80, 443, 4222, 5432)
        if may_reach(rendered(overlay), pods[source], pods[target], port)
    }

    assert reached == {("dns", 53)}
