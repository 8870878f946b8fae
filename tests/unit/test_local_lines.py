import pytest

from runtime.local.lines import MAX_LINE_BYTES, LineSplitter


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\nt", b"wo\n"], ["one", "two"]),
        ([b"\n\n"], ["", ""]),
        ([b"windows\r\n"], ["windows"]),
        ([b"\xff\n"], ["\ufffd"]),
        ([b"no newline"], ["no newline"]),
        ([], []),
    ],
)
def test_whole_lines_come_out_however_the_bytes_come_in(
    chunks: list[bytes], lines: list[str]
) -> None:
    splitter = LineSplitter()

    out = [line for chunk in chunks for line in splitter.feed(chunk)]

    assert [*out, *splitter.end()] == lines


@pytest.mark.parametrize("chunk_bytes", [MAX_LINE_BYTES * 3, 1000, 1])
def test_a_line_without_an_end_is_cut(chunk_bytes: int) -> None:
    splitter = LineSplitter()
    endless = b"x" * MAX_LINE_BYTES * 3
    chunks = [endless[at : at + chunk_bytes] for at in range(0, len(endless), chunk_bytes)]

    lines = [line for chunk in [*chunks, b"\nnext\n"] for line in splitter.feed(chunk)]

    assert lines == ["x" * MAX_LINE_BYTES + "…", "next"]
