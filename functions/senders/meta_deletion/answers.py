"""Answer of a data deletion request (App Dashboard, Data Deletion Request Callback)."""

from http import HTTPStatus
from typing import Final

from functions.senders.adapting import Headers
from functions.senders.answering import Answer, Taken

STATUS_PATH: Final = "/privacy/requests/"
"""The path of the page with the request's state, followed by its code."""

_HERE: Final = ("localhost", "127.", "[::1]")
_LONGEST_HOST: Final = 260

DESCRIPTION: Final = """\
Meta's data deletion callback: a user asks Meta to have their data removed. The answer has the \
address of a page with the state of the request, and its code."""

EXAMPLES: Final = {"application/x-www-form-urlencoded": "signed_request=SIGNATURE.PAYLOAD"}


def answer(taken: Taken, _correlation_id: str) -> Answer:
    """Answer Meta with the address that shows the state of the request."""
    return Answer(HTTPStatus.OK, taken.reply)


def reply_of(code: str, public_url: str, headers: Headers) -> dict[str, str]:
    """Return the address of a request's page, and its code.

    Args:
        code: The request's.
        public_url: How this system is reached from outside; if empty, as Meta reached it.
        headers: Of the request.
    """
    return {
        "url": f"{public_url.rstrip('/') or _base_of(headers)}{STATUS_PATH}{code}",
        "confirmation_code": code,
    }


def _base_of(headers: Headers) -> str:
    host = headers.get("host", "localhost")[:_LONGEST_HOST]
    scheme = headers.get("x-forwarded-proto", "")
    if scheme not in {"http", "https"}:
        scheme = "http" if host.startswith(_HERE) else "https"
    return f"{scheme}://{host}"
