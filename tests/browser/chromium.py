"""Debian's Chromium without a window, spoken to in its own protocol (Chrome DevTools Protocol).

That needs nothing beside aiohttp, which the server stands on already.
"""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import until

PATIENCE_S = 30
_FLAGS = (
    "--headless",
    "--no-sandbox",  # tests may run as root; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--password-store=basic",
    "--remote-debugging-port=0",
    # Whatever a page or the browser itself asks for: nothing leaves this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
Json = dict[str, Any]


def find_chromium() -> str | None:
    """Give the program, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One tab, with all that its console and network said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requested: list[str] = []
        self.console: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._loads = 0
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def begin(self) -> None:
        """Let the browser tell what happens."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def end(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def send(self, method: str, **params: Any) -> Json:
        """Give the answer to a command."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE_S):
            result: Json = await answer
        return result

    async def open(self, url: str) -> None:
        """Go to `url` and wait until it is there."""
        loads = self._loads
        await self.send("Page.navigate", url=url)
        await self._until(lambda: self._loads > loads)

    async def press(self, selector: str) -> None:
        """Click a button that leads to another page, and wait for that page."""
        loads = self._loads
        await self.click(selector)
        await self._until(lambda: self._loads > loads)

    async def click(self, selector: str) -> None:
        """Click as a person does, and wait for nothing."""
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def fill(self, **fields: str) -> None:
        """Write into the fields that have these names."""
        for name, text in fields.items():
            field = f"document.querySelector('[name={name}]')"
            await self.run(f"{field}.value = {json.dumps(text)}")

    async def text(self) -> str:
        """Give what the page shows."""
        shown: str = await self.run("document.body.innerText")
        return shown

    async def path(self) -> str:
        path: str = await self.run("location.pathname")
        return path

    async def run(self, expression: str) -> Any:
        """Give the value of JavaScript that the browser runs beside the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def seen(self, url_start: str) -> str:
        """Wait until the page asks for an address that starts so, and give it."""
        await self._until(lambda: any(one.startswith(url_start) for one in self.requested))
        return next(one for one in self.requested if one.startswith(url_start))

    async def complaint(self) -> str:
        """Wait until the console has a message, and give the first."""
        await self._until(lambda: bool(self.console))
        return self.console[0]

    async def resize(self, width: int, height: int) -> None:
        """Be a phone of this size."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=True,
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(condition)

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._answer(said)
                continue
            async with self._changed:
                self._note(said["method"], said["params"])
                self._changed.notify_all()

    def _answer(self, said: Json) -> None:
        waiting = self._answers.pop(said["id"])
        if waiting.done():
            return
        if "error" in said:
            waiting.set_exception(RuntimeError(said["error"]["message"]))
        else:
            waiting.set_result(said["result"])

    def _note(self, event: str, params: Json) -> None:
        if event == "Page.loadEventFired":
            self._loads += 1
        elif event == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif event == "Log.entryAdded":
            entry = params["entry"]
            self.console.append(f"{entry['source']}: {entry['text']}")
        elif event == "Runtime.consoleAPICalled":
            self.console.append(json.dumps(params["args"]))
        elif event == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["text"])


@asynccontextmanager
async def chromium(program: str, folder: Path) -> AsyncIterator[Tab]:
    """Run a browser that keeps everything in `folder`, and give its tab."""
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    try:
        async with aiohttp.ClientSession() as session:
            port = await _port(process, folder / "DevToolsActivePort")
            async with session.ws_connect(
                await _tab_address(session, port), max_msg_size=0
            ) as socket:
                tab = Tab(socket)
                await tab.begin()
                yield tab
                await tab.end()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def _port(process: "subprocess.Popen[bytes]", file: Path) -> int:
    async def told() -> str:
        assert process.poll() is None, "Chromium has ended"
        return file.read_text().strip() if file.exists() else ""

    # The browser tells its port in a file and in no other way.
    return int((await until(told, within_s=PATIENCE_S)).split()[0])


async def _tab_address(session: aiohttp.ClientSession, port: int) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json") as answer:
        tabs: list[Json] = await answer.json()
    address: str = next(one for one in tabs if one["type"] == "page")["webSocketDebuggerUrl"]
    return address
