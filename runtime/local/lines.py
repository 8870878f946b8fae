"""Cut a stream of bytes into lines of bounded length."""

from collections.abc import Iterator

MAX_LINE_BYTES = 8192
"""What is kept of one line. The longest sensible log line is a stack trace in JSON."""


class LineSplitter:
    """Bytes in as they come, whole lines out; memory stays bounded whatever comes."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield every line that ``chunk`` completes; one that is too long is cut."""
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            line, self._begun = self._begun + piece, b""
            yield _to_text(line)
        self._begun = (self._begun + rest)[: MAX_LINE_BYTES + 1]  # one more tells that it was cut

    def end(self) -> Iterator[str]:
        """Yield the last line, if it did not end in a newline."""
        if self._begun:
            yield _to_text(self._begun)
            self._begun = b""


def _to_text(line: bytes) -> str:
    text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
    return f"{text}…" if len(line) > MAX_LINE_BYTES else text
