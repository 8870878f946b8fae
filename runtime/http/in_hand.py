"""A limit on the requests in hand: each takes memory, however small its body."""

from functions.errors import Unavailable
from runtime.http.request import Endpoint, Request
from runtime.http.responses import Response
from runtime.telemetry.reasons import Reason

REQUESTS_IN_HAND = 4_000
"""About 28 KB each, 110 MB in all; at 2,000 answers per second, a wait of two seconds."""


class InHand:
    """Counts the requests in hand.

    Args:
        most: The limit.
    """

    def __init__(self, most: int = REQUESTS_IN_HAND) -> None:
        self.most = most
        self.now = 0

    def filled(self) -> float:
        """Return the share of the limit that is in hand, 0 to 1."""
        return self.now / self.most


def at_most(in_hand: InHand, endpoint: Endpoint) -> Endpoint:
    """Limit the requests in hand, including those whose bodies are still arriving.

    Further requests are refused at once as ``Unavailable``, before anything is read.
    """

    async def respond(request: Request) -> Response:
        if in_hand.now >= in_hand.most:
            raise Unavailable(Reason.REQUESTS)
        in_hand.now += 1
        try:
            return await endpoint(request)
        finally:
            in_hand.now -= 1

    return respond
