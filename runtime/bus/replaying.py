"""The operator's judgement for replays: how rows are made, and how envelopes are read."""

from typing import Final

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.operator.replay import Judgement, UnpackedEnvelope
from runtime.bus.envelopes import UnreadableEnvelope, decode, decode_letters
from runtime.catalogue import EVENTS_OF


def read_envelope(source: Source | None, data: bytes) -> UnpackedEnvelope:
    """Read a message that a collector once could not read; see ``ReadEnvelope``."""
    try:
        return ([], decode_letters(data)) if source is None else (decode(source, data), [])
    except UnreadableEnvelope as error:
        raise Invalid([Fault("", "envelope", str(error))]) from error


JUDGEMENT: Final = Judgement(
    {source: own.to_row for source, own in EVENTS_OF.items()}, read_envelope
)
