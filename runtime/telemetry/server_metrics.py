"""Broker and database metrics, exported by the functions on their behalf."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

Family = CounterMetricFamily | GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class ServerFigure:
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

    def __init__(self, figures: Iterable[ServerFigure], registry: CollectorRegistry) -> None:
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
    ServerFigure(BROKER_UP, "Whether the broker's monitoring answered", _SERVER),
    ServerFigure("broker_syncs_always", "Whether the broker acknowledges from disk only", _SERVER),
    ServerFigure("broker_store_bytes", "Bytes of all streams on the broker's disk", _SERVER),
    ServerFigure("broker_store_limit_bytes", "Bytes that all streams together may take", _SERVER),
    ServerFigure(
        "broker_store_reserved_bytes", "Bytes that the limits of the streams come to", _SERVER
    ),
    ServerFigure("broker_memory_bytes", "Resident memory of the broker", _SERVER),
    ServerFigure("broker_connections", "Clients that are connected to the broker", _SERVER),
    ServerFigure("broker_slow_consumers_total", "Clients cut off for reading too slowly", _SERVER),
    ServerFigure("broker_messages_total", "Messages in and out", ("server", "direction")),
    ServerFigure("broker_bytes_total", "Bytes of messages in and out", ("server", "direction")),
    ServerFigure("stream_messages", "Messages in a stream", _STREAM),
    ServerFigure("stream_bytes", "Bytes of a stream on disk", _STREAM),
    ServerFigure(
        "stream_limit_bytes", "Bytes at which a stream is full: the gateway says 503", _STREAM
    ),
    ServerFigure("kept_bytes", "Bytes of stored messages that the broker keeps for a replay"),
    ServerFigure("kept_limit_bytes", "Bytes that these may take: beyond, the oldest go"),
    ServerFigure("kept_reach_seconds", "How far back what is kept reaches"),
    ServerFigure("kept_wanted_seconds", "How far back it should: KEEP_SETTLED_SECONDS"),
)

DATABASE_FIGURES: Final = (
    ServerFigure(DATABASE_UP, "Whether the database answered"),
    ServerFigure("database_size_bytes", "Bytes of the database on disk, without its log"),
    ServerFigure("database_disk_bytes", "Bytes that the database may take: DATABASE_DISK_BYTES"),
    ServerFigure("database_disk_days", "Days until it has them, as the last hour's events came"),
    ServerFigure("database_connections", "Sessions of the database"),
    ServerFigure("database_connections_limit", "Sessions that the server takes at most"),
    ServerFigure("database_commits_total", "Transactions committed"),
    ServerFigure("database_rollbacks_total", "Transactions rolled back"),
    ServerFigure("database_blocks_hit_total", "Pages found in the server's own memory"),
    ServerFigure("database_blocks_read_total", "Pages that were not, read from disk or its cache"),
    ServerFigure("database_temporary_bytes_total", "Bytes of sorts and the like that went to disk"),
    ServerFigure("database_deadlocks_total", "Deadlocks that the server ended"),
    ServerFigure(
        "database_open_transactions_age",
        "Transactions begun since the oldest that still writes: long ones stop the vacuum",
    ),
    ServerFigure(
        "database_frozen_age",
        "Transactions since the oldest that is not frozen: the server stops at 2 billion",
    ),
    ServerFigure("database_live_rows", "Rows, as the statistics have it", ("table",)),
    ServerFigure("database_dead_rows", "Rows that wait for the vacuum", ("table",)),
    ServerFigure("database_replica_lag_seconds", "How far reports lag behind a primary; 0 on one"),
)
