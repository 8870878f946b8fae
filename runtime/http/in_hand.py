"""A bound on the requests in hand: each takes memory, however small its body is."""

from functions.errors import Unavailable
from runtime.http.answers import Answer
from runtime.http.request import Endpoint, Request

REQUESTS_IN_HAND = 4_000
"""About 28 KB each, 110 MB in all; where 2,000 a second are answered, a wait of two seconds."""


def at_most(requests: int, endpoint: Endpoint) -> Endpoint:
    """Let so many requests be in hand at once, those whose bodies still come too.

    Others are refused at once, as ``Unavailable``; nothing of them was read.
    """
    in_hand = 0

    async def respond(request: Request) -> Answer:
        nonlocal in_hand
        if in_hand >= requests:
            raise Unavailable("too many requests in hand")
        in_hand += 1
        try:
            return await endpoint(request)
        finally:
            in_hand -= 1

    return respond
