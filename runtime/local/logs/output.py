"""One terminal for many processes: whole lines, labelled by name, without blocking."""

from runtime.local.embedded.process import OnLine
from runtime.local.logs.files import LogFiles
from runtime.local.logs.form import as_json, of_process, readable
from runtime.telemetry.lines import LineWriter

_GATHER_SECONDS = 0.01
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


class Output:
    """Writes lines to a descriptor; a paused terminal stops no process."""

    def __init__(
        self,
        descriptor: int,
        *,
        width: int,
        coloured: bool,
        is_json: bool = False,
        files: LogFiles | None = None,
    ) -> None:
        """Begin to write.

        Args:
            descriptor: The output; it stays open.
            width: Columns of every name; more, once there is a longer one.
            coloured: Whether names are coloured.
            is_json: Whether everything is written as JSON lines instead of for a person.
            files: Where lines are also kept, as JSON; None for nowhere.
        """
        self._files = files
        self._is_json = is_json
        self._lines = LineWriter(descriptor, gather_seconds=_GATHER_SECONDS, tell_lost=_tell_lost)
        self._width = width
        self._coloured = coloured
        self._names = 0

    def named(self, name: str) -> OnLine:
        """Make a writer whose lines are labelled ``name``."""
        colour = colour_of(self._names) * self._coloured
        self._names += 1
        self._width = max(self._width, len(name))

        def write(text: str) -> None:
            lines = text.split("\n")
            if self._files or self._is_json:
                kept = [as_json(name, line) for line in lines]
                if self._files:
                    self._files.write(name, "\n".join(kept))
                if self._is_json:
                    self._put("\n".join(of_process(name, line) for line in kept))
                    return
            head = prefix(name, self._width, colour)
            shown = "\n".join(map(readable, lines))
            self._put(head + shown.replace("\n", "\n" + head))

        return write

    def write(self, text: str) -> None:
        """Write a text for a person, soon; returns at once. In JSON it is one line."""
        self._put(as_json("eps", text) if self._is_json else text)

    def close(self) -> None:
        """Write the waiting lines, for as long as that makes sense."""
        self._lines.close()
        if self._files:
            self._files.close()

    def _put(self, lines: str) -> None:
        self._lines.write(f"{lines}\n".encode("utf-8", "replace"))


def colour_of(place: int) -> int:
    """Return the colour of the process at a place in the list."""
    return _COLOURS[place % len(_COLOURS)]


def prefix(name: str, width: int, colour: int = 0) -> str:
    """Make the head of a line; colour 0 is none."""
    head = f"{name:<{width}} | "
    return f"\x1b[{colour}m{head}\x1b[0m" if colour else head


def _tell_lost(lines: int) -> bytes:
    return b"(%d lines are not shown)\n" % lines
