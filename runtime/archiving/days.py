"""Days of a source as Parquet files: write, read back, compare."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.archiving.columns import SCHEMA
from runtime.archiving.errors import ArchiveFailed
from runtime.archiving.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    ArchivedFile,
    ArchiveManifest,
    DayOfSource,
    digest_of,
)
from runtime.archiving.pages import read_pages
from runtime.archiving.parquet import ParquetWriter
from runtime.archiving.places import ArchivePlace

_FILE_BYTES: Final = 1024**3
"""Of payloads; some 150 MB as a file. A larger day has several files."""

_READ_ROWS: Final = 1_000
_REVENUE: Final = SCHEMA.get_field_index("revenue")
_NOTHING: Final = Decimal("0.000000")

Row = Sequence[Any]


class _Content:
    """Counts, sums and digests rows, in their order."""

    def __init__(self) -> None:
        self.events = 0
        self.revenue = _NOTHING
        self._digest = sha256()
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._digest.update(self._encode(row))
            if row[_REVENUE] is not None:
                self.revenue += row[_REVENUE]
        self.events += len(rows)

    def manifest(self, day: DayOfSource, files: Sequence[ArchivedFile]) -> ArchiveManifest:
        return ArchiveManifest(
            schema_version=SCHEMA_VERSION,
            day=str(day.day),
            source=day.source,
            events=self.events,
            revenue=str(self.revenue),
            rows_sha256=self._digest.hexdigest(),
            files=files,
        )


class _Files:
    """Writes rows into files of bounded size, each stored in the archive when it is complete.

    Args:
        folder: On the local disk, for the file that is being written.
        place: Where the archive is.
        day: The rows' day.
    """

    def __init__(self, folder: Path, place: ArchivePlace, day: DayOfSource) -> None:
        self._path = folder / "part.parquet"
        self._place, self._day = place, day
        self._open = ExitStack()
        self._writer: ParquetWriter | None = None
        self._events = self._bytes = 0
        self.written: list[ArchivedFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def add(self, rows: Sequence[Row]) -> None:
        if self._writer is None:
            file = self._open.enter_context(self._path.open("wb"))
            self._writer = self._open.enter_context(ParquetWriter(file))
        self._writer.write(rows)
        self._events += len(rows)
        self._bytes += sum(len(row[-1]) for row in rows)
        if self._bytes >= _FILE_BYTES:
            self.finish()

    def finish(self) -> None:
        """Finish the file that is being written, if there is one."""
        if self._writer is None:
            return
        self._open.close()
        name, size = f"part-{len(self.written):05}.parquet", self._path.stat().st_size
        self._place.put(self._day.folder + name, self._path)
        self.written.append(ArchivedFile(name, size, _digest(self._path), self._events))
        self._writer, self._events, self._bytes = None, 0, 0


async def write_day(
    pool: asyncpg.Pool, place: ArchivePlace, day: DayOfSource, tell: Callable[[int], None]
) -> str:
    """Write the events of a day into an archive, its manifest last.

    If the archive has this very day already, it is left unchanged.

    Args:
        pool: Where the events are.
        place: Where the archive is.
        day: The day.
        tell: Called with the number of events read so far.

    Returns:
        The digest of the manifest.

    Raises:
        ArchiveFailed: The place has another archive of this day, or can't be written.
        Unavailable: The database can't be asked now.
    """
    there = place.read(day.folder + MANIFEST)
    content = _Content()
    with (
        tempfile.TemporaryDirectory(prefix="eps-archive-") as folder,
        _Files(Path(folder), place, day) as files,
    ):
        async for page in read_pages(pool, day.period, day.source):
            rows = [tuple(record) for record in page]
            content.add(rows)
            if there is None:
                files.add(rows)
            tell(content.events)
        files.finish()
        manifest = content.manifest(day, files.written)
        if there is not None:
            _compare(day, _parsed(day, there), manifest)
            return digest_of(there)
        return _put(place, day, manifest, Path(folder) / MANIFEST)


def _put(place: ArchivePlace, day: DayOfSource, manifest: ArchiveManifest, path: Path) -> str:
    text = manifest.to_json()
    path.write_bytes(text)
    place.put(day.folder + MANIFEST, path)
    return digest_of(text)


def read_manifest(
    place: ArchivePlace, day: DayOfSource, digest: str | None = None
) -> ArchiveManifest:
    """Read the manifest of a day.

    Args:
        place: Where the archive is.
        day: The day.
        digest: The digest in the database; None if it has none yet.

    Raises:
        ArchiveFailed: There is none, it has another digest, or it can't be understood.
    """
    text = place.read(day.folder + MANIFEST)
    if text is None:
        raise ArchiveFailed(f"{day}: {day.folder}{MANIFEST} is missing")
    if digest is not None and digest_of(text) != digest:
        raise ArchiveFailed(f"{day}: the manifest is not the one written from this database")
    return _parsed(day, text)


def read_day(
    place: ArchivePlace, day: DayOfSource, manifest: ArchiveManifest
) -> Iterator[Sequence[Row]]:
    """Read the rows of a day by time and key, and compare everything with the manifest.

    Raises:
        ArchiveFailed: A file is missing, or the archive differs from the manifest;
            that may show only after the last row.
    """
    content = _Content()
    for file in manifest.files:
        with place.opened(day.folder + file.name) as path:
            if (path.stat().st_size, _digest(path)) != (file.bytes, file.sha256):
                raise ArchiveFailed(f"{day}: {file.name} was changed since it was written")
            for rows in _read_file(day, path):
                content.add(rows)
                yield rows
    _compare(day, content.manifest(day, manifest.files), manifest)


def _parsed(day: DayOfSource, text: bytes) -> ArchiveManifest:
    try:
        manifest = msgspec.json.decode(text, type=ArchiveManifest)
    except msgspec.DecodeError as error:
        raise ArchiveFailed(f"{day}: the manifest can't be read: {error}") from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise ArchiveFailed(f"{day}: written by another version (schema {manifest.schema_version})")
    return manifest


def _compare(day: DayOfSource, found: ArchiveManifest, wanted: ArchiveManifest) -> None:
    if found.content != wanted.content:
        raise ArchiveFailed(
            f"{day}: the archive differs from its manifest: it has {found.events} events with a "
            f"revenue of {found.revenue}, the manifest {wanted.events} with {wanted.revenue}. If "
            "these are equal, the events differ. Is it the archive of another database?"
        )


def _read_file(day: DayOfSource, path: Path) -> Iterator[Sequence[Row]]:
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise ArchiveFailed(f"{day}: {path.name} has unexpected columns")
            for batch in file.iter_batches(batch_size=_READ_ROWS):
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    except pa.ArrowException as error:
        raise ArchiveFailed(f"{day}: {path.name} can't be read: {error}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
