"""Drives headless Chromium through its DevTools: open a page, ask it things, take its picture."""

# ruff: noqa: ASYNC110, ASYNC240 - polls a browser in a test, where nothing else needs the loop
import asyncio
import base64
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-extensions",
         "--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-port=0")  # fmt: skip


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []  # every address that the page asked for
        self.complaints: list[str] = []  # what it wrote to its console, and exceptions

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a DevTools *method*."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(60):
            while True:
                told = await self._socket.receive_json()
                if told.get("id") == number:
                    if "error" in told:
                        raise RuntimeError(f"{method}: {told['error']}")
                    return dict(told["result"])
                self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        method, parameters = told.get("method"), told.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(str(parameters["entry"].get("text")))

    async def open(self, address: str, width: int = 1280, height: int = 1500, dark: bool = False) -> None:
        """Go to *address*."""
        for domain in ("Network", "Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await self.call("Page.navigate", url=address)

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript *expression*."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 60.0) -> None:
        """Return once *expression* is true in the page."""
        async with asyncio.timeout(seconds):
            while not await self.ask(expression):
                await asyncio.sleep(0.05)

    async def picture(self, path: Path) -> bytes:
        """A PNG of the page, also kept at *path*."""
        image = base64.b64decode((await self.call("Page.captureScreenshot", captureBeyondViewport=True))["data"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
        return image


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A fresh browser with one tab; its profile lies in *folder*."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _port(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(60):
        while not (file.exists() and file.read_text().strip()):
            if process.returncode is not None:
                raise RuntimeError(f"Chromium ended with {process.returncode}")
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
