"""The curl line of an operation."""

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

from runtime.http.documentation.schemas import Schema

_BEARER = '"Authorization: Bearer $KEY"'


def curl_lines(url: str, method: str, operation: Schema) -> list[str]:
    """Write one command for each media type that the operation takes, or one without a body."""
    query = urlencode(
        {
            parameter["name"]: parameter["example"]
            for parameter in operation["parameters"]
            if parameter["in"] == "query"
        }
    )
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            url = url.replace(f"{{{parameter['name']}}}", quote(parameter["example"], safe=""))
    target = shlex.quote(f"{url}?{query}" if query else url)
    content = operation.get("requestBody", {}).get("content", {})
    if "security" in operation:
        target += f" \\\n  -H {_BEARER}"
    if not content:
        return [f"curl {target}" if method == "get" else f"curl -X {method.upper()} {target}"]
    return [_sending(target, method, media_type, body) for media_type, body in content.items()]


def written(value: Any, media_type: str) -> str:
    """Write an example as it is sent over the wire."""
    if media_type.endswith("ndjson"):
        return "\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _sending(target: str, method: str, media_type: str, body: Schema) -> str:
    example = next(iter(body["examples"].values()))["value"]
    data = shlex.quote(written(example, media_type))
    header = shlex.quote(f"Content-Type: {media_type}")
    return f"curl -X {method.upper()} {target} \\\n  -H {header} \\\n  --data-binary {data}"
