"""Clients of AWS's services; their library is imported when the first is made."""

import os
from typing import Any, Final

_CONNECT_SECONDS: Final = 2
_ANSWER_SECONDS: Final = 3
_TRIES: Final = 2
"""Of the library itself, for a connection that broke; the bus tries longer."""

_SERVER_ERROR: Final = 500
_BUSY: Final = {"RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException"}


def open_client(service: str) -> Any:
    """Make a client; takes as long as importing half of the library, half a second and more.

    Credentials and the region are AWS's ordinary ones, and so is ``AWS_ENDPOINT_URL``,
    where LocalStack or another double of AWS answers.

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
    region = os.environ.get("AWS_REGION")  # Lambda's name; botocore has another
    return session.create_client(service, region_name=region, config=config)


def client_errors() -> tuple[type[Exception], ...]:
    """Name what a client's calls raise."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - there by now

    return BotoCoreError, ClientError


def code_of(error: Exception) -> str:
    """Tell AWS's code for an error that a client raised, or the library's name for it."""
    answer: dict[str, Any] = getattr(error, "response", {})
    return str(answer.get("Error", {}).get("Code", type(error).__name__))


def may_pass(error: Exception) -> bool:
    """Tell whether the same call may succeed soon: there was no answer, or one of a busy server."""
    answer: dict[str, Any] = getattr(error, "response", {})
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    return status >= _SERVER_ERROR or code_of(error).rpartition(".")[2] in _BUSY
