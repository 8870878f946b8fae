"""Manifests of archived days: the number of events, the files, and their digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec

from functions.events import Source
from functions.parameters import Period

SCHEMA_VERSION: Final = 2
"""Of the columns; increased when one is added, removed, or changes its meaning."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class DayOfSource:
    """The events of a source on one day of UTC, by their own time: they are archived together."""

    day: date
    source: Source

    def __str__(self) -> str:
        return f"{self.day} {self.source}"

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it; the calendar's last day is never archived."""
        return self.start + _DAY

    @property
    def period(self) -> Period:
        """Its events' times."""
        return Period(self.start, self.end)

    @property
    def folder(self) -> str:
        """The folder of its files, with a trailing slash; in Hive's form, known to most readers."""
        return f"events/day={self.day}/source={self.source}/"


class ArchivedFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file of a day.

    Attributes:
        name: Within the day's folder.
        bytes: Its size.
        sha256: Of its bytes, hexadecimal.
        events: How many rows it has.
    """

    name: str
    bytes: int
    sha256: str
    events: int


class ArchiveManifest(msgspec.Struct, frozen=True, rename="camel"):
    """An archived day.

    Attributes:
        schema_version: See ``SCHEMA_VERSION``.
        day: ISO 8601, UTC.
        source: The source of its events.
        events: How many.
        revenue: Of revenue events, exact, as a decimal string.
        rows_sha256: Of all rows by time and key, each as MessagePack: equal for
            archives with the same rows, whoever wrote their files.
        files: In the order of their rows.
    """

    schema_version: int
    day: str
    source: str
    events: int
    revenue: str
    rows_sha256: str
    files: Sequence[ArchivedFile]

    @property
    def content(self) -> tuple[int, str, str, int, Decimal, str]:
        """The facts about its events, without the files that hold them."""
        return (
            self.schema_version,
            self.day,
            self.source,
            self.events,
            Decimal(self.revenue),
            self.rows_sha256,
        )

    def to_json(self) -> bytes:
        """Write it; equal manifests have equal bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


MANIFEST: Final = "manifest.json"


def digest_of(manifest: bytes) -> str:
    """Digest a manifest's bytes, as in table ``archived_days``."""
    return sha256(manifest).hexdigest()
