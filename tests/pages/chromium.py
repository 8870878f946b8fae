"""A real Chromium, driven by its own protocol: no light package for it exists."""

import asyncio
import json
import shutil
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
WHY_NOT: Final = (
    "there is no chromium on the PATH: apt-get install --no-install-recommends chromium"
)

SECONDS: Final = 30.0
_MOST_BYTES: Final = 64 * 1024**2
_ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
_WATCH: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("violates " + event.violatedDirective + " " + event.blockedURI);
});
"""


class Tab:
    """One page of a browser, with its faults.

    Attributes:
        faults: Errors of scripts and violations of the policy, in their order.
        asked: The requested addresses.
    """

    def __init__(self, send: Callable[..., Awaitable[Any]], origin: str) -> None:
        self.faults: list[str] = []
        self.asked: list[str] = []
        self._send = send
        self._origin = origin
        self._loaded = asyncio.Event()

    async def go(self, path: str) -> None:
        """Open a local address, and wait until it has loaded."""
        self._loaded.clear()
        await self._send("Page.navigate", url=self._origin + path)
        await self._wait()

    async def act(self, script: str) -> None:
        """Run a script that leads to another page, and wait until it has loaded."""
        self._loaded.clear()
        await self.ask(script)
        await self._wait()

    async def ask(self, script: str) -> Any:
        """Return the value of a script on the page."""
        said = await self._send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def text(self, selector: str = "main") -> str:
        """Return the text of a selector's first match, as a person sees it."""
        return str(await self.ask(f"document.querySelector({selector!r}).innerText"))

    async def until(self, script: str, seconds: float = SECONDS) -> None:
        """Wait until a script returns true."""
        async with asyncio.timeout(seconds):
            while not await self.ask(script):
                await asyncio.sleep(0.05)

    async def press(self, key: str, code: str | None = None) -> None:
        """Press a key, such as ``ArrowLeft``; its code may differ, such as ``KeyD``."""
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, "Escape": 27}
        for kind in ("keyDown", "keyUp"):
            await self._send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=code or key,
                windowsVirtualKeyCode=codes.get(key, 0),
            )

    async def click(self, text: str) -> None:
        """Click the link or button with a text, which leads to another page."""
        await self.act(f"""(() => {{
            const all = [...document.querySelectorAll("a, button")];
            const found = all.find((it) => it.innerText.trim() === {text!r});
            if (!found) throw new Error("there is no " + {text!r});
            found.click();
        }})()""")

    async def choose(self, **fields: str) -> None:
        """Fill fields of the filters, and submit them."""
        await self.act(f"""(() => {{
            const form = document.querySelector("form.filters");
            for (const [name, value] of Object.entries({json.dumps(fields)}))
              form.elements[name].value = value;
            form.requestSubmit();
        }})()""")

    async def run_first(self, script: str) -> None:
        """Run a script on each page from now on, before the page's own scripts."""
        await self._send("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def without_scripts(self) -> None:
        """Disable the page's scripts from now on."""
        await self._send("Emulation.setScriptExecutionDisabled", value=True)

    async def look(self, *, width: int, dark: bool, height: int = 800) -> None:
        """Set the size and the colours of the screen."""
        await self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._send("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Take a picture of the screen, as PNG."""
        return b64decode((await self._send("Page.captureScreenshot", format="png"))["data"])

    def heard(self, method: str, params: dict[str, Any]) -> None:
        """Record the browser's events."""
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.faults.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.faults.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["source"] != "network":
                self.faults.append(params["entry"]["text"])

    async def _wait(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self._loaded.wait()


class Browser:
    """A running Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    @asynccontextmanager
    async def tab(self, origin: str) -> AsyncIterator[Tab]:
        """Open a page with a separate profile: no cookies, nothing stored."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        session = (
            await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        )["sessionId"]

        async def send(method: str, **params: Any) -> Any:
            return await self.send(method, session, **params)

        tab = self._tabs[session] = Tab(send, origin)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await send(f"{domain}.enable")
        await send("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        try:
            yield tab
        finally:
            await self.send("Target.disposeBrowserContext", browserContextId=context)

    async def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Send a command, and return the answer."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        addressed = {} if session is None else {"sessionId": session}
        await self._socket.send_json(
            {"id": number, "method": method, "params": params, **addressed}
        )
        async with asyncio.timeout(SECONDS):
            return await answer

    async def listen(self) -> None:
        """Read the browser's messages until it ends."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                answer = self._answers.pop(told["id"])
                if "error" in told:
                    answer.set_exception(RuntimeError(str(told["error"])))
                else:
                    answer.set_result(told["result"])
            elif told.get("sessionId") in self._tabs:
                self._tabs[told["sessionId"]].heard(told["method"], told["params"])


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a separate browser."""
    assert CHROMIUM is not None
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *_ARGUMENTS,
            f"--user-data-dir={folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            url = await _address(Path(folder) / "DevToolsActivePort")
            async with (
                aiohttp.ClientSession() as client,
                client.ws_connect(url, max_msg_size=_MOST_BYTES) as socket,
            ):
                running = Browser(socket)
                listening = asyncio.create_task(running.listen())
                try:
                    yield running
                finally:
                    listening.cancel()
        finally:
            process.kill()
            await process.wait()


async def _address(file: Path) -> str:
    async with asyncio.timeout(SECONDS):
        while "\n" not in (told := _read(file)):
            await asyncio.sleep(0.05)
    port, path = told.split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
