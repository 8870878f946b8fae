"""Read a NATS configuration: JSON with bare words, sizes and comments."""

import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r'\s+|#[^\n]*|"([^"]*)"|([{}\[\]:=,])|([^\s{}\[\]:=,"#]+)')


def read(text: str) -> dict[str, Any]:
    """Read a configuration; every value is a string, a list or a map."""
    text = text.strip()
    whole = text.startswith("{")
    return _map(_tokens(text[1:] if whole else text), end="}" if whole else "")


def _tokens(text: str) -> Iterator[str]:
    for quoted, mark, word in _TOKEN.findall(text):
        if quoted or mark or word:
            yield quoted or mark or word
    yield ""


def _map(tokens: Iterator[str], end: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in tokens:
        if key == end:
            return found
        if key == ",":
            continue
        mark = next(tokens)
        if mark in {":", "="}:
            mark = next(tokens)
        found[key] = _value(mark, tokens)
    raise ValueError(f"the configuration ends before {end}")


def _value(first: str, tokens: Iterator[str]) -> Any:
    if first == "{":
        return _map(tokens, "}")
    if first == "[":
        return _list(tokens)
    return first


def _list(tokens: Iterator[str]) -> list[Any]:
    found: list[Any] = []
    for word in tokens:
        if word == "]":
            return found
        if word != ",":
            found.append(_value(word, tokens))
    raise ValueError("a list does not end")
