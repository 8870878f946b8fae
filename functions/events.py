"""The events: what one looks like, which are valid, and what a stored row is."""

import contextlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeGuard, cast, get_args
from uuid import UUID

from annotated_types import Interval, MaxLen, MinLen
from pydantic import (
    AfterValidator,
    AllowInfNan,
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypedDict

from functions.errors import Fault, Invalid
from functions.keys import derive_key

Source = Literal["facebook", "tiktok"]
FunnelStage = Literal["top", "bottom"]

SOURCES: Final[tuple[Source, ...]] = get_args(Source)
FUNNEL_STAGES: Final[tuple[FunnelStage, ...]] = get_args(FunnelStage)

FacebookTopType = Literal["ad.view", "page.like", "comment", "video.view"]
FacebookBottomType = Literal["ad.click", "form.submission", "checkout.complete"]
TiktokTopType = Literal["video.view", "like", "share", "comment"]
TiktokBottomType = Literal["profile.visit", "purchase", "follow"]

EVENT_TYPES: Final[Mapping[tuple[Source, FunnelStage], tuple[str, ...]]] = {
    ("facebook", "top"): get_args(FacebookTopType),
    ("facebook", "bottom"): get_args(FacebookBottomType),
    ("tiktok", "top"): get_args(TiktokTopType),
    ("tiktok", "bottom"): get_args(TiktokBottomType),
}
"""Every kind of event there is: its types, by source and stage."""

REVENUE_TYPES: Final[Mapping[Source, str]] = {
    "facebook": "checkout.complete",
    "tiktok": "purchase",
}
"""The one type of each source whose amount is revenue."""

MAX_EVENT_ID_CHARACTERS: Final = 200
MAX_BIGINT: Final = 2**63 - 1
"""PostgreSQL's bigint, which keeps the followers."""

_RFC_3339 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_AMOUNT = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"
_AMOUNT_RULE = (
    "Input should be a decimal string or number from 0, "
    "with at most 12 digits before and 6 after the point"
)
_AMOUNT_LIMIT = 10**12
_AMOUNT_DECIMALS = 6
_NO_AMOUNT = Decimal(-1)


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError(
            "datetime_range", "Input should lie in the years 1 to 9999 in UTC"
        ) from None


class _Rfc3339:
    """A date-time with offset; pydantic alone would take Unix times and missing offsets too."""

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.chain_schema(
                [
                    core_schema.str_schema(strict=True, pattern=_RFC_3339),
                    core_schema.datetime_schema(strict=False, tz_constraint="aware"),
                ]
            ),
            custom_error_type="datetime",
            custom_error_message="Input should be an RFC 3339 date-time with offset",
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


class _Amount:
    """A decimal string, or a number: that one is a float until ``parse`` reads its digits again."""

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.union_schema(
            [
                core_schema.chain_schema(
                    [
                        core_schema.str_schema(strict=True, pattern=_AMOUNT),
                        core_schema.decimal_schema(strict=False),
                    ]
                ),
                core_schema.float_schema(strict=True),
            ],
            mode="left_to_right",
            custom_error_type="amount",
            custom_error_message=_AMOUNT_RULE,
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "string", "pattern": _AMOUNT},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 10**12, "multipleOf": 1e-6},
            ]
        }


Timestamp = Annotated[datetime, _Rfc3339(), AfterValidator(_to_utc)]
DateTime = Annotated[datetime, _Rfc3339()]
Amount = Annotated[Decimal, _Amount()]
Count = Annotated[int, Interval(ge=0, le=MAX_BIGINT)]
EventId = Annotated[str, MinLen(1), MaxLen(MAX_EVENT_ID_CHARACTERS)]

_EXACT = with_config(ConfigDict(strict=True, extra="ignore"))
"""No value is bent into shape; an unknown key is no fault: the bytes keep it."""


@_EXACT
class Location(TypedDict):
    """Where a Facebook user lives."""

    country: str
    city: str


@_EXACT
class FacebookUser(TypedDict):
    """Who caused a Facebook event."""

    userId: str
    name: str
    age: Annotated[int, Interval(ge=0, le=150)]
    gender: Literal["male", "female", "non-binary"]
    location: Location


