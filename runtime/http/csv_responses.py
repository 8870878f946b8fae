"""Tables behind HTTP: by ``Accept``, or where the path ends in ``.csv``."""

from http import HTTPStatus
from typing import Final

from runtime.http.negotiation import CSV, VARY, preferred
from runtime.http.request import Request
from runtime.http.responses import Response

CSV_ENDING: Final = ".csv"
CSV_TYPE: Final = f"{CSV}; charset=utf-8; header=present"


def wants_csv(request: Request) -> bool:
    """Tell whether a client likes CSV better than JSON."""
    return preferred(request.headers.get("accept", "")) == CSV


def csv_answer(table: bytes, file_name: str) -> Response:
    """Answer a table.

    Args:
        table: Its bytes.
        file_name: What a browser keeps it as; ASCII without quotes.
    """
    headers = {
        **VARY,
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(HTTPStatus.OK, table, CSV_TYPE, headers)
