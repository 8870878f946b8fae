"""The form with which a person tries an operation on the page."""

from pathlib import Path
from typing import Final

from runtime.http.documentation.commands import written
from runtime.http.documentation.schemas import Schema
from runtime.http.html import Html, element, join

SCRIPT: Final = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
"""Sends the forms, and shows them, since they need it."""


def show_form(path: str, method: str, operation: Schema) -> Html:
    """Write the form of an operation: its parameters, a body to choose and to change, a key.

    Args:
        path: The operation's path.
        method: In lower case, as in OpenAPI.
        operation: Its Operation Object in the document.
    """
    name = operation["operationId"]
    fields = [_field(name, it) for it in operation["parameters"] if it["in"] in ("path", "query")]
    if "requestBody" in operation:
        fields.append(_body(name, operation["requestBody"]["content"]))
    if "security" in operation:
        fields.append(_labelled(name, "key", "API key", type="password", autocomplete="off"))
    return element(
        "details",
        element("summary", "Send a request from this page"),
        element(
            "form",
            *fields,
            element("button", "Send"),
            element("output", aria_live="polite"),
            data_path=path,
            data_method=method.upper(),
        ),
        class_="try",
        hidden="",
    )


def _field(operation: str, parameter: Schema) -> Html:
    name, place, schema = parameter["name"], parameter["in"], parameter["schema"]
    choices = schema.get("enum")
    if choices is None:
        more = {"required": "", "value": parameter["example"]} if place == "path" else {}
        return _labelled(operation, name, name, data_in=place, **more)
    options = [element("option", str(choice)) for choice in ("", *choices)]
    field = element("select", *options, id=_id(operation, name), name=name, data_in=place)
    return join([element("label", name, for_=_id(operation, name)), field])


def _body(operation: str, content: dict[str, Schema]) -> Html:
    """Write the examples of all media types, and the text that is sent."""
    examples = [
        (media_type, example["summary"], written(example["value"], media_type))
        for media_type, body in content.items()
        for example in body["examples"].values()
    ]
    options = [
        element("option", f"{media_type}: {summary}", value=text, data_type=media_type)
        for media_type, summary, text in examples
    ]
    return join(
        [
            element("label", "Example", for_=_id(operation, "example")),
            element("select", *options, id=_id(operation, "example"), name="example"),
            element("label", "Body", for_=_id(operation, "body")),
            element(
                "textarea",
                examples[0][2],
                id=_id(operation, "body"),
                name="body",
                rows="10",
                spellcheck="false",
            ),
        ]
    )


def _labelled(operation: str, name: str, label: str, **attributes: str) -> Html:
    field = element("input", id=_id(operation, name), name=name, **attributes)
    return join([element("label", label, for_=_id(operation, name)), field])


def _id(operation: str, name: str) -> str:
    return f"{operation}-{name}"
