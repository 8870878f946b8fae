"""Describe in a few words what a JSON Schema accepts."""

import json
from typing import Any

from runtime.http.documentation.schemas import Schema
from runtime.http.html import Html, element, join


def describe(schema: Schema) -> Html:
    """Describe the values of a schema, with links to components."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return element("a", name, href=f"#{name}")
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _or([describe(choice) for choice in choices])
    if "const" in schema:
        return element("code", json.dumps(schema["const"]))
    if "enum" in schema:
        return _or([element("code", json.dumps(value)) for value in schema["enum"]])
    if schema.get("type") == "array":
        return join([Html("array of "), describe(schema["items"])])
    return _typed(schema)


def _or(choices: list[Html]) -> Html:
    return Html(" or ".join(dict.fromkeys(choices)))


def _typed(schema: Schema) -> Html:
    """Describe a simple type with its limits."""
    words = " ".join(
        filter(
            None, [str(schema.get("format") or schema.get("type", "anything")), *_limits(schema)]
        )
    )
    if "title" in schema:  # clearer than a pattern
        return element("span", schema["title"])
    pattern = schema.get("pattern")
    if pattern is None or "format" in schema:
        return element("span", words)
    return element("span", f"{words} like ", element("code", pattern, class_="pattern"))


def _limits(schema: Schema) -> list[str]:
    return [
        f"{word} {_number(schema[key])}{unit if key.endswith('Length') else ''}"
        for key, word, unit in (
            ("minimum", "from", ""),
            ("maximum", "to", ""),
            ("exclusiveMaximum", "below", ""),
            ("multipleOf", "in steps of", ""),
            ("minLength", "of", ""),
            ("maxLength", "to", " characters"),
        )
        if key in schema
    ]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:f}"
