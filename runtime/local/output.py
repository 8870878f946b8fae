"""One terminal for many processes: whole lines, told apart by name, nobody kept waiting."""

from runtime.lines import LineWriter
from runtime.local.process import OnLine

_GATHER_SECONDS = 0.01
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


class Output:
    """Writes lines to a descriptor; a terminal that stands still stops no process."""

    def __init__(self, descriptor: int, *, width: int, coloured: bool) -> None:
        """Begin to write.

        Args:
            descriptor: Where to; it stays open.
            width: Columns that every name takes; more, once there is a longer one.
            coloured: Whether names are coloured.
        """
        self._lines = LineWriter(descriptor, gather_seconds=_GATHER_SECONDS, tell_lost=_tell_lost)
        self._width = width
        self._coloured = coloured
        self._names = 0
        self.close = self._lines.close

    def named(self, name: str) -> OnLine:
        """Make a writer whose lines bear ``name``."""
        colour = _COLOURS[self._names % len(_COLOURS)] * self._coloured
        self._names += 1
        self._width = max(self._width, len(name))

        def write(lines: str) -> None:
            head = prefix(name, self._width, colour)
            self.write(head + lines.replace("\n", "\n" + head))

        return write

    def write(self, lines: str) -> None:
        """Write one line, or several with newlines between them, soon; returns at once."""
        self._lines.write(f"{lines}\n".encode("utf-8", "replace"))


def prefix(name: str, width: int, colour: int = 0) -> str:
    """Make the head of a line; colour 0 is none."""
    head = f"{name:<{width}} | "
    return f"\x1b[{colour}m{head}\x1b[0m" if colour else head


def _tell_lost(lines: int) -> bytes:
    return b"(%d lines are not shown)\n" % lines
