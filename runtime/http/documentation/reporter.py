"""The reporter's document."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from functions.errors import Fault
from functions.events import SOURCES, UNSPECIFIED
from functions.reporter import pipeline
from functions.reporter.erasure_state import ErasureState
from functions.reporter.filters import DEFAULT_LIMIT, ReportType
from functions.reporter.handler import REPORTS
from functions.reporter.pipeline import PipelineReport
from functions.reporter.revenue_report import MOST_CAMPAIGNS, CampaignsFilters
from functions.zones import UTC_NAME
from runtime.http.csv_responses import CSV_ENDING
from runtime.http.documentation.document import Document, document, operation
from runtime.http.documentation.operator import ANSWERS, operator_paths
from runtime.http.documentation.responses import (
    AS_CSV,
    csv_answer,
    formed_answer,
    invalid,
    refusal,
    unavailable,
)
from runtime.http.documentation.schemas import Schema, components
from runtime.http.negotiation import CSV, HTML
from runtime.http.pages.privacy import NO_SUCH_REQUEST
from runtime.http.pages.privacy import PATH as PRIVACY_PATH

_DESCRIPTION = """\
Exact reports on the stored events: their number, their revenue, and the users' demographics.

Parameters are optional; unknown, repeated and empty ones are refused. An empty result is a `200` \
with zeros and empty lists.

