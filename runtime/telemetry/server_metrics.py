"""Broker and database metrics, exported by the functions on their behalf."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

Family = CounterMetricFamily | GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of a server; one that ends in ``_total`` is a counter kept by the server.

    Attributes:
        name: As exported.
        documentation: What it means.
        labels: Names of its labels; none of them is an id.
    """

    name: str
    documentation: str
    labels: tuple[str, ...] = ()

    def family(self) -> Family:
        """Make an empty metric family."""
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        return kind(self.name, self.documentation, labels=self.labels)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a figure, with the values of its labels."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


class Measured(Collector):
    """Exports the figures of the last measurement; what could not be measured is left out.

    Args:
        figures: All figures that may be measured.
        registry: Where they are exported.
    """

    def __init__(self, figures: Iterable[Figure], registry: CollectorRegistry) -> None:
        self._figures = tuple(figures)
        self._samples: tuple[Sample, ...] = ()
        registry.register(self)

    def show(self, samples: Iterable[Sample]) -> None:
        """Export these samples from now on, in place of the last measurement's."""
        self._samples = tuple(samples)

    def collect(self) -> Iterable[Family]:
        """Export the figures, including those without a value."""
        families = {figure.name: figure.family() for figure in self._figures}
        for sample in self._samples:
            families[sample.name].add_metric(sample.labels, sample.value)
        return families.values()


_SERVER: Final = ("server",)
_STREAM: Final = ("stream",)

BROKER_UP: Final = "broker_up"
DATABASE_UP: Final = "database_up"

BROKER_FIGURES: Final = (
    Figure(BROKER_UP, "Whether the broker's monitoring answered", _SERVER),
    Figure("broker_syncs_always", "Whether the broker acknowledges from disk only", _SERVER),
    Figure("broker_store_bytes", "Bytes of all streams on the broker's disk", _SERVER),
    Figure("broker_store_limit_bytes", "Bytes that all streams together may take", _SERVER),
    Figure("broker_store_reserved_bytes", "Bytes that the limits of the streams come to", _SERVER),
    Figure("broker_memory_bytes", "Resident memory of the broker", _SERVER),
    Figure("broker_connections", "Clients that are connected to the broker", _SERVER),
    Figure("broker_slow_consumers_total", "Clients cut off for reading too slowly", _SERVER),
    Figure("broker_messages_total", "Messages in and out", ("server", "direction")),
    Figure("broker_bytes_total", "Bytes of messages in and out", ("server", "direction")),
    Figure("stream_messages", "Messages in a stream", _STREAM),
    Figure("stream_bytes", "Bytes of a stream on disk", _STREAM),
    Figure("stream_limit_bytes", "Bytes at which a stream is full: the gateway says 503", _STREAM),
    Figure("kept_bytes", "Bytes of stored messages that the broker keeps for a replay"),
    Figure("kept_limit_bytes", "Bytes that these may take: beyond, the oldest go"),
    Figure("kept_reach_seconds", "How far back what is kept reaches"),
    Figure("kept_wanted_seconds", "How far back it should: KEEP_SETTLED_SECONDS"),
)

DATABASE_FIGURES: Final = (
    Figure(DATABASE_UP, "Whether the database answered"),
    Figure("database_size_bytes", "Bytes of the database on disk, without its log"),
    Figure("database_disk_bytes", "Bytes that the database may take: DATABASE_DISK_BYTES"),
    Figure("database_disk_days", "Days until it has them, as the last hour's events came"),
    Figure("database_connections", "Sessions of the database"),
    Figure("database_connections_limit", "Sessions that the server takes at most"),
    Figure("database_commits_total", "Transactions committed"),
    Figure("database_rollbacks_total", "Transactions rolled back"),
    Figure("database_blocks_hit_total", "Pages found in the server's own memory"),
    Figure("database_blocks_read_total", "Pages that were not, read from disk or its cache"),
    Figure("database_temporary_bytes_total", "Bytes of sorts and the like that went to disk"),
    Figure("database_deadlocks_total", "Deadlocks that the server ended"),
    Figure(
        "database_open_transactions_age",
        "Transactions begun since the oldest that still writes: long ones stop the vacuum",
    ),
    Figure(
        "database_frozen_age",
        "Transactions since the oldest that is not frozen: the server stops at 2 billion",
    ),
    Figure("database_live_rows", "Rows, as the statistics have it", ("table",)),
    Figure("database_dead_rows", "Rows that wait for the vacuum", ("table",)),
    Figure("database_replica_lag_seconds", "How far reports lag behind a primary; 0 on one"),
)
