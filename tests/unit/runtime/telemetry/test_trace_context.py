"""The ``traceparent`` header, as in https://www.w3.org/TR/trace-context-1/."""

import pytest

from runtime.telemetry.trace_context import trace_id_of, trace_parent_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize("good", [GOOD, f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-ff"])
def test_a_valid_header_is_kept(good: str) -> None:
    assert trace_parent_of([good]) == good
    assert trace_id_of(good) == TRACE


@pytest.mark.parametrize(
    "later", [f"cc-{TRACE}-{PARENT}-01", f"01-{TRACE}-{PARENT}-01-more-to-come"]
)
def test_one_of_a_later_version_is_read_as_far_as_it_is_known(later: str) -> None:
    assert trace_parent_of([later]) == GOOD


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [GOOD, GOOD],
        [""],
        [GOOD.upper()],
        [f" {GOOD}"],
        [f"{GOOD}\n"],
        [f"{GOOD}-"],
        [f"{GOOD}-more"],
        [f"ff-{TRACE}-{PARENT}-01"],
        [f"0-{TRACE}-{PARENT}-01"],
        [f"01-{TRACE}-{PARENT}-01.more"],
        [f"00-{'0' * 32}-{PARENT}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE[1:]}-{PARENT}-01"],
        [f"00-{TRACE}-{PARENT[1:]}-01"],
        [f"00-{TRACE}-{PARENT}-1"],
        [f"00-{TRACE}-{PARENT}"],
        [f"00-{TRACE[1:]}g-{PARENT}-01"],
        [f"00_{TRACE}_{PARENT}_01"],
        [f"00-{TRACE}-{PARENT}-\u0660\u0661"],
    ],
)
def test_a_bad_one_is_none(headers: list[str]) -> None:
    assert trace_parent_of(headers) is None
