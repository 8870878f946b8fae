"""Cut a stream of bytes into lines of bounded length."""

from collections.abc import Iterator

MAX_LINE_BYTES = 64 * 1024
"""What is kept of one line. The longest sensible log line names the requests of a batch."""


class LineSplitter:
    """Bytes in as they come, whole lines out; memory stays bounded whatever comes."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines that ``chunk`` completes, if any, as one text.

        It has newlines between the lines, none at its end. A line that is too
        long is cut.
        """
        complete, newline, rest = chunk.rpartition(b"\n")
        if newline:
            lines, self._begun = self._begun + complete, b""
            yield _to_text(lines)
        self._begun = (self._begun + rest)[: MAX_LINE_BYTES + 1]  # one more tells that it was cut

    def end(self) -> Iterator[str]:
        """Yield the last line, if it did not end in a newline."""
        if self._begun:
            yield _to_text(self._begun)
            self._begun = b""


def _to_text(lines: bytes) -> str:
    if len(lines) > MAX_LINE_BYTES:  # else none of them can be too long
        lines = b"\n".join(map(_cut, lines.split(b"\n")))
    return lines.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\r")


def _cut(line: bytes) -> bytes:
    return line if len(line) <= MAX_LINE_BYTES else line[:MAX_LINE_BYTES] + "…".encode()
