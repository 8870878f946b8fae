"""The health check of containers."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtime.cli import probe
from runtime.local.embedded.tcp_ports import free_port


@contextmanager
def a_function(status: int, body: bytes = b"", asked: list[str] | None = None) -> Iterator[int]:
    """Serve one answer to everything, and yield the port; record the requested paths."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()


def test_a_function_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()
    with a_function(200, b'{"events":"full"}', asked) as port:
        monkeypatch.setenv("PORT", str(port))
        probe.main([])

    assert asked == ["/health/ready"]


def test_a_ready_function_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_function(200) as port:
        monkeypatch.setenv("PORT", str(port))

        assert probe.main([]) == 0


def test_a_function_that_is_not_ready_is_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_function(503) as port:
        monkeypatch.setenv("PORT", str(port))

        assert probe.main([]) == 1

    assert capsys.readouterr().err == (f"http://127.0.0.1:{port}/health/ready: it answered 503\n")


@pytest.mark.parametrize(
    ("body", "said"),
    [(b'{"events":"full"}', f"{probe.FULL}\n"), (b'{"checks":{}}', ""), (b"[]", "")],
)
def test_a_ready_gateway_without_room_for_events_is_well_and_says_so(
    body: bytes, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_function(200, body) as port:
        monkeypatch.setenv("PORT", str(port))

        assert probe.main([]) == 0

    assert capsys.readouterr().out == said


def test_without_a_port_whichever_function_listens_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PORT", raising=False)
    with a_function(200) as ready, a_function(503) as unready:
        monkeypatch.setattr(probe, "PORTS", [free_port(), ready])
        assert probe.main([]) == 0

        monkeypatch.setattr(probe, "PORTS", [free_port(), unready])
        assert probe.main([]) == 1


def test_where_nobody_listens_nothing_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setattr(probe, "PORTS", [free_port()])

    assert probe.main([]) == 1


def test_what_speaks_no_http_must_take_a_connection() -> None:
    with a_function(200) as port:
        assert probe.fault(f"tcp://127.0.0.1:{port}") == ""
    assert "refused" in probe.fault(f"tcp://127.0.0.1:{port}")