@_EXACT
class FacebookTopEngagement(TypedDict):
    """What was seen or liked."""

    actionTime: DateTime
    referrer: Literal["newsfeed", "marketplace", "groups"]
    videoId: str | None


@_EXACT
class FacebookBottomEngagement(TypedDict):
    """What was clicked or bought."""

    adId: str
    campaignId: str
    clickPosition: Literal["top_left", "bottom_right", "center"]
    device: Literal["mobile", "desktop"]
    browser: Literal["Chrome", "Firefox", "Safari"]
    purchaseAmount: Amount | None


@_EXACT
class FacebookTopData(TypedDict):
    """User and engagement of a Facebook event at the top of the funnel."""

    user: FacebookUser
    engagement: FacebookTopEngagement


@_EXACT
class FacebookBottomData(TypedDict):
    """User and engagement of a Facebook event at the bottom of the funnel."""

    user: FacebookUser
    engagement: FacebookBottomEngagement


@_EXACT
class FacebookTopEvent(TypedDict):
    """A Facebook event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["top"]
    eventType: FacebookTopType
    data: FacebookTopData


@_EXACT
class FacebookBottomEvent(TypedDict):
    """A Facebook event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["facebook"]
    funnelStage: Literal["bottom"]
    eventType: FacebookBottomType
    data: FacebookBottomData


@_EXACT
class TiktokUser(TypedDict):
    """Who caused a TikTok event."""

    userId: str
    username: str
    followers: Count


@_EXACT
class TiktokTopEngagement(TypedDict):
    """What was watched, and on what."""

    watchTime: Annotated[float, Interval(ge=0), AllowInfNan(allow_inf_nan=False)]
    percentageWatched: Annotated[float, Interval(ge=0, le=100)]
    device: Literal["Android", "iOS", "Desktop"]
    country: str
    videoId: str


@_EXACT
class TiktokBottomEngagement(TypedDict):
    """What was visited or bought."""

    actionTime: DateTime
    profileId: str | None
    purchasedItem: str | None
    purchaseAmount: Amount | None


@_EXACT
class TiktokTopData(TypedDict):
    """User and engagement of a TikTok event at the top of the funnel."""

    user: TiktokUser
    engagement: TiktokTopEngagement


@_EXACT
class TiktokBottomData(TypedDict):
    """User and engagement of a TikTok event at the bottom of the funnel."""

    user: TiktokUser
    engagement: TiktokBottomEngagement


@_EXACT
class TiktokTopEvent(TypedDict):
    """A TikTok event at the top of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["top"]
    eventType: TiktokTopType
    data: TiktokTopData


@_EXACT
class TiktokBottomEvent(TypedDict):
    """A TikTok event at the bottom of the funnel."""

    eventId: EventId
    timestamp: Timestamp
    source: Literal["tiktok"]
    funnelStage: Literal["bottom"]
    eventType: TiktokBottomType
    data: TiktokBottomData


FacebookEvent = Annotated[FacebookTopEvent | FacebookBottomEvent, Discriminator("funnelStage")]
TiktokEvent = Annotated[TiktokTopEvent | TiktokBottomEvent, Discriminator("funnelStage")]
Event = Annotated[FacebookEvent | TiktokEvent, Discriminator("source")]

EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""The tagged union of all events."""


class EventRow(NamedTuple):
    """One event as it is stored; the columns of table ``events``, in its order.

    What a source or a stage does not have is None. Moments are in UTC.

    Attributes:
        id: Derived from source and event id: the same event, the same key.
        revenue: The amount of a revenue event, None on any other.
        payload: The event as it came, JSON text.
    """

    id: UUID
    occurred_at: datetime
    accepted_at: datetime
    source: Source
    funnel_stage: FunnelStage
    event_type: str
    event_id: str
    correlation_id: str
    user_id: str
    revenue: Decimal | None
    campaign_id: str | None
    age: int | None
    gender: str | None
    country: str | None
    city: str | None
    followers: int | None
    device: str | None
    watch_seconds: float | None
    percentage_watched: float | None
    payload: str


class InvalidEvent(Exception):  # noqa: N818 - an outcome, not a programming error
    """The event can never be stored as it is.

    Attributes:
        fault: The first thing that is wrong with it.
        event_id: Its id, where one could be read.
        source: Its source, where one could be read.
    """

    def __init__(self, fault: Fault, *, event_id: str | None, source: Source | None) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.event_id = event_id
        self.source = source


