"""What the operator's function needs to replay: how rows are made, and how envelopes are read."""

from typing import Final

from functions.errors import Fault, Invalid
from functions.events import Source
from functions.fb_collector.handler import to_row as facebook_row
from functions.operator.replay import Judgement, UnpackedEnvelope
from functions.ttk_collector.handler import to_row as tiktok_row
from runtime.bus.envelopes import UnreadableEnvelope, decode, decode_letters


def read_envelope(source: Source | None, data: bytes) -> UnpackedEnvelope:
    """Read a message that a collector once could not; see ``ReadEnvelope``."""
    try:
        return ([], decode_letters(data)) if source is None else (decode(source, data), [])
    except UnreadableEnvelope as error:
        raise Invalid([Fault("", "envelope", str(error))]) from error


JUDGEMENT: Final = Judgement({"facebook": facebook_row, "tiktok": tiktok_row}, read_envelope)
