"""Masses: many rejected elements of one request in one dead letter, compressed as they come.

The format: zlib over each element's length (four bytes, big-endian) and the element
itself. Elements may be any bytes.
"""

import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from struct import Struct
from typing import Final

from functions.errors import Fault

_LENGTH: Final = Struct(">I")
_LEVEL: Final = 1
_UNPACK_BYTES: Final = 256 * 1024
_UNPACK: Final = _LENGTH.unpack_from


class Mass:
    """Compressed elements; only the compressed bytes are held.

    Attributes:
        elements: How many there are.
        first: The first of them.
        packed_bytes: How many bytes they have so far; slightly more at the end.
    """

    def __init__(self) -> None:
        self.elements = 0
        self.first = b""
        self.packed_bytes = 0
        self._packer = zlib.compressobj(_LEVEL)
        self._pieces: list[bytes] = []

    def add(self, elements: Sequence[bytes]) -> None:
        """Add elements; half a megabyte takes some milliseconds."""
        if not self.elements and elements:
            self.first = elements[0]
        self.elements += len(elements)
        lengths = map(_LENGTH.pack, map(len, elements))
        self._keep(
            self._packer.compress(
                b"".join(chain.from_iterable(zip(lengths, elements, strict=True)))
            )
        )

    def finish(self) -> bytes:
        """Finish it, and return the payload of its dead letter."""
        self._keep(self._packer.flush())
        return b"".join(self._pieces)

    @property
    def fault(self) -> Fault:
        """The fault of all elements together."""
        message = f"{self.elements} invalid events of one request, packed together"
        return Fault("", "many_invalid", message)

    def _keep(self, packed: bytes) -> None:
        if packed:
            self._pieces.append(packed)
            self.packed_bytes += len(packed)


def unpacked(payload: bytes) -> Iterator[bytes]:
    """Yield the elements of a mass, byte for byte, in order; few are held at a time.

    Raises:
        ValueError: It is damaged; the elements before that are intact.
    """
    unpacker = zlib.decompressobj()
    waiting = bytearray()
    rest = payload
    while rest:
        try:
            waiting += unpacker.decompress(rest, _UNPACK_BYTES)
        except zlib.error as error:
            raise ValueError(f"damaged: {error}") from error
        rest = unpacker.unconsumed_tail
        used = yield from _whole(waiting)
        del waiting[:used]
    if waiting or not unpacker.eof:
        raise ValueError("damaged: it is truncated")


def beginning(payload: bytes, max_bytes: int) -> bytes:
    """Return the first elements of a mass, one a line, within so many bytes."""
    lines, left = list[bytes](), max_bytes
    with suppress(ValueError):  # a damaged mass is shown up to the damage
        for element in unpacked(payload):
            lines.append(element[:left])
            left -= len(element) + 1
            if left <= 0:
                break
    return b"\n".join(lines)[:max_bytes]


def _whole(waiting: bytearray) -> Generator[bytes, None, int]:
    """Yield the elements that are complete; returns how many bytes they are."""
    start = 0
    while start + _LENGTH.size <= len(waiting):
        begin = start + _LENGTH.size
        end = begin + int(_UNPACK(waiting, start)[0])
        if end > len(waiting):
            break
        yield bytes(waiting[begin:end])
        start = end
    return start