def event_key(source: Source, event_id: str) -> UUID:
    """Derive the primary key of an event.

    Args:
        source: The platform, within which event ids are unique.
        event_id: The platform's own id.
    """
    return derive_key(f"{source}\0{event_id}".encode())


def parse(raw: bytes) -> Event:
    """Read and judge one event.

    Args:
        raw: One JSON text, as it came.

    Returns:
        The event; moments are datetimes, amounts exact decimals. Unknown keys
        are left out: ``raw`` has them.

    Raises:
        InvalidEvent: It breaks the contract; its first fault says where.
    """
    try:
        _refuse_unstorable(raw)
        event = EVENT.validate_json(raw)
        engagement = cast("dict[str, Any]", event["data"]["engagement"])
        if isinstance(engagement.get("purchaseAmount"), float):
            engagement["purchaseAmount"] = _exact_amount(raw)
    except ValidationError as error:
        raise _invalid(raw, _first_fault(error)) from error
    except Invalid as error:
        raise _invalid(raw, error.faults[0]) from error
    return event


# An escape is consumed whole, so that the u of an escaped backslash before a u is none.
_ESCAPE = re.compile(
    rb"""\\(?:
        u(?:(?P<nul>0000)
          |[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
          |(?P<surrogate>[dD][89a-fA-F]))
        |.)""",
    re.DOTALL | re.VERBOSE,
)


def _refuse_unstorable(raw: bytes) -> None:
    """Refuse what pydantic lets pass and PostgreSQL could not keep."""
    if b"\\" in raw and b"\\u" in raw:  # one byte is found much faster than two
        if any(escape["nul"] for escape in _ESCAPE.finditer(raw)):
            raise Invalid([Fault("", "nul_character", "A string contains a NUL character")])
        if any(escape["surrogate"] for escape in _ESCAPE.finditer(raw)):
            raise Invalid([Fault("", "lone_surrogate", "A string contains a lone surrogate")])
    if b"NaN" in raw or b"Infinity" in raw:
        with contextlib.suppress(ValueError, RecursionError):  # pydantic says so itself
            json.loads(raw, parse_constant=_refuse_constant)


def _refuse_constant(_name: str) -> Any:
    raise Invalid([Fault("", "json_invalid", "NaN and Infinity are not JSON")])


def _exact_amount(raw: bytes) -> Decimal:
    numbers_as_written = json.loads(raw, parse_float=str, parse_int=str)
    try:
        amount = Decimal(numbers_as_written["data"]["engagement"]["purchaseAmount"])
    except InvalidOperation:  # its exponent is beyond what a Decimal can have
        amount = _NO_AMOUNT
    if not 0 <= amount < _AMOUNT_LIMIT or round(amount, _AMOUNT_DECIMALS) != amount:
        raise Invalid([Fault("data.engagement.purchaseAmount", "amount", _AMOUNT_RULE)])
    return round(abs(amount), _AMOUNT_DECIMALS)


_DISCRIMINATORS = (("source", SOURCES), ("funnelStage", FUNNEL_STAGES))


def _first_fault(error: ValidationError) -> Fault:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    tags, path = first["loc"][:2], first["loc"][2:]
    if first["type"] not in ("union_tag_invalid", "union_tag_not_found"):
        return Fault(".".join(map(str, path)), first["type"], first["msg"])
    field, expected = _DISCRIMINATORS[len(tags)]
    if first["type"] == "union_tag_not_found":
        return Fault(field, "missing", "Field required")
    return Fault(field, "literal_error", f"Input should be {' or '.join(map(repr, expected))}")


def _invalid(raw: bytes, fault: Fault) -> InvalidEvent:
    """Say what little is known of an event that is not one."""
    try:
        claimed = json.loads(raw)
    except (ValueError, RecursionError):
        claimed = None
    fields = claimed if isinstance(claimed, dict) else {}
    source, event_id = fields.get("source"), fields.get("eventId")
    return InvalidEvent(
        fault,
        event_id=event_id if _is_storable_id(event_id) else None,
        source=source if source in SOURCES else None,
    )


def _is_storable_id(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_EVENT_ID_CHARACTERS
        and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    )