Every error is a problem (RFC 9457) with a correlation id, including `404` for an unknown path \
and `405`, with `Allow`, for an unknown method. If `Accept` prefers `text/html` to JSON, as a \
browser does, the error is a page that also says what to do."""

_LOCAL_DATE_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?$"
_MOMENT: Final[Schema] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date-time-local", "pattern": _LOCAL_DATE_TIME},
        {"type": "string", "format": "date"},
    ]
}


def _any_case(name: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in name)


# Parameters that take more forms than the answer's filters echo, or need more explanation.
_PARAMETERS: Final[Mapping[str, Schema]] = {
    "from": {
        "description": "Events of this time or later: a date-time or a date, in UTC if it has no "
        "offset.",
        "schema": _MOMENT,
        "example": "2024-01-01",
    },
    "to": {
        "description": (
            "Events before this time; a date includes that whole day. Should be after `from`."
        ),
        "schema": _MOMENT,
        "example": "2024-01-31",
    },
    "source": {
        "description": "Only events of this platform: `facebook` or `tiktok`, in upper or lower "
        "case.",
        "schema": {
            "type": "string",
            "pattern": f"^({'|'.join(map(_any_case, SOURCES))})$",
            "title": " or ".join(SOURCES),
        },
        "example": "facebook",
    },
    "funnelStage": {"description": "Only events of this stage.", "example": "bottom"},
    "eventType": {
        "description": "Only events of this type. It should be a type of the given source and "
        "stage.",
        "example": "checkout.complete",
    },
    "campaignId": {
        "description": "Only events of this campaign; TikTok events have none.",
        "schema": {"type": "string", "pattern": "^[^\\u0000]+$"},
        "example": "camp-5fCRI",
    },
    "timezone": {
        "description": (
            "The IANA name of the time zone of dates, and of the starts of hours, days, weeks and "
            "months."
        ),
        "schema": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$", "default": UTC_NAME},
        "example": "Europe/Kyiv",
    },
    "channel": {
        "description": "Only events that came this way: in the native format, or by one of the "
        "platforms' own interfaces.",
        "example": "meta.conversions",
    },
    "currency": {
        "description": "Only revenue in this currency (ISO 4217), or `unspecified`, that of the "
        "native format; in upper or lower case.",
        "schema": {
            "type": "string",
            "pattern": f"^([A-Za-z]{{3}}|{_any_case(UNSPECIFIED)})$",
            "title": "ISO 4217",
        },
        "example": "EUR",
    },
    "interval": {
        "description": (
            "Adds `series`, with buckets of this length; weeks start on Monday. `minute` is "
            "allowed for at most seven days."
        ),
        "example": "day",
    },
    "limit": {"description": "The maximum length of each list.", "example": 5},
}

_KEYS: Final[Mapping[str, str]] = {
    "reporterKey": "One of `REPORTER_API_KEYS`.",
    "operatorKey": "One of `OPERATOR_API_KEYS`; it also gives access to the reports.",
}


def reporter_document(
    *,
    url: str,
    guarded: bool = False,
    operator_guarded: bool = False,
    asks_host: bool = False,
    ready_guarded: bool = False,
) -> Document:
    """Describe the reporter.

    Args:
        url: Where it listens on its own machine.
        guarded: Whether reports need a key.
        operator_guarded: Whether everything else needs an operator's key.
        asks_host: Whether it answers only to this machine's names.
        ready_guarded: Whether readiness needs a key as well, if keys are set.
    """
    keys = _KEYS if guarded else {}
    operator_keys = {"operatorKey": _KEYS["operatorKey"]} if operator_guarded else {}
    return document(
        title="Event reports",
        description=_DESCRIPTION,
        url=url,
        paths={
            **{
                path: described
                for kind in REPORTS.values()
                for path, described in _report(kind, keys).items()
            },
            "/reports/campaigns.csv": _campaigns(keys),
            "/pipeline": _pipeline(keys),
            PRIVACY_PATH: _erasure_state(),
            **operator_paths(_PARAMETERS, list(operator_keys)),
        },
        schemas=components(
            {
                **{it.answer.__name__: it.answer for it in REPORTS.values()},
                "PipelineReport": PipelineReport,
                "ErasureState": ErasureState,
                **ANSWERS,
            },
            "serialization",
        ),
        checks=["postgres"],
        facts={"databaseClockSeconds": 0.002},
        keys={**operator_keys, **keys},
        asks_host=asks_host,
        explains=True,
        ready_behind=list(keys) if ready_guarded else (),
    )


def _erasure_state() -> Schema:
    code: Schema = {
        "name": "code",
        "in": "path",
        "required": True,
        "description": "The confirmation code of the request.",
        "schema": {"type": "string", "minLength": 1},
        "example": ErasureState.example().confirmation_code,
    }
    answers = {
        "200": formed_answer(
            "When it was made, and when it was done.",
            "ErasureState",
            _shown(ErasureState.example()),
            HTML,
        ),
        "404": refusal(HTTPStatus.NOT_FOUND, f"{NO_SUCH_REQUEST}.", NO_SUCH_REQUEST),
        "503": unavailable("There is no answer now; repeat the request."),
    }
    return {
        "get": operation(
            "Privacy",
            "getErasureState",
            "Show the state of a request to erase a user",
            "For the user who asked, so it needs no key but the code. The answer is a page, "
            "unless `Accept` prefers JSON.",
            answers,
            parameters=[code],
        )
    }


def _campaigns(keys: Iterable[str]) -> Schema:
    answers = {
        "200": csv_answer(
            "The table. A text that a spreadsheet would read as a formula has a `'` before it."
        ),
        "400": invalid(
            "One or more parameters are wrong, or do not go together. Every fault is listed.",
            Fault("from", "range", "Should be before to"),
        ),
        "503": unavailable("There is no answer now; repeat the request."),
    }
    return {
        "get": operation(
            "Reports",
            "getCampaignsAsCsv",
            "List campaigns, as CSV",
            f"Campaigns sorted by revenue, then by id; at most {MOST_CAMPAIGNS:,}.",
            answers,
            parameters=_parameters(CampaignsFilters),
            behind=list(keys),
        )
    }


def _pipeline(keys: Iterable[str]) -> Schema:
    answers = {
        "200": formed_answer("The verdict.", "PipelineReport", _shown(pipeline.example()), HTML),
        "400": invalid(
            "There is a parameter; this path has none.",
            Fault("from", "unknown_parameter", "There is no such parameter"),
        ),
    }
    return {
        "get": operation(
            "Reports",
            "getPipeline",
            "Check the whole system",
            f"{PipelineReport.__doc__}\n\nThe answer is a page, unless `Accept` prefers JSON.",
            answers,
            behind=list(keys),
        )
    }


def _report(kind: ReportType[Any], keys: Iterable[str]) -> dict[str, Schema]:
    """Describe a report, as JSON and as a table."""
    name = kind.answer.__name__
    filters: Any = kind.answer.model_fields["filters"].annotation
    refused = {
        "400": invalid(
            "One or more parameters are wrong, or do not go together. Every fault is listed.",
            Fault("from", "range", "Should be before to"),
        ),
        "503": unavailable("There is no answer now; repeat the request."),
    }

    def get(operation_id: str, summary: str, description: str, given: Schema) -> Schema:
        return {
            "get": operation(
                "Reports",
                operation_id,
                summary,
                description,
                {"200": given, **refused},
                parameters=_parameters(filters, kind.parameters),
                behind=list(keys),
            )
        }

    told = formed_answer("The report.", name, _shown(kind.example()), CSV)
    table = csv_answer(
        "The table. A text that a spreadsheet would read as a formula has a `'` before it."
    )
    return {
        f"/reports/{kind.name}": get(
            f"get{name}", kind.summary, f"{kind.answer.__doc__}\n\n{AS_CSV}", told
        ),
        f"/reports/{kind.name}{CSV_ENDING}": get(
            f"get{name}AsCsv", f"{kind.summary}, as CSV", kind.table, table
        ),
    }


def _shown(report: BaseModel) -> Any:
    return report.model_dump(mode="json")


def _parameters(
    filters: type[BaseModel], own: Mapping[str, Mapping[str, str]] | None = None
) -> list[Schema]:
    """List the parameters of a report: the filters that its answer echoes.

    Args:
        filters: The model of the filters.
        own: What is said of a parameter, by name, where it differs from other reports.
    """
    fields = components({filters.__name__: filters}, "serialization")[filters.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "schema": _wanted(name, schema),
            **_PARAMETERS[name],
            **(own or {}).get(name, {}),
        }
        for name, schema in fields["properties"].items()
    ]


def _wanted(name: str, echoed: Schema) -> Schema:
    """Make a parameter's schema from that of its echo, in which null means that none was given."""
    choices = [choice for choice in echoed.get("anyOf", [echoed]) if choice.get("type") != "null"]
    default = {"default": DEFAULT_LIMIT} if name == "limit" else {}
    if all("enum" in choice for choice in choices):
        values = [value for choice in choices for value in choice["enum"]]
        return {"type": "string", "enum": list(dict.fromkeys(values))}
    return {**choices[0], **default}
