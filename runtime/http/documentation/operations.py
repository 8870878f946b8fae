"""One operation on the page."""

from runtime.http.documentation.commands import curl_lines, written
from runtime.http.documentation.schemas import Schema
from runtime.http.documentation.trying import show_form
from runtime.http.documentation.words import describe
from runtime.http.html import Html, element, join, line, prose


def show_operation(url: str, path: str, method: str, operation: Schema) -> Html:
    """Write the section about an operation.

    Args:
        url: Where the function listens, for commands to copy.
        path: The operation's path.
        method: In lower case, as in OpenAPI.
        operation: Its Operation Object in the document.
    """
    commands = curl_lines(url + path, method, operation)
    return element(
        "section",
        element("h2", element("b", method.upper(), class_=method), " ", element("code", path)),
        element("p", operation["summary"], class_="summary"),
        prose(operation["description"]),
        _part("Parameters", _parameters(operation["parameters"])),
        _part("Body", _request_body(operation["requestBody"]))
        if "requestBody" in operation
        else Html(""),
        _part("Try it", join([*map(_listing, commands), show_form(path, method, operation)])),
        _part("Answers", _answers(operation["responses"])),
        id=operation["operationId"],
        class_="operation",
    )


def _part(title: str, content: Html) -> Html:
    return join([element("h3", title), content])


def _parameters(parameters: list[Schema]) -> Html:
    rows = [
        element(
            "tr",
            element("th", parameter["name"], element("i", f" {parameter['in']}")),
            element("td", describe(parameter["schema"]), *_default(parameter["schema"])),
            element("td", line(parameter["description"])),
        )
        for parameter in parameters
    ]
    return _table(rows)


def _default(schema: Schema) -> list[str]:
    return [f", default {schema['default']}"] if "default" in schema else []


def _request_body(body: Schema) -> Html:
    parts = [prose(body["description"])]
    for media_type, content in body["content"].items():
        shape = describe(content["schema"])
        parts.append(element("p", element("code", media_type), ": ", shape))
        parts += [
            _example(example["summary"], written(example["value"], media_type))
            for example in content["examples"].values()
        ]
    return join(parts)


def _answers(answers: dict[str, Schema]) -> Html:
    return _table([_answer(status, answer) for status, answer in answers.items()])


def _answer(status: str, answer: Schema) -> Html:
    headers = [f"{name}: {header['description']}" for name, header in answer["headers"].items()]
    return element(
        "tr",
        element("th", status, class_=f"status-{status[0]}"),
        element(
            "td",
            element("p", line(answer["description"])),
            *(_content(media_type, body) for media_type, body in answer["content"].items()),
            element("p", *_lines(headers), class_="headers"),
        ),
    )


def _content(media_type: str, body: Schema) -> Html:
    shape = element("p", element("code", media_type), ": ", describe(body["schema"]))
    if "example" not in body:
        return shape
    return join([shape, _example("Example", written(body["example"], media_type))])


def _lines(texts: list[str]) -> list[str]:
    return [part for text in texts for part in (text, element("br"))][:-1]


def _example(summary: str, text: str) -> Html:
    return element("details", element("summary", summary), _listing(text))


def _listing(text: str) -> Html:
    return element("pre", element("code", text))


def _table(rows: list[Html]) -> Html:
    return element("div", element("table", *rows), class_="wide")
