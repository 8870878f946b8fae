"""Find the endpoint of a path, without a framework."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from runtime.http.request import Endpoint, Endpoints
from runtime.http.responses import HttpProblem

_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_HEX: Final = "[0-9a-fA-F]"
_PATTERNS: Final[Mapping[str | None, str]] = {
    None: "[^/]+",
    "int": "[0-9]+",
    "uuid": f"{_HEX}{{8}}-?(?:{_HEX}{{4}}-?){{3}}{_HEX}{{12}}",
    "text": "(?s:.+)",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An endpoint, and how it was found.

    Attributes:
        route: Its path as declared, without the kinds of its parameters.
        params: The values of the path's parameters.
    """

    route: str
    endpoint: Endpoint
    params: Mapping[str, Any]


class Router:
    """Finds endpoints.

    Args:
        endpoints: If a path matches two, the first is taken.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._routes = [
            (_compile(path), _Route(path, method, endpoint))
            for path, (method, endpoint) in endpoints.items()
        ]

    def find(self, method: str, path: str) -> Found:
        """Find an endpoint; HEAD finds that of GET.

        Raises:
            HttpProblem: There is none, or not with this method.
        """
        allowed: list[str] = []
        for pattern, route in self._routes:
            if match := pattern.fullmatch(path):
                if method in route.methods:
                    return Found(route.name, route.endpoint, route.values(match.groupdict()))
                allowed += route.methods
        if allowed:
            allow = {"Allow": ", ".join(dict.fromkeys(allowed))}
            raise HttpProblem.of(HTTPStatus.METHOD_NOT_ALLOWED, allow)
        raise HttpProblem.of(HTTPStatus.NOT_FOUND)


class _Route:
    def __init__(self, path: str, method: str, endpoint: Endpoint) -> None:
        self.name = _PARAMETER.sub(r"{\1}", path)
        self.methods = method.replace("GET", "GET HEAD").split()
        self.endpoint = endpoint
        self._uuids = [name for name, kind in _PARAMETER.findall(path) if kind == "uuid"]

    def values(self, texts: Mapping[str, str]) -> Mapping[str, Any]:
        return {**texts, **{name: UUID(texts[name]) for name in self._uuids}}


def _compile(path: str) -> re.Pattern[str]:
    pattern, position = "", 0
    for parameter in _PARAMETER.finditer(path):
        name, kind = parameter.groups()
        pattern += re.escape(path[position : parameter.start()]) + f"(?P<{name}>{_PATTERNS[kind]})"
        position = parameter.end()
    return re.compile(pattern + re.escape(path[position:]))
