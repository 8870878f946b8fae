"""The columns of archived events, in Parquet and Arrow.

No other module imports pyarrow: it comes with requirements-archive.lock.
"""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from runtime.archiving.manifest import SCHEMA_VERSION

_MOMENT: Final = pa.timestamp("us", tz="UTC")
_KEY: Final = pa.binary(16)

SCHEMA: Final = pa.schema(
    [
        pa.field("id", _KEY, nullable=False),
        pa.field("user_key", _KEY),
        pa.field("occurred_at", _MOMENT, nullable=False),
        pa.field("accepted_at", _MOMENT, nullable=False),
        pa.field("stored_at", _MOMENT, nullable=False),
        pa.field("published_at", _MOMENT),
        pa.field("stream_sequence", pa.int64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("funnel_stage", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("correlation_id", pa.string(), nullable=False),
        pa.field("trace_parent", pa.string()),
        pa.field("deliveries", pa.int32()),
        pa.field("revenue", pa.decimal128(18, 6)),
        pa.field("campaign_id", pa.string()),
        pa.field("watch_country", pa.string()),
        pa.field("watch_device", pa.string()),
        pa.field("watch_seconds", pa.float64()),
        pa.field("percentage_watched", pa.float64()),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("currency", pa.string()),
        pa.field("order_id", pa.string()),
        pa.field("event_name", pa.string()),
        pa.field("mapping", pa.string()),
        pa.field("payload", pa.string(), nullable=False),
    ],
    metadata={"eps.schema": str(SCHEMA_VERSION)},
)
"""The table ``events``, column by column, in the order of ``queries/events_page.sql``."""


def to_batch(rows: Sequence[Any]) -> pa.RecordBatch:
    """Make a batch of rows that have all columns in order; at least one row."""
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
