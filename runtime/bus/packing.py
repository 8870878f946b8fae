"""Events and dead letters as envelopes that a bus can carry; the same for every bus."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from functions.events import Source
from functions.halves import halves
from functions.messages import AcceptedBatch, DeadLetter
from runtime.bus.envelopes import encode, encode_letters
from runtime.bus.manifests import minute_of

Fits = Callable[[bytes], bool]
"""Tells whether the bus can carry an envelope of those bytes. A single event or letter is
not asked about again: its sender asked the bus before (``Bus.can_carry``)."""


def pack_events(
    source: Source, batches: Iterable[AcceptedBatch], fits: Fits
) -> Iterator[tuple[Sequence[AcceptedBatch], bytes]]:
    """Encode batches of a source, those of one minute together: a manifest counts one minute.

    Yields:
        The batches of an envelope and its bytes; an envelope that does not fit
        is halved, between its batches and then between the events of one.
    """
    for _, own in groupby(sorted(batches, key=minute_of), minute_of):
        yield from _events(source, list(own), fits)


def _events(
    source: Source, batches: Sequence[AcceptedBatch], fits: Fits
) -> Iterator[tuple[Sequence[AcceptedBatch], bytes]]:
    data = encode(source, batches)
    if len(batches) > 1 and not fits(data):
        for half in halves(batches):
            yield from _events(source, half, fits)
    elif len(batches[0].events) > 1 and not fits(data):
        for events in halves(batches[0].events):
            yield from _events(source, [replace(batches[0], events=events)], fits)
    else:
        yield batches, data


def pack_letters(
    letters: Iterable[DeadLetter], fits: Fits
) -> Iterator[tuple[Sequence[DeadLetter], bytes]]:
    """Encode dead letters of a source, or of none, as ``pack_events`` does events."""
    for _, own in groupby(sorted(letters, key=minute_of), minute_of):
        yield from _letters(list(own), fits)


def _letters(
    letters: Sequence[DeadLetter], fits: Fits
) -> Iterator[tuple[Sequence[DeadLetter], bytes]]:
    data = encode_letters(letters)
    if len(letters) > 1 and not fits(data):
        for half in halves(letters):
            yield from _letters(half, fits)
    else:
        yield letters, data


def by_source(letters: Iterable[DeadLetter]) -> dict[Source | None, list[DeadLetter]]:
    """Group dead letters by source: an envelope has those of one, or of none that is known."""
    groups: dict[Source | None, list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault(letter.source, []).append(letter)
    return groups
