import socket
from contextlib import suppress

from runtime.local.supervisor.liveness_watch import _is_silent, watch_liveness


class Watched:
    """A function that hangs and answers as told; ends the watch after the last answer."""

    def __init__(self, answers: list[bool]) -> None:
        self.hangs = answers
        self.told: list[str] = []

    async def ask(self, _url: str) -> bool:
        if not self.hangs:
            raise EOFError
        return self.hangs.pop(0)

    async def watch(self) -> list[str]:
        with suppress(EOFError):
            await watch_liveness(
                lambda: [("fb-collector", "http://x", 7)],
                self.told.append,
                is_silent=self.ask,
                every_seconds=0,
            )
        return self.told


async def test_a_function_that_hangs_is_reported_once_and_again_when_it_answers() -> None:
    assert await Watched([True, True, True, False, False]).watch() == [
        (
            "fb-collector hangs: /health/live gave no answer within 2 s; "
            "kill -KILL 7 makes it restart"
        ),
        "fb-collector answers again",
    ]


async def test_one_slow_answer_is_not_reported() -> None:
    assert await Watched([True, False, True, False]).watch() == []


async def test_a_server_that_takes_connections_and_says_nothing_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        silent = await _is_silent(url)
    closed = await _is_silent(url)

    assert (silent, closed) == (True, False)
