"""Tables over HTTP: chosen by ``Accept``, or by a path that ends in ``.csv``."""

from http import HTTPStatus
from typing import Final

from runtime.http.negotiation import CSV, VARY, preferred
from runtime.http.request import Request
from runtime.http.responses import Response

CSV_ENDING: Final = ".csv"
CSV_TYPE: Final = f"{CSV}; charset=utf-8; header=present"


def wants_csv(request: Request) -> bool:
    """Return whether a client prefers CSV to JSON."""
    return preferred(request.headers.get("accept", "")) == CSV


def csv_answer(table: bytes, file_name: str) -> Response:
    """Answer with a table.

    Args:
        table: Its bytes.
        file_name: The name that a browser saves it under; ASCII without quotes.
    """
    headers = {
        **VARY,
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(HTTPStatus.OK, table, CSV_TYPE, headers)
