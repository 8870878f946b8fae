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
    ServerFigure("broker_store_limit_bytes", "Limit of the bytes of all streams together", _SERVER),
    ServerFigure("broker_store_reserved_bytes", "Sum of the streams' limits, in bytes", _SERVER),
    ServerFigure("broker_memory_bytes", "Resident memory of the broker", _SERVER),
    ServerFigure("broker_connections", "Clients connected to the broker", _SERVER),
    ServerFigure(
        "broker_slow_consumers_total", "Clients disconnected for reading too slowly", _SERVER
    ),
    ServerFigure("broker_messages_total", "Messages in and out", ("server", "direction")),
    ServerFigure("broker_bytes_total", "Bytes of messages in and out", ("server", "direction")),
    ServerFigure("stream_messages", "Messages in a stream", _STREAM),
    ServerFigure("stream_bytes", "Bytes of a stream on disk", _STREAM),
    ServerFigure(
        "stream_limit_bytes", "Bytes at which a stream is full and the gateway answers 503", _STREAM
    ),
    ServerFigure("kept_bytes", "Bytes of settled messages that the broker keeps for a replay"),
    ServerFigure("kept_limit_bytes", "Limit of these bytes; beyond it the oldest are deleted"),
    ServerFigure("kept_reach_seconds", "How far back the kept messages reach"),
    ServerFigure("kept_wanted_seconds", "How far back they should reach: KEEP_SETTLED_SECONDS"),
)

DATABASE_FIGURES: Final = (
    ServerFigure(DATABASE_UP, "Whether the database answered"),
    ServerFigure("database_size_bytes", "Bytes of the database on disk, without its log"),
    ServerFigure("database_disk_bytes", "Limit of the bytes of the database: DATABASE_DISK_BYTES"),
    ServerFigure(
        "database_disk_days", "Days until this limit is reached, at the rate of the last hour"
    ),
    ServerFigure("database_connections", "Sessions of the database"),
    ServerFigure("database_connections_limit", "Limit of sessions of the server"),
    ServerFigure("database_commits_total", "Transactions committed"),
    ServerFigure("database_rollbacks_total", "Transactions rolled back"),
    ServerFigure("database_blocks_hit_total", "Pages found in the server's own memory"),
    ServerFigure("database_blocks_read_total", "Pages read from disk or from the system's cache"),
    ServerFigure(
        "database_temporary_bytes_total", "Bytes of temporary files, for example of sorts"
    ),
    ServerFigure("database_deadlocks_total", "Deadlocks detected by the server"),
    ServerFigure(
        "database_open_transactions_age",
        "Transactions since the oldest open one that writes; an old one blocks vacuum",
    ),
    ServerFigure(
        "database_frozen_age",
        "Transactions since the oldest one not frozen; the server stops at 2 billion",
    ),
    ServerFigure("database_live_rows", "Rows, according to statistics", ("table",)),
    ServerFigure("database_dead_rows", "Dead rows waiting for vacuum", ("table",)),
    ServerFigure(
        "database_replica_lag_seconds",
        "How far the replica lags behind the primary; 0 on a primary",
    ),
)
