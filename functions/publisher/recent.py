"""A bounded sample of recent events, from which repeats are drawn."""

from random import Random
from typing import Final

from functions.publisher.draw import Generated

_SIZE: Final = 4096
_KEPT_ONE_IN: Final = 16
"""When full, so that the sample spans 65,000 events: this request and a few before it."""


class Recent:
    """Events that may be repeated; each has a number, counted from the first one kept."""

    def __init__(self) -> None:
        self._events: list[Generated] = []
        self._kept = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def oldest(self) -> int:
        """The lowest number that can still be drawn, now or later."""
        return self._kept - len(self._events)

    def offer(self, event: Generated, dice: Random) -> int | None:
        """Keep the event in place of the oldest, or drop it.

        Returns:
            The number it is kept under, or None if it will never be drawn.
        """
        if len(self._events) < _SIZE:
            self._events.append(event)
        elif dice.random() * _KEPT_ONE_IN < 1:
            self._events[self._kept % _SIZE] = event
        else:
            return None
        self._kept += 1
        return self._kept - 1

    def draw(self, dice: Random) -> tuple[int, Generated]:
        """Draw a kept event with its number; there must be one."""
        number = self.oldest + int(dice.random() * len(self._events))
        return number, self._events[number % _SIZE]
