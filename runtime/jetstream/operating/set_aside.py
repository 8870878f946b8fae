"""Set one message of a stream aside in a file, and put it back."""

import os
from pathlib import Path
from typing import Annotated, Final

import msgspec
from nats.js import JetStreamContext

_ANSWER_SECONDS: Final = 10.0
_OWNER_ONLY: Final = 0o600
"""It contains senders' data, which nobody else may read."""


class NotSetAside(Exception):
    """The message could not be set aside or put back; it is where it was."""


class _Kept(msgspec.Struct):
    stream: str
    subject: str
    sequence: Annotated[int, msgspec.Meta(ge=1)]
    headers: dict[str, str]
    data: bytes


async def set_aside(jetstream: JetStreamContext, stream: str, sequence: int, file: Path) -> None:
    """Remove a message from its stream, after it was written to this disk.

    It is not settled then: the ledger misses its events until it is put back.

    Raises:
        NotSetAside: The file exists already, or the message does not.
        APIError: The broker refused.
    """
    message = await jetstream.get_msg(stream, sequence)
    kept = _Kept(
        stream,
        message.subject or "",
        sequence,
        dict(message.headers or {}),
        message.data or b"",
    )
    _write(file, msgspec.json.encode(kept))
    await jetstream.delete_msg(stream, sequence)


def _write(file: Path, content: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise NotSetAside(f"{file} can't be created: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as kept:
        kept.write(content)
        kept.flush()
        os.fsync(kept.fileno())


async def put_back(jetstream: JetStreamContext, file: Path) -> int:
    """Publish a message that was set aside, under its own id, as the stream's last.

    Returns:
        Its sequence in the stream.

    Raises:
        NotSetAside: The file can't be used; or the broker still remembers the
            id, and took it for a repeat.
        APIError: The broker refused.
    """
    kept = _read(file)
    ack = await jetstream.publish(
        kept.subject,
        kept.data,
        timeout=_ANSWER_SECONDS,
        stream=kept.stream,
        headers=dict(kept.headers),
    )
    if ack.duplicate:
        raise NotSetAside(
            "the broker still remembers this message as published: try again in two minutes"
        )
    return int(ack.seq)


def _read(file: Path) -> _Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError) as error:
        raise NotSetAside(f"{file} can't be used: {error}") from error
