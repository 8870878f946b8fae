"""An OpenAPI document: a function's own operations, and those that every function has."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from runtime.http.documentation import bodies
from runtime.http.documentation.responses import (
    answer,
    content,
    foreign,
    internal_error,
    json_answer,
    not_admitted,
    wrong_host,
)
from runtime.http.documentation.schemas import Schema, components
from runtime.http.negotiation import HTML
from runtime.http.responses import CORRELATION_HEADER, PROBLEM

Document = dict[str, Any]

_PROJECT = "event-processing-system"
"""The document has this project's version, from ``pyproject.toml``."""

_CORRELATION = {
    "name": CORRELATION_HEADER,
    "in": "header",
    "description": (
        "Your id for the request: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`. A missing or "
        "invalid id is replaced by a UUID."
    ),
    "schema": {"type": "string"},
    "example": "order-import-42",
}
_BODIES = (bodies.Problem, bodies.InvalidProblem, bodies.Liveness, bodies.Readiness)


def document(
    *,
    title: str,
    description: str,
    url: str,
    paths: Mapping[str, Schema],
    schemas: Mapping[str, Schema],
    checks: Sequence[str],
    keys: Mapping[str, str] | None = None,
    facts: Mapping[str, str | float] | None = None,
    asks_host: bool = False,
    explains: bool = False,
    ready_behind: Sequence[str] = (),
) -> Document:
    """Build a document.

    Args:
        title: The function's name.
        description: What it does, in CommonMark.
        url: Where it listens on its own machine.
        paths: Its own operations.
        schemas: The components that they refer to.
        checks: The checks of its readiness.
        keys: The security schemes that operations name in ``behind``: a description by name.
        facts: Examples of the further fields of readiness.
        asks_host: Whether it answers only to this machine's names.
        explains: Whether a client that prefers HTML gets problems as pages.
        ready_behind: Security schemes, any of which opens readiness; empty if it is open.
    """
    shared = components({body.__name__: body for body in _BODIES}, "serialization")
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": version(_PROJECT)},
        "servers": [
            {"url": "..", "description": "This server"},
            {"url": url, "description": "On its own machine"},
        ],
        "paths": {
            path: _with_refusals(operations, asks_host=asks_host, explains=explains)
            for path, operations in {
                **paths,
                **_probe_paths(checks, facts or {}, ready_behind),
                **_documentation_paths(),
            }.items()
        },
        "components": {
            "schemas": dict(sorted({**schemas, **shared}.items())),
            **_security_schemes(keys or {}),
        },
    }


def _with_refusals(operations: Schema, *, asks_host: bool, explains: bool) -> Schema:
    """Add the refusals that any operation may answer with."""
    hosts = {"421": wrong_host()} if asks_host else {}
    return {
        method: {
            **described,
            "responses": {
                status: _explained(described_answer) if explains else described_answer
                for status, described_answer in sorted(
                    {
                        **described["responses"],
                        **hosts,
                        **({"403": foreign()} if method == "post" else {}),
                    }.items()
                )
            },
        }
        for method, described in operations.items()
    }


def _explained(described: Schema) -> Schema:
    """Describe the page that a problem also comes as."""
    if PROBLEM not in described["content"]:
        return described
    forms = {**described["content"], HTML: content({"type": "string"})}
    return {**described, "content": forms}


def _security_schemes(keys: Mapping[str, str]) -> Schema:
    if not keys:
        return {}
    schemes = {
        name: {"type": "http", "scheme": "bearer", "description": description}
        for name, description in keys.items()
    }
    return {"securitySchemes": schemes}


def operation(
    tag: str,
    name: str,
    summary: str,
    description: str,
    answers: Mapping[str, Schema],
    *,
    parameters: Sequence[Schema] = (),
    behind: Sequence[str] = (),
    **more: Any,
) -> Schema:
    """Describe an operation; every one takes a correlation id, and may fail with a 500.

    Args:
        tag: The group it belongs to.
        name: Its ``operationId``.
        summary: What it does, in a few words.
        description: What it does, in CommonMark.
        answers: Its answers by status.
        parameters: Its parameters besides the correlation id.
        behind: Names of the security schemes, any of which opens it; empty if it is open.
        more: Fields of OpenAPI's Operation Object.
    """
    if behind:
        answers = {**answers, "401": not_admitted()}
        more = {**more, "security": [{name: []} for name in behind]}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "parameters": [*parameters, _CORRELATION],
        **more,
        "responses": dict(sorted({**answers, "500": internal_error()}.items())),
    }


def _probe_paths(
    checks: Sequence[str], facts: Mapping[str, str | float], ready_behind: Sequence[str]
) -> dict[str, Schema]:
    ready = {"status": "ready", "checks": dict.fromkeys(checks, "ok"), **facts}
    unready = {"status": "unavailable", "checks": dict.fromkeys(checks, "unavailable"), **facts}
    live = {
        "200": json_answer("The process works.", "Liveness", {"status": "live"}),
        "503": json_answer(
            "The process does not work and should be restarted.", "Liveness", {"status": "dead"}
        ),
    }
    readiness = {
        "200": json_answer("The function is ready.", "Readiness", ready),
        "503": json_answer(
            "The function is not ready: a server does not answer, or the function is shutting "
            "down.",
            "Readiness",
            unready,
        ),
    }
    metrics = {"200": answer("The metrics.", {"text/plain": content({"type": "string"})})}
    return {
        "/health/live": _get("Operation", "getLiveness", "Does the process work?", live),
        "/health/ready": _get(
            "Operation",
            "getReadiness",
            "Can the function do its work, with the servers it uses?",
            readiness,
            ready_behind,
        ),
        "/metrics": _get("Operation", "getMetrics", "Metrics in Prometheus text format", metrics),
    }


def _documentation_paths() -> dict[str, Schema]:
    page = {"200": answer("The page.", {"text/html": content({"type": "string"})})}
    json = {
        "200": answer("The document.", {"application/json": content({"type": "object"})}),
    }
    return {
        "/api": _get("Documentation", "getDocumentation", "This page", page),
        "/api/openapi.json": _get(
            "Documentation", "getOpenApi", "The OpenAPI 3.1 document that this page shows", json
        ),
    }


def _get(
    tag: str,
    name: str,
    summary: str,
    answers: Mapping[str, Schema],
    behind: Sequence[str] = (),
) -> Schema:
    return {"get": operation(tag, name, summary, "", answers, behind=behind)}
