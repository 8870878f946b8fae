"""Which pods may connect to which, by the NetworkPolicies of an overlay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.infra.kustomize import Manifest

_PEERS = {"Egress": "to", "Ingress": "from"}


@dataclass(frozen=True)
class Pod:
    """A pod as policies see it: labels, namespace, and the numbers of its named ports."""

    labels: Mapping[str, str]
    namespace: str
    ports: Mapping[str, int] = field(default_factory=dict)


def may_reach(policies: Iterable[Manifest], source: Pod, target: Pod, port: int) -> bool:
    """Return whether a connection is allowed at its source and at its target."""
    rules = [policy for policy in policies if policy["kind"] == "NetworkPolicy"]
    names = {name for name, number in target.ports.items() if number == port}
    return all(
        _passes(_concerning(rules, way, here), _PEERS[way], there, here.namespace, {port, *names})
        for way, here, there in (("Egress", source, target), ("Ingress", target, source))
    )


def _concerning(policies: Iterable[Manifest], way: str, pod: Pod) -> list[Any] | None:
    """List the rules of one direction for a pod; None if no policy selects it."""
    found = [
        policy["spec"].get(way.lower(), [])
        for policy in policies
        if way in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == pod.namespace
        and _matches(policy["spec"]["podSelector"], pod.labels)
    ]
    return [rule for rules in found for rule in rules] if found else None


def _passes(
    rules: list[Any] | None, peers: str, there: Pod, namespace: str, ports: set[int | str]
) -> bool:
    return rules is None or any(
        _is_of(rule[peers], there, namespace) and any(it["port"] in ports for it in rule["ports"])
        for rule in rules
    )


def _is_of(peers: Iterable[Mapping[str, Any]], pod: Pod, namespace: str) -> bool:
    return any(
        _matches(peer.get("podSelector", {}), pod.labels)
        and (
            _matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": pod.namespace})
            if "namespaceSelector" in peer
            else pod.namespace == namespace
        )
        for peer in peers
    )


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    among = selector.get("matchExpressions", [])
    assert all(it["operator"] == "In" for it in among), "no other operator is known here"
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(it["key"]) in it["values"] for it in among
    )
