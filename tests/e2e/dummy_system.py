"""A system of dummy functions, run by test_supervisor as a separate process.

``dummy_system.py FOLDER NAME…``: each function answers on its port and notes
in FOLDER/stops that it was asked to stop; one named ``stubborn`` does not end.
"""

import asyncio
import sys
from pathlib import Path

from runtime.local.supervisor.plan import PlannedFunction, UpOptions
from runtime.local.supervisor.supervisor import up

_FUNCTION = """
import http.server, os, pathlib, signal, sys
name, stops = sys.argv[1:]
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
def stop(*_):
    with open(stops, "a") as file:
        file.write(name + "\\n")
    if name != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("hello from", name)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""

_PUBLISHER = """
import signal, sys
def stop(*_):
    with open(sys.argv[1], "a") as file:
        file.write("publisher\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("publishing")
signal.pause()
"""

_TABLE = {
    "gateway": ("gateway_port", 1),
    "fb-collector": ("fb_collector_port", 2),
    "stubborn": ("ttk_collector_port", 2),
    "broken": ("ttk_collector_port", 2),
    "reporter": ("reporter_port", 3),
}


def _function(name: str, stops: Path) -> PlannedFunction:
    code = "raise SystemExit(3)" if name == "broken" else _FUNCTION
    return PlannedFunction(name, *_TABLE[name], (sys.executable, "-c", code, name, str(stops)))


def main() -> int:
    """Run it; returns the exit code."""
    folder, *names = sys.argv[1:]
    stops = Path(folder) / "stops"
    publisher = (sys.executable, "-c", _PUBLISHER, str(stops))
    options = UpOptions(data_dir=Path(folder) / "data")
    functions = [_function(name, stops) for name in names]
    return asyncio.run(up(options, functions=functions, publisher=publisher))


if __name__ == "__main__":
    sys.exit(main())
