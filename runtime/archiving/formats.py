"""Events as files for people: CSV, lines of JSON, Parquet."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, Literal, Protocol

from functions.tables import write_csv
from runtime.archiving.pages import Page, StoredRow

Format = Literal["csv", "ndjson", "parquet"]

_CSV_COLUMNS: Final = (
    "event_id",
    "occurred_at",
    "source",
    "funnel_stage",
    "event_type",
    "accepted_at",
    "stored_at",
    "correlation_id",
    "campaign_id",
    "revenue",
    "watch_country",
    "watch_device",
    "watch_seconds",
    "percentage_watched",
    "payload",
)
_LINE_ENDS: Final = str.maketrans("\r\n", "  ")
"""JSON has line ends only between its values, where a space means the same."""


class Writer(Protocol):
    """Writes events, one page after another."""

    def write(self, rows: Page) -> None:
        """Write a page."""


class CsvWriter:
    """Writes a table for spreadsheets, in which no sender's text is read as a formula.

    Args:
        file: The output; it stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.write(write_csv(_CSV_COLUMNS, ()))

    def write(self, rows: Page) -> None:
        """Write a page; see ``Writer``."""
        self._file.write(write_csv(_CSV_COLUMNS, map(_cells, rows), header=False))


class NdjsonWriter:
    """Writes each event as received, one per line: a gateway accepts it as application/x-ndjson.

    Args:
        file: The output; it stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Page) -> None:
        """Write a page; see ``Writer``."""
        lines = (f"{row.payload.translate(_LINE_ENDS)}\n" for row in rows)
        self._file.write("".join(lines).encode())


def open_writer(format_: Format, file: BinaryIO) -> AbstractContextManager[Writer]:
    """Begin to write events; the file is complete when the context ends.

    Raises:
        ModuleNotFoundError: Parquet is requested, and pyarrow is not installed.
    """
    return _WRITERS[format_](file)


@contextmanager
def _open_parquet(file: BinaryIO) -> Iterator[Writer]:
    from runtime.archiving.parquet import ParquetWriter  # noqa: PLC0415 - is large, and optional

    with ParquetWriter(file) as writer:
        yield writer


_WRITERS: Final[dict[Format, Callable[[BinaryIO], AbstractContextManager[Writer]]]] = {
    "csv": lambda file: nullcontext(CsvWriter(file)),
    "ndjson": lambda file: nullcontext(NdjsonWriter(file)),
    "parquet": _open_parquet,
}


def _cells(row: StoredRow) -> dict[str, Any]:
    return {name: _cell(getattr(row, name)) for name in _CSV_COLUMNS}


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
