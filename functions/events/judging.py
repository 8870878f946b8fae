"""Judge events: raw bytes in, the decoded event or its faults out."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self, cast

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from functions.errors import Fault, Invalid
from functions.events import FUNNEL_STAGES, SOURCES, Source
from functions.events.claims import claim_of
from functions.events.contract import EVENT
from functions.events.pruning import LARGE_BYTES, prune
from functions.events.reading import READERS, find_unstorable, read
from functions.events.scanning import without_strings
from functions.events.sources import Event
from functions.events.values import AMOUNT_RULE

_AMOUNT_LIMIT = 10**12
_AMOUNT_DECIMALS = 6
_NO_AMOUNT = Decimal(-1)


SMALLEST_EVENT_BYTES: Final = 200
"""No event with fewer bytes is valid: its keys alone have more."""


MAX_FAULTS: Final = 10
"""Maximum faults reported for one event; one with more is something else altogether."""


class InvalidEvent(Exception):
    """The event can never be stored as it is.

    Attributes:
        fault: The first fault.
        faults: All faults found in one reading, ``MAX_FAULTS`` at most.
        event_id: Its id, if one could be read.
        source: Its source, if one could be read.
    """

    def __init__(
        self, fault: Fault, *others: Fault, event_id: str | None, source: Source | None
    ) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.faults = (fault, *others)[:MAX_FAULTS]
        self.event_id = event_id
        self.source = source


class Beginning(bytes):
    """The first bytes of an event that is too large; it is never valid.

    Attributes:
        KEPT_BYTES: Maximum number of these bytes.
        limit: Maximum bytes of an event.
    """

    KEPT_BYTES: Final = 64 * 1024

    limit: int

    def __new__(cls, event: bytes, limit: int) -> Self:
        """Keep the beginning of an event, given whole or in part."""
        beginning = super().__new__(cls, event[: cls.KEPT_BYTES])
        beginning.limit = limit
        return beginning


def judge(raw: bytes, *, by_contract: Callable[[bytes], Event] | None = None) -> Event:
    """Decode and judge one event.

    Args:
        raw: One JSON text, as received.
        by_contract: Judges what the fast reader leaves open; for tests that
            check what that is.

    Returns:
        The event. Unknown keys are left out: ``raw`` has them.

    Raises:
        InvalidEvent: It breaks the contract; its first fault says where.
    """
    if raw.__class__ is Beginning:  # with a low limit it may be whole, and readable
        return judge_by_contract(raw)
    return read(raw) or (by_contract or judge_by_contract)(raw)


def why_dead(raw: bytes, otherwise: Fault) -> InvalidEvent:
    """Find again the fault of an event that was rejected before.

    Args:
        raw: One JSON text, as received.
        otherwise: The fault to return if the event itself is valid.
    """
    try:
        event = judge(raw)
    except InvalidEvent as invalid:
        return invalid
    return InvalidEvent(otherwise, event_id=event.event_id, source=event.source)


def judge_by_contract(raw: bytes) -> Event:
    """Judge one event as ``judge`` does, but without the fast reader; the final decision.

    A valid event is written again in the usual spelling and decoded by the same
    reader as all others, so that there is one way to decode an event.

    Raises:
        InvalidEvent: It breaks the contract; its first fault says where.
    """
    try:
        _refuse_unstorable(raw)
        event = EVENT.validate_json(prune(raw) if len(raw) > LARGE_BYTES else raw)
        engagement = cast("dict[str, Any]", event["data"]["engagement"])
        if isinstance(engagement.get("purchaseAmount"), float):
            engagement["purchaseAmount"] = _exact_amount(raw)
    except ValidationError as error:
        raise _invalid(raw, _faults_of(error)) from error
    except Invalid as error:
        raise _invalid(raw, error.faults) from error
    return READERS[event["source"]](msgspec.json.encode(event))


def _refuse_unstorable(raw: bytes) -> None:
    """Refuse an event that is too large, or that pydantic accepts and PostgreSQL can't store."""
    if isinstance(raw, Beginning):
        message = (
            f"An event may have at most {raw.limit} bytes (EVENT_SIZE_LIMIT); the first {len(raw)} "
            "of this one are kept"
        )
        raise Invalid([Fault("", "event_too_large", message)])
    fault = find_unstorable(raw)
    if fault is not None:
        raise Invalid([fault])
    if b"NaN" in raw or b"Infinity" in raw:
        bare = without_strings(raw)
        if b"NaN" in bare or b"Infinity" in bare:
            raise Invalid([Fault("", "json_invalid", "NaN and Infinity are not JSON")])


class _Engagement(msgspec.Struct, rename="camel"):
    purchase_amount: msgspec.Raw


class _Data(msgspec.Struct):
    engagement: _Engagement


class _Sale(msgspec.Struct):
    data: _Data


_SALES: Final = msgspec.json.Decoder(_Sale)


def _exact_amount(raw: bytes) -> Decimal:
    """Read the exact digits of a numeric amount; the rest of the event is skipped."""
    digits = bytes(_SALES.decode(raw).data.engagement.purchase_amount).decode()
    try:
        amount = Decimal(digits)
    except InvalidOperation:  # its exponent is beyond a Decimal's range
        amount = _NO_AMOUNT
    if not 0 <= amount < _AMOUNT_LIMIT or round(amount, _AMOUNT_DECIMALS) != amount:
        raise Invalid([Fault("data.engagement.purchaseAmount", "amount", AMOUNT_RULE)])
    return round(abs(amount), _AMOUNT_DECIMALS)


_DISCRIMINATORS = (("source", SOURCES), ("funnelStage", FUNNEL_STAGES))


def _faults_of(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [_fault_of(each) for each in found[:MAX_FAULTS]]


def _fault_of(found: ErrorDetails) -> Fault:
    tags, path = found["loc"][:2], found["loc"][2:]
    if found["type"] not in ("union_tag_invalid", "union_tag_not_found"):
        return Fault(".".join(map(str, path)), found["type"], found["msg"])
    field, expected = _DISCRIMINATORS[len(tags)]
    if found["type"] == "union_tag_not_found":
        return Fault(field, "missing", "Field required")
    return Fault(field, "literal_error", f"Input should be {' or '.join(map(repr, expected))}")


def _invalid(raw: bytes, faults: Sequence[Fault]) -> InvalidEvent:
    """Make the error of an invalid event, with the little that is known of it."""
    claim = claim_of(raw)
    return InvalidEvent(*faults, event_id=claim.event_id, source=claim.source)
