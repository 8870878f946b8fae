"""Clients of AWS's services; their library is imported when the first is made."""

import os
from typing import Any, Final

_CONNECT_SECONDS: Final = 2
_ANSWER_SECONDS: Final = 3
_TRIES: Final = 2
"""Of the library itself, for a broken connection; the bus retries longer."""

_SERVER_ERROR: Final = 500
_BUSY: Final = {"RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException"}


def open_client(service: str) -> Any:
    """Make a client; importing half of the library takes half a second and more.

    Credentials, region and ``AWS_ENDPOINT_URL`` are AWS's usual ones; with the last,
    LocalStack or another double of AWS answers.

    Args:
        service: ``sqs`` or ``secretsmanager``.
    """
    import botocore.session  # noqa: PLC0415 - it takes longer than all other imports together
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
    )
    session = botocore.session.get_session()
    region = os.environ.get("AWS_REGION")  # Lambda's name; botocore uses another
    return session.create_client(service, region_name=region, config=config)


def client_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a client's calls raise."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - there by now

    return BotoCoreError, ClientError


def code_of(error: Exception) -> str:
    """Return AWS's code for an error that a client raised, or the library's name for it."""
    answer: dict[str, Any] = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", type(error).__name__))


def may_pass(error: Exception) -> bool:
    """Return whether the same call may succeed soon: no answer, or a busy server."""
    answer: dict[str, Any] = getattr(error, "response", {})
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    return status >= _SERVER_ERROR or code_of(error).rpartition(".")[2] in _BUSY
