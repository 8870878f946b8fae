import pytest

from runtime.local.supervisor.keeper import Backoff, how_it_ended


def test_the_delay_doubles_up_to_a_limit() -> None:
    backoff = Backoff()

    delays = [backoff.after(ran_seconds=1) for _ in range(8)]

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


def test_the_delay_is_reset_after_a_long_run() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(ran_seconds=1)

    assert backoff.after(ran_seconds=30) == 0.2
    assert backoff.after(ran_seconds=1) == 0.4


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exited with 0"), (3, "exited with 3"), (-9, "was ended by SIGKILL")]
)
def test_an_end_is_put_into_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
