import pytest

from runtime.local.embedded.process import MAX_LINE_BYTES, LineSplitter


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

    texts = [text for chunk in chunks for text in splitter.feed(chunk)]

    assert [line for text in [*texts, *splitter.end()] for line in text.split("\n")] == lines


@pytest.mark.parametrize("chunk_bytes", [MAX_LINE_BYTES * 3, 1000, 7])
def test_a_line_without_an_end_is_cut(chunk_bytes: int) -> None:
    splitter = LineSplitter()
    endless = b"x" * MAX_LINE_BYTES * 3
    chunks = [endless[at : at + chunk_bytes] for at in range(0, len(endless), chunk_bytes)]

    texts = [text for chunk in [*chunks, b"\nnext\n"] for text in splitter.feed(chunk)]

    assert "\n".join(texts) == "x" * MAX_LINE_BYTES + "…\nnext"


def test_lines_that_come_together_are_passed_on_together() -> None:
    splitter = LineSplitter()

    assert list(splitter.feed(b"one\ntwo\nthr")) == ["one\ntwo"]
    assert list(splitter.feed(b"ee\n")) == ["three"]


def test_one_line_that_is_too_long_leaves_those_beside_it_whole() -> None:
    long = b"x" * (MAX_LINE_BYTES + 1)

    (text,) = LineSplitter().feed(b"before\n" + long + b"\nafter\n")

    assert text.split("\n") == ["before", "x" * MAX_LINE_BYTES + "…", "after"]
