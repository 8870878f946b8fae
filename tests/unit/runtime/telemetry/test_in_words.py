import errno
import socket

import nats.errors
import pytest
from nats.js.errors import APIError

from runtime.telemetry.in_words import in_words

REFUSED = ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)")
SEVERAL = OSError(
    "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0),"
    " [Errno 111] Connect call failed ('127.0.0.1', 1)"
)


@pytest.mark.parametrize(
    ("error", "seconds", "words"),
    [
        (TimeoutError(), 15.0, "no answer within 15 s"),
        (TimeoutError(), None, "no answer in time"),
        (nats.errors.TimeoutError(), 0.8, "no answer within 0.8 s"),
        (REFUSED, None, "connection refused"),
        (SEVERAL, 2.0, "connection refused"),
        (OSError(errno.EHOSTUNREACH, "Connect call failed"), None, "no route to host"),
        (socket.gaierror(-2, "Name or service not known"), None, "its host name is unknown"),
        (nats.errors.ConnectionClosedError(), None, "connection closed"),
        (nats.errors.NoServersError(), None, "no servers available for connection"),
        (APIError(code=503, err_code=10047, description="no room"), None, "no room"),
        (ValueError("two\nlines"), None, "two lines"),
        (ConnectionError(), None, "ConnectionError"),
    ],
)
def test_an_error_is_said_in_words(error: Exception, seconds: float | None, words: str) -> None:
    assert in_words(error, seconds) == words
