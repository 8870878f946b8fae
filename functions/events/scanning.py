"""Walk through text by its JSON brackets and strings alone, whether it is JSON or not.

Regular expressions and ``itertools`` do the work: a Python loop over each bracket
would take ten times as long. All patterns are possessive, so none reads a byte
twice.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

PIECE_BYTES: Final = 64 * 1024
"""How much is processed in one step: less than four milliseconds for any content."""

SPACE: Final = b" \t\n\r"

_FINE_BYTES: Final = 1024
"""How much is processed token by token where an element may end."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_WHOLE_STRINGS = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_BESIDE_COMMAS = re.compile(rb'["\[\]{}]')
_COMMAS = re.compile(rb",")
_TURNS: Final = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_PAIR: Final = b"\x01\xff"
_MAX_ROUNDS: Final = 16
_WORTH: Final = 20
"""A round is worth it while it removes at least one in so many."""

_OPENING, _CLOSING, _COMMA = frozenset(b"[{"), frozenset(b"]}"), ord(",")


def without_strings(text: bytes) -> bytes:
    """Remove all strings, and everything after one that never ends."""
    return _STRING.sub(b"", text) if b'"' in text else text


def turns(text: bytes) -> bytes:
    """Write for each bracket of a text without strings whether it opens or closes."""
    return text.translate(_TURNS, _NO_BRACKETS)


def depths(turned: bytes, depth: int = 0) -> Iterator[int]:
    """Return the depth of a text before it, and after each of its ``turns``."""
    return accumulate(array("b", turned), initial=depth)


def without_pairs(turned: bytes) -> tuple[bytes, int]:
    """Remove brackets that are closed at once, repeatedly while that removes many.

    Returns:
        The rest, which has the same depth at its end and at its lowest; and by
        how much its greatest depth may be too small.
    """
    for rounds in range(_MAX_ROUNDS):
        left = turned.replace(_PAIR, b"")
        if len(left) * _WORTH > len(turned) * (_WORTH - 1):
            return left, rounds + 1
        turned = left
    return turned, _MAX_ROUNDS


@dataclass(slots=True)
class Walk:
    """A walk through a text, some bytes a step.

    Attributes:
        text: The text.
        position: The end of the part walked through.
        end: Where the walk ends.
        depth: How many brackets are open at the position.
        in_string: Whether the position is inside a string.
        deepest: The greatest depth so far, or slightly more, because of ``without_pairs``.
    """

    text: bytes
    position: int
    end: int
    depth: int = 1
    in_string: bool = False
    deepest: int = 0

    def step(self, size: int = PIECE_BYTES) -> int | None:
        """Advance by so many bytes at most.

        Returns:
            The lowest depth on the way; None if all of it was inside a string.
        """
        end = min(self.position + size, self.end)
        if self.in_string:
            self._leave_string(end)
            return None
        strings = _WHOLE_STRINGS.match(self.text, self.position, end)
        stop = strings.end() if strings else end
        lowest = self._turn(self.text[self.position : stop])
        self.in_string = stop < end
        self.position = stop + self.in_string
        return lowest

    def _turn(self, text: bytes) -> int:
        """Follow the brackets of a text without broken strings; returns the lowest depth."""
        if not _BRACKET.search(text):
            return self.depth
        left, less = without_pairs(turns(without_strings(text)))
        deep = list(depths(left, self.depth))
        highest = max(deep) + less
        self.depth, self.deepest = deep[-1], max(self.deepest, highest)
        return min(deep)

    def _leave_string(self, end: int) -> None:
        rest = _REST_OF_STRING.match(self.text, self.position, end)
        stop = rest.end() if rest else end
        if stop == self.position and not (rest and rest[1]):  # a single backslash at the end
            stop = self.end
        self.in_string = not (rest and rest[1])
        self.position = stop


def commas(walk: Walk) -> Iterator[Sequence[int]]:
    """Find the commas between the elements of an array, or the members of an object.

    Args:
        walk: Anywhere in it; its depth is 1 between two elements. It advances to its end.

    Yields:
        Positions of some, in order; none now and then, so that other requests get their turn.
    """
    found: list[int] = []
    while walk.position < walk.end:
        ahead = replace(walk)
        # Where an element ended, the next ones probably end soon: looking ahead does not pay.
        lowest = 1 if found else ahead.step()
        if lowest is None or lowest > 1:
            walk.position, walk.depth = ahead.position, ahead.depth
            walk.in_string = ahead.in_string
            yield ()
            continue
        end = min(walk.position + PIECE_BYTES, walk.end)
        found = []
        while walk.position < end:
            found += _fine_step(walk)
        yield found


def _fine_step(walk: Walk) -> Sequence[int]:
    start, depth = walk.position, walk.depth
    lowest = walk.step(_FINE_BYTES)
    if lowest is None or lowest > 1:
        return ()
    if not _BESIDE_COMMAS.search(walk.text, start, walk.position):
        return [comma.start() for comma in _COMMAS.finditer(walk.text, start, walk.position)]
    found = []
    for token in _TOKEN.finditer(walk.text, start, walk.position):
        mark = walk.text[token.start()]
        if mark == _COMMA:
            if depth == 1:
                found.append(token.start())
        elif mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
    return found
