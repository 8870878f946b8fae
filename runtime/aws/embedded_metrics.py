"""Metrics on Lambda: lines in CloudWatch's embedded metric format, from the same registry.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Sample

from runtime.telemetry.lines import write_all

NAMESPACE: Final = "EventProcessingSystem"
"""CloudWatch's namespace for them."""

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]

_encode = msgspec.json.Encoder().encode


class EmbeddedMetrics:
    """Writes the changes since the last time to standard output.

    Names and labels are the registry's own; a label is a dimension. Counters are
    written as increments, because CloudWatch adds up. Each observation of a histogram
    counts as the upper bound of its bucket, those beyond the last as that one's.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._known: dict[Key, float] = {}

    def flush(self) -> None:
        """Write a line for each set of dimensions that has changed."""
        lines = [_encode(line) + b"\n" for line in self.lines()]
        if lines:
            write_all(sys.stdout.fileno(), b"".join(lines))

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Return the changes, and mark them as written."""
        by_labels: dict[Labels, dict[str, Any]] = defaultdict(dict)
        for family in self._registry.collect():
            for labels, name, value in self._changes(family):
                by_labels[labels][name] = value
        for labels, values in by_labels.items():
            yield _line(labels, values)

    def _changes(self, family: Metric) -> Iterable[tuple[Labels, str, Any]]:
        match family.type:
            case "counter":
                return self._growth(family)
            case "histogram":
                return self._observations(family)
            case _:
                return self._states(family)

    def _growth(self, family: Metric) -> Iterator[tuple[Labels, str, Any]]:
        for sample in family.samples:
            if sample.name.endswith("_total") and (grown := self._grown(sample)):
                yield _labels(sample), sample.name, grown

    def _states(self, family: Metric) -> Iterator[tuple[Labels, str, Any]]:
        for sample in family.samples:
            if self._grown(sample) or sample.value:
                yield _labels(sample), sample.name, sample.value

    def _observations(self, family: Metric) -> Iterator[tuple[Labels, str, Any]]:
        """Undo the accumulation of a histogram's samples, over all lower buckets and all time."""
        buckets: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
        sums: dict[Labels, float] = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                bound = float(sample.labels["le"])
                buckets[_labels(sample)].append((bound, self._grown(sample)))
            elif sample.name.endswith("_sum"):
                sums[_labels(sample)] = self._grown(sample)
        for labels, cumulative in buckets.items():
            counts = _counts(sorted(cumulative))
            if counts:
                yield labels, family.name, _histogram(counts, sums[labels])

    def _grown(self, sample: Sample) -> float:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        grown = sample.value - self._known.get(key, 0.0)
        self._known[key] = sample.value
        return grown


def _labels(sample: Sample) -> Labels:
    return tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))


def _counts(cumulative: list[tuple[float, float]]) -> dict[float, float]:
    """Count the observations in each bucket, by its upper bound, without the empty ones."""
    counts: dict[float, float] = defaultdict(float)
    for (below, lower), (bound, upper) in pairwise([(0.0, 0.0), *cumulative]):
        if upper > lower:
            counts[below if bound == float("inf") else bound] += upper - lower
    return counts


def _histogram(counts: Mapping[float, float], total: float) -> dict[str, Any]:
    return {
        "Values": list(counts),
        "Counts": list(counts.values()),
        "Min": min(counts),
        "Max": max(counts),
        "Sum": total,
        "Count": sum(counts.values()),
    }


def _line(labels: Labels, values: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = [name for name, _ in labels]
    metrics = [{"Name": name, "Unit": _unit(name)} for name in values]
    described = {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]},
        **dict(labels),
        **values,
    }


def _unit(name: str) -> str:
    return "Seconds" if name.endswith("_seconds") else "Count"
