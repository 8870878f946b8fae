"""Calls as platforms make them, and the adapters' results."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from functions.senders.adapting import Adapter, Call, Outcome, Refused, Skipped, Trust
from functions.senders.canonical import Record, decode_record, encode_record

NOW: Final = datetime(2026, 11, 18, 14, 0, 5, tzinfo=UTC)
"""``now_for_test`` of the samples."""

PEPPER: Final = b"a pepper of at least 32 characters"
_SAMPLES: Final = Path(__file__).parent / "samples"


def sample(number: int) -> dict[str, Any]:
    """Read a sample: a platform's request with its expected result."""
    (file,) = _SAMPLES.glob(f"{number:02}_*.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def a_call(
    body: bytes | str | object = b"",
    *,
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path: Mapping[str, Any] | None = None,
    now: datetime = NOW,
) -> Call:
    """A call; a body that is not text is written as JSON."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return Call(lower, query, path or {"dataset": "1234567890123"}, body, now)


def a_trust(*secrets: str, keys: Sequence[str] = (), **options: Any) -> Trust:
    """Secrets, newest first, and ingest keys."""
    admitted = [key.encode() for key in keys]
    return Trust(
        PEPPER,
        [secret.encode() for secret in secrets],
        options,
        admitted.__contains__ if keys else None,
    )


def outcomes_of(adapt: Adapter, call: Call, trust: Trust | None = None) -> list[Any]:
    """Adapt a call; a collector can read every record."""
    found: list[Outcome] = list(adapt(call, trust or a_trust()).outcomes)
    for outcome in found:
        if not isinstance(outcome, Refused | Skipped):
            assert decode_record(encode_record(outcome)) == outcome
    return found


def only_record(found: Sequence[Outcome]) -> Any:
    """The only record."""
    (record,) = found
    assert isinstance(record, Record), record
    return record


def fault_of(found: Sequence[Outcome]) -> str:
    """The code of the only refused part."""
    (refused,) = found
    assert isinstance(refused, Refused), refused
    return refused.fault.code


def shown(record: Any) -> dict[str, Any]:
    """The parts of a record that samples specify."""
    return {
        "timestamp": record.timestamp.isoformat().replace("+00:00", "Z"),
        "source": record.source,
        "eventType": record.event_type,
        "platformEvent": record.platform_event,
        "mapping": record.mapping,
        "purchaseAmount": record.amount,
        "currency": record.currency,
        "orderId": record.order_id,
        "hasUser": record.user_key is not None,
    }


def expected_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The same for an event of a sample's ``expected``."""
    data, ext = event["data"], event["ext"]
    return {
        "timestamp": event["timestamp"],
        "source": event["source"],
        "eventType": event["eventType"],
        "platformEvent": ext["platformEvent"],
        "mapping": ext["mapping"],
        "purchaseAmount": data["engagement"].get("purchaseAmount"),
        "currency": ext.get("currency"),
        "orderId": ext.get("orderId"),
        "hasUser": data["user"]["userId"] is not None,
    }
