"""Connection errors and sizes in words for an operator."""

import errno
import os
import re
import socket
import ssl
from typing import Final

_ERRNO: Final = re.compile(r"\[Errno (\d+)\]")

_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_KILO: Final = 1024


def size_in_words(number: float) -> str:
    """Write a number of bytes with three digits: ``700 KB``."""
    for unit in _UNITS[:-1]:
        if number < _KILO:
            return f"{number:.3g} {unit}"
        number /= _KILO
    return f"{number:.3g} {_UNITS[-1]}"


def in_words(error: BaseException, seconds: float | None = None) -> str:
    """Describe an error: ``connection refused``, ``no answer within 2 s``.

    Args:
        error: Of a socket, a driver, or a time limit.
        seconds: How long an answer was waited for, if known.

    Returns:
        The end of a sentence. An unknown error is described by its own message
        on one line, or at least by its kind; never in Python's notation.
    """
    match error:
        case ssl.SSLCertVerificationError():
            words = f"its certificate is not trusted: {error.verify_message}"
        case socket.gaierror():
            words = "its host name is unknown"
        case TimeoutError():  # including the NATS library's
            words = "no answer in time" if seconds is None else f"no answer within {seconds:g} s"
        case OSError() if number := _number_of(error):
            words = _lower_first(os.strerror(number))
        case _:
            # Refusals by JetStream's API have a description besides their codes.
            told = getattr(error, "description", None) or str(error)
            words = " ".join(told.split()).removeprefix("nats: ") or type(error).__name__
    return words


def _number_of(error: OSError) -> int | None:
    """Return an error's number; with several addresses for one name, that of the first."""
    if isinstance(error, ConnectionRefusedError):
        return errno.ECONNREFUSED
    if error.errno:
        return error.errno
    found = _ERRNO.search(str(error))
    return int(found[1]) if found else None


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
