"""Messages of SQS: any bytes as text that SQS accepts, and headers as attributes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.bus.envelopes import UnreadableEnvelope

MAX_BYTES: Final = 1024**2
"""Limit for a message with its attributes, and for all messages of one call together."""

MAX_ENTRIES: Final = 10
"""Maximum messages of one call."""

ENCODING: Final = "Eps-Encoding"
PACKED: Final = "zlib+base64"

_PLAIN_BYTES: Final = 64 * 1024
"""Up to this size all messages cost the same, and stay readable."""

_ROOM_BYTES: Final = 16 * 1024
"""Room for the parts of a message besides an event: attributes, ids, times, its fault."""

_SURELY_BYTES: Final = (MAX_BYTES - _ROOM_BYTES) * 3 // 4 - 1024
"""Up to this size a message fits whatever the bytes are: base64 adds a third, and zlib adds
five bytes to each 16 KB that it can't compress. So these are not compressed just to see."""

_PACK_LEVEL: Final = 1
_ILLEGAL: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not have, which SQS refuses."""


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message to send.

    Attributes:
        body: Text that SQS accepts.
        attributes: Texts by name.
    """

    body: str
    attributes: Mapping[str, str]

    @property
    def size(self) -> int:
        """Its bytes, as SQS counts them."""
        texts = [self.body, *(text for pair in self.attributes.items() for text in pair)]
        types = len("String") * len(self.attributes)
        return sum(len(text.encode()) for text in texts) + types


def write_message(data: bytes, headers: Mapping[str, str]) -> SqsMessage:
    """Write bytes and ASCII headers; compressed if they are long or not valid text."""
    if len(data) <= _PLAIN_BYTES and (text := _as_text(data)) is not None:
        return SqsMessage(text, headers)
    return SqsMessage(_packed(data).decode(), {**headers, ENCODING: PACKED})


def read_message(message: SqsMessage) -> bytes:
    """Undo ``write_message``, except for ``zlib``, which readers of envelopes undo.

    Raises:
        UnreadableEnvelope: It is declared as base64, and is not.
    """
    if message.attributes.get(ENCODING) != PACKED:
        return message.body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(message.body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableEnvelope("marked as base64, but it is not") from error


def fits(event: bytes) -> bool:
    """Return whether a message with this event, or a dead letter of it, is small enough."""
    return len(event) <= _SURELY_BYTES or len(_packed(event)) + _ROOM_BYTES <= MAX_BYTES


def in_batches(messages: Sequence[SqsMessage]) -> list[list[SqsMessage]]:
    """Group messages that fit into one call, in order."""
    batches: list[list[SqsMessage]] = []
    room = 0
    for message in messages:
        if not batches or len(batches[-1]) == MAX_ENTRIES or message.size > room:
            batches.append([])
            room = MAX_BYTES
        batches[-1].append(message)
        room -= message.size
    return batches


def _as_text(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if not text or _ILLEGAL.search(text) else text


def _packed(data: bytes) -> bytes:
    return base64.b64encode(zlib.compress(data, _PACK_LEVEL))
