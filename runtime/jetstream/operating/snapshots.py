"""Copy streams to files, and restore them."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, BinaryIO, Final

from nats.aio.client import Client

from runtime.jetstream.api import checked, demand

_CHUNK_BYTES: Final = 128 * 1024
_ANSWER_SECONDS: Final = 30.0
"""How long one chunk may take: the broker reads or writes it on its disk."""

_END: Final = "204"
"""Status of the empty message that ends a copy; a short copy may have no status at all."""

_STREAM = ".stream.json"
_MESSAGES = ".messages"


class BadCopy(Exception):
    """The copy can't be used."""


def copied_streams(folder: Path) -> list[str]:
    """List the streams that a folder has copies of, in order.

    Raises:
        BadCopy: There are none.
    """
    names = sorted(file.name.removesuffix(_STREAM) for file in folder.glob(f"*{_STREAM}"))
    if not names:
        raise BadCopy(f"{folder} has no copies of streams")
    return names


async def back_up(client: Client, stream: str, folder: Path) -> int:
    """Copy a stream with its messages and its consumers' state, while it is in use.

    Args:
        client: A connection that may read the stream.
        stream: Its name.
        folder: The destination; must have no copy of this stream.

    Returns:
        How many messages the copy has.

    Raises:
        BadCopy: There is a copy already, or this one ended too early and was removed.
        APIError: The broker refused.
    """
    messages, head = folder / f"{stream}{_MESSAGES}", folder / f"{stream}{_STREAM}"
    try:
        file = messages.open("xb")
    except FileExistsError as error:
        raise BadCopy(f"{messages} exists already") from error
    try:
        with file:
            described = await _receive(client, stream, file)
            os.fsync(file.fileno())
        head.write_text(json.dumps(described), encoding="utf-8")  # last: without it, no copy
    except BaseException:
        messages.unlink()
        raise
    return int(described["state"]["messages"])


async def _receive(client: Client, stream: str, file: BinaryIO) -> dict[str, Any]:
    inbox = client.new_inbox()
    chunks = await client.subscribe(inbox)
    try:
        wanted = {"deliver_subject": inbox, "chunk_size": _CHUNK_BYTES, "jsck": True}
        answer = await demand(client, f"STREAM.SNAPSHOT.{stream}", wanted, _ANSWER_SECONDS)
        while chunk := (message := await chunks.next_msg(_ANSWER_SECONDS)).data:
            file.write(chunk)
            if message.reply:  # flow control: the broker waits for this reply before it sends more
                await message.respond(b"")
        status = (message.headers or {}).get("Status", _END)
        if status != _END:
            raise BadCopy(f"the broker ended the copy of {stream}: {message.headers}")
    finally:
        await chunks.unsubscribe()
    return {"config": answer["config"], "state": answer["state"]}


async def restore(client: Client, stream: str, folder: Path) -> int:
    """Restore a stream from its copy; the broker must not have one of its name.

    Messages that were settled after the copy was made are delivered again, and the
    store skips them.

    Returns:
        How many messages it has.

    Raises:
        BadCopy: The copy is damaged.
        APIError: The broker refused, for example because the stream exists.
    """
    try:
        described = json.loads((folder / f"{stream}{_STREAM}").read_text(encoding="utf-8"))
        file = (folder / f"{stream}{_MESSAGES}").open("rb")
    except (OSError, ValueError) as error:
        raise BadCopy(f"the copy of {stream} can't be read: {error}") from error
    with file:
        begun = await demand(client, f"STREAM.RESTORE.{stream}", described, _ANSWER_SECONDS)
        target = str(begun["deliver_subject"])
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            checked((await client.request(target, chunk, timeout=_ANSWER_SECONDS)).data)
    made = checked((await client.request(target, b"", timeout=_ANSWER_SECONDS)).data)
    return int(made["state"]["messages"])
