"""Parquet files of events: written group by group, so that memory is bounded."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from runtime.archiving.columns import SCHEMA, to_batch

_GROUP_ROWS: Final = 50_000
_GROUP_BYTES: Final = 32 * 1024**2
"""Of payloads; this much is gathered, encoded and read back at once."""

_LEVEL: Final = 3
"""Zstandard's own default."""


class ParquetWriter:
    """Writes rows into one Parquet file; the file is whole only after ``close``.

    Args:
        file: Where to; it stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(
            file,
            SCHEMA,
            compression="zstd",
            compression_level=_LEVEL,
            # Ids and payloads never repeat: searching them for repeats would waste time.
            use_dictionary=[
                field.name for field in SCHEMA if field.name not in _UNIQUE and _is_text(field)
            ],
        )
        self._rows: list[Any] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, rows: Sequence[Any]) -> None:
        """Add rows that have all columns in order."""
        for row in rows:
            self._rows.append(row)
            self._bytes += len(row[-1])
            if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
                self._flush()

    def close(self) -> None:
        """Write the remaining rows and the file's footer; safe to call again."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        table = pa.Table.from_batches([to_batch(self._rows)])
        self._writer.write_table(table, row_group_size=len(self._rows))
        self._rows, self._bytes = [], 0


_UNIQUE: Final = frozenset({"event_id", "payload"})


def _is_text(field: pa.Field) -> bool:
    return bool(pa.types.is_string(field.type))
