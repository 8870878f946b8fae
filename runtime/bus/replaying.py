"""Envelopes that a collector once could not read, for the operator's replays."""

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.operator.replay import UnpackedEnvelope
from runtime.bus.envelopes import UnreadableEnvelope, decode, decode_letters


def read_envelope(source: Source | None, data: bytes) -> UnpackedEnvelope:
    """Read a message that a collector once could not read; see ``ReadEnvelope``."""
    try:
        return ([], decode_letters(data)) if source is None else (decode(source, data), [])
    except UnreadableEnvelope as error:
        raise Invalid([Fault("", "envelope", str(error))]) from error
