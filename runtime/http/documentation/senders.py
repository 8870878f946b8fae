"""The description of real senders' paths, from their rows in the table."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final

from functions.errors import Fault
from functions.senders.answering import Taken
from functions.senders.table import SENDERS, Sender
from runtime.http.documentation.document import operation
from runtime.http.documentation.responses import (
    CORRELATION_ID,
    answer,
    content,
    invalid,
    not_admitted,
    refusal,
    unavailable,
)
from runtime.http.documentation.schemas import Schema
from runtime.http.platforms import LATER, NOT_PROVEN
from runtime.http.responses import JSON, title_of

_TAG: Final = "Real senders"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_PARAMETERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "major": ("The major version of the platform's API; any.", "^[0-9]+$", "25"),
    "minor": ("The minor version of the platform's API; any.", "^[0-9]+$", "0"),
    "dataset": ("The dataset's (pixel's) id at Meta.", "^[^/]+$", "1234567890123"),
}
_REFUSALS: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "The body arrived too slowly.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The content encoding is not supported.",
}
_UNREADABLE: Final = Fault("", "unreadable", "The body should be a JSON object")
_NO_TEXT: Final = Fault("", "encoding", "The query is no text")
_LATER: Final = (
    "The broker can't store the events now. Some may be stored already; send the whole request "
    "again."
)
_NO_VERSION: Final = refusal(
    HTTPStatus.NOT_FOUND,
    "The version in the path is not a number.",
    "Nothing matches the given URI",
)
_TAKEN: Final = Taken(
    Counter(event=1),
    reply={
        "url": "https://events.example/privacy/requests/5d0bf3c1a77e4b52a9c0",
        "confirmation_code": "5d0bf3c1a77e4b52a9c0",
    },
)
"""The outcome of the request of every example."""


def sender_paths(names: Collection[str]) -> dict[str, Schema]:
    """Describe the operations of the senders that have these names."""
    return {
        _PARAMETER.sub(r"{\1}", path): _operations(sender, path, number)
        for sender in SENDERS
        if sender.name in names
        for number, path in enumerate(sender.paths)
    }


def _operations(sender: Sender, path: str, number: int) -> Schema:
    name = f"{sender.name}_{number}" if number else sender.name
    post = operation(
        _TAG,
        f"post_{name}",
        sender.title,
        sender.description,
        {**_answers(sender), **({"404": _NO_VERSION} if ":int" in path else {})},
        parameters=[_parameter(name) for name in _PARAMETER.findall(path)],
        requestBody={
            "description": "As the platform's documentation describes it.",
            "required": True,
            "content": {
                media_type: {
                    "schema": {},
                    "examples": {"one": {"summary": sender.title, "value": example}},
                }
                for media_type, example in sender.examples.items()
            },
        },
    )
    if sender.handshake is None:
        return {"post": post}
    shaking = {
        "200": answer("The platform's challenge.", {"text/plain": content({"type": "string"})}),
        "400": invalid("The query is not text.", _NO_TEXT),
        str(int(sender.denied)): _denied(sender),
    }
    title = f"{sender.title}: the handshake"
    get = operation(_TAG, f"get_{name}", title, "Asked once, when a URL is set up.", shaking)
    return {"get": get, "post": post}


def _parameter(name: str) -> Schema:
    description, pattern, example = _PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "pattern": pattern},
        "example": example,
    }


def _answers(sender: Sender) -> dict[str, Schema]:
    given = sender.respond(_TAKEN, CORRELATION_ID)
    body = {} if given.body is None else {JSON: content({"type": "object"}, given.body)}
    return {
        "200": answer(
            "The events of the request, and dead letters of the rest, are on the broker's disk.",
            body,
        ),
        "400": _shaped(
            sender,
            HTTPStatus.BAD_REQUEST,
            invalid("None of it can be read.", _UNREADABLE),
            str(_UNREADABLE),
        ),
        str(int(sender.denied)): _denied(sender),
        **{
            str(int(status)): _shaped(sender, status, refusal(status, why, title_of(status)))
            for status, why in _REFUSALS.items()
        },
        "503": _shaped(sender, HTTPStatus.SERVICE_UNAVAILABLE, unavailable(_LATER), LATER),
    }


def _denied(sender: Sender) -> Schema:
    detail = NOT_PROVEN[sender.denied]
    described = refusal(sender.denied, "The proof is missing or wrong.", detail)
    if sender.denied == HTTPStatus.UNAUTHORIZED:
        described["headers"] = not_admitted()["headers"]
    return _shaped(sender, sender.denied, described, detail)


def _shaped(sender: Sender, status: int, described: Schema, message: str = "") -> Schema:
    """Describe an error whose body is the platform's."""
    if sender.explain is None:
        return described
    example = sender.explain(status, message or title_of(status), CORRELATION_ID)
    return {**described, "content": {JSON: content({"type": "object"}, example)}}
