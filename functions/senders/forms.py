"""Read bodies as programs post them: JSON, or a form in either of its two encodings."""

from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final
from urllib.parse import parse_qsl

from functions.senders.reading import Unreadable, decode

_MAX_FIELDS: Final = 100


def read_fields(content_type: str, body: bytes) -> Mapping[str, Any]:
    """Read the fields of a body.

    Args:
        content_type: By which it is read: as a form if it names one, otherwise as JSON.
        body: The raw bytes.

    Returns:
        The fields of a JSON object, decoded; or of a form, each as text.

    Raises:
        Unreadable: It is neither.
    """
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    match header.get_content_type():
        case "application/x-www-form-urlencoded":
            return _read_form(body)
        case "multipart/form-data":
            return _read_multipart(content_type, body)
    fields = decode(body)
    if not isinstance(fields, dict):
        raise Unreadable
    return fields


def _read_form(body: bytes) -> Mapping[str, str]:
    try:
        text = body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Unreadable from error
    return dict(pairs)


def _read_multipart(content_type: str, body: bytes) -> Mapping[str, str]:
    """Read what ``curl -F`` posts, as Meta's own examples do."""
    try:
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
        message = BytesParser(policy=HTTP).parsebytes(head + body)
        fields: dict[str, str] = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                fields[name] = content.decode()
    except Exception as error:
        raise Unreadable from error  # the parser of mail raises many kinds for hostile headers
    if not fields:
        raise Unreadable
    return fields
