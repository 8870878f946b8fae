"""Runs functions in LocalStack: its own environment imports this, without the project.

Each execution environment is a process of AWS's runtime client, and the runtime API that
it calls. LocalStack's own executor needs Docker and a program from GitHub.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

_DIED = json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "it died"}).encode()
_PROCESSES: set[subprocess.Popen[bytes]] = set()


@atexit.register
def _end() -> None:
    for process in _PROCESSES:
        process.kill()


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc]
    """An execution environment."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002 - LocalStack's name
        super().__init__(id, function_version)
        self._waiting: Queue[dict[str, str]] = Queue()
        self._current: Future[InvocationResult] | None = None
        self._asked = threading.Event()

    def start(self, env_vars: dict[str, Any]) -> None:
        executor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                process = executor._process
                executor._asked.set()
                while True:
                    try:
                        request = executor._waiting.get(timeout=1)
                    except Empty:
                        if process.poll() is not None:
                            return
                        continue
                    if process.poll() is None:
                        break
                    executor._waiting.put(request)  # it is for the process after this one
                    return
                body = request["payload"].encode()
                self.send_response(200)
                seconds = executor.function_version.config.timeout
                for name, value in {
                    "Lambda-Runtime-Aws-Request-Id": request["invoke-id"],
                    "Lambda-Runtime-Deadline-Ms": int((time.time() + seconds) * 1000),
                    "Lambda-Runtime-Invoked-Function-Arn": request["invoked-function-arn"],
                    "Content-Type": "application/json",
                    "Content-Length": len(body),
                }.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                executor._settle(body, is_error=self.path.endswith("/error"))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._env_vars = env_vars
        self._run()

    def _run(self) -> None:
        """Start the process; Lambda also starts one in place of another that has died."""
        self._asked.clear()
        env_vars = self._env_vars
        code = self.function_version.config.code.get_unzipped_code_location()
        with Path(os.environ["FUNCTION_LOGS"], f"{self.id}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-m", "awslambdaric", env_vars["_HANDLER"]],
                env={
                    **{name: str(value) for name, value in env_vars.items()},
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                    "PYTHONPATH": f"{code}:{os.environ['RUNTIME_CLIENT']}",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PATH": os.environ["PATH"],
                    "TZ": "UTC",
                },
                cwd=code,
                stdout=log,
                stderr=log,
            )
        _PROCESSES.add(self._process)
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()
        if not self._asked.wait(30) or self._process.poll() is not None:
            raise RuntimeError("the function does not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        _PROCESSES.discard(self._process)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        if self._process.poll() is not None:
            self._run()
        self._current = Future()
        self._invoke_id = payload["invoke-id"]
        self._waiting.put(payload)
        if self._process.poll() is not None:  # before it could be watched for this one
            self._settle(_DIED, is_error=True)
        return self._current.result(timeout=900)

    def _settle(self, body: bytes, *, is_error: bool) -> None:
        if self._current and not self._current.done():
            self._current.set_result(InvocationResult(self._invoke_id, body, is_error, logs=""))

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Settle the current invocation when its process dies."""
        process.wait()
        self._asked.set()
        self._settle(_DIED, is_error=True)

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return ""

    def get_logs(self) -> str:
        return ""

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        function_version.config.code.cleanup()


class Plugin(RuntimeExecutorPlugin):  # type: ignore[misc]
    """Names the executor for ``LAMBDA_RUNTIME_EXECUTOR``."""

    name = "process"

    def load(self, *_: object, **__: object) -> type[ProcessExecutor]:
        return ProcessExecutor
