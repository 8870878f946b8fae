"""A bound on the requests in hand: each takes memory, however small its body is."""

from functions.errors import Unavailable
from runtime.http.request import Endpoint, Request
from runtime.http.responses import Response
from runtime.telemetry.reasons import Reason

REQUESTS_IN_HAND = 4_000
"""About 28 KB each, 110 MB in all; where 2,000 a second are answered, a wait of two seconds."""


class InHand:
    """Counts the requests in hand.

    Args:
        most: How many there may be at once.
    """

    def __init__(self, most: int = REQUESTS_IN_HAND) -> None:
        self.most = most
        self.now = 0

    def filled(self) -> float:
        """Tell which share of what may be is in hand."""
        return self.now / self.most


def at_most(in_hand: InHand, endpoint: Endpoint) -> Endpoint:
    """Let only so many requests be in hand at once, those whose bodies still come too.

    Others are refused at once, as ``Unavailable``; nothing of them was read.
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
