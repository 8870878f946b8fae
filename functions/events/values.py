"""The values in an event, as pydantic judges and OpenAPI describes them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from annotated_types import Interval, MaxLen, MinLen
from pydantic import (
    AfterValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    with_config,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from functions.events import MAX_EVENT_ID_CHARACTERS, MAX_FOLLOWERS

exact = with_config(ConfigDict(strict=True, extra="ignore"))
"""Values are never coerced; unknown keys are allowed, and the stored bytes keep them."""

_RFC_3339 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
AMOUNT = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"
AMOUNT_RULE = (
    "Input should be a decimal string or number of 0 or more, with at most 12 digits before and 6 "
    "after the point"
)


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError(
            "datetime_range", "Input should be in the years 1 to 9999 in UTC"
        ) from None


class _Rfc3339:
    """A date-time with offset; pydantic alone would also accept Unix times and missing offsets."""

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
    """A decimal string, or a number: a float until ``judging`` reads its digits again."""

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.union_schema(
            [
                core_schema.chain_schema(
                    [
                        core_schema.str_schema(strict=True, pattern=AMOUNT),
                        core_schema.decimal_schema(strict=False),
                    ]
                ),
                core_schema.float_schema(strict=True),
            ],
            mode="left_to_right",
            custom_error_type="amount",
            custom_error_message=AMOUNT_RULE,
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "string", "pattern": AMOUNT},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 10**12, "multipleOf": 1e-6},
            ]
        }


Timestamp = Annotated[datetime, _Rfc3339(), AfterValidator(_to_utc)]
DateTime = Annotated[datetime, _Rfc3339()]
Amount = Annotated[Decimal, _Amount()]
Count = Annotated[int, Interval(ge=0, le=MAX_FOLLOWERS)]
EventId = Annotated[str, MinLen(1), MaxLen(MAX_EVENT_ID_CHARACTERS)]
