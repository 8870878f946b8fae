"""The documentation page: an OpenAPI document as self-contained HTML."""

from collections.abc import Iterator
from pathlib import Path

from runtime.http.documentation.document import Document
from runtime.http.documentation.operations import show_operation
from runtime.http.documentation.schemas import Schema
from runtime.http.documentation.trying import SCRIPT
from runtime.http.documentation.words import describe
from runtime.http.html import Html, element, join, line, prose

_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def render(document: Document) -> bytes:
    """Render a document as a page."""
    page = element("html", _head(document), _body(document), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _head(document: Document) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", document["info"]["title"]),
        element("style", Html(_STYLE)),
    )


def _body(document: Document) -> Html:
    url = document["servers"][-1]["url"]
    operations = [
        show_operation(url, path, method, operation)
        for path, method, operation in _operations(document)
    ]
    schemas = document["components"]["schemas"]
    return element(
        "body",
        _header(document),
        _contents(document),
        element(
            "main",
            *operations,
            element("h2", "Schemas", id="schemas"),
            *(_schema(name, schema) for name, schema in schemas.items()),
        ),
        element("script", Html(SCRIPT)),
    )


def _operations(document: Document) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _header(document: Document) -> Html:
    info = document["info"]
    machine = element("a", "openapi.json", href="api/openapi.json")
    return element(
        "header",
        element("h1", info["title"]),
        prose(info["description"]),
        element("p", "For machines: ", machine, f" (OpenAPI {document['openapi']})"),
    )


def _contents(document: Document) -> Html:
    links = [
        element(
            "li",
            element("a", f"{method.upper()} {path}", href=f"#{operation['operationId']}"),
            " ",
            element("span", operation["summary"]),
        )
        for path, method, operation in _operations(document)
    ]
    return element(
        "nav",
        element("ul", *links),
        element("a", "Schemas", href="#schemas"),
        aria_label="Contents",
    )


def _schema(name: str, schema: Schema) -> Html:
    described = prose(schema.get("description", ""))
    heading = element("h3", name, id=name)
    if "properties" not in schema:
        return element("section", heading, described, element("p", describe(schema)))
    required = schema.get("required", [])
    rows = [
        element(
            "tr",
            element("th", field, Html("") if field in required else element("i", " optional")),
            element("td", describe(shape)),
            element("td", line(shape.get("description", ""))),
        )
        for field, shape in schema["properties"].items()
    ]
    table = element("div", element("table", join(rows)), class_="wide")
    return element("section", heading, described, table)
