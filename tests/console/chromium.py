"""A real browser without a window, by its DevTools protocol: what it gets, what it is told to type, what it draws."""

import asyncio
import base64
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.waiting import wait_for_async

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_S, ANSWER_S = 60.0, 30.0


class Page:
    """One page of it. `frames` are what came through its websockets, `complaints` what it says is wrong."""

    def __init__(self, line: ClientWebSocketResponse) -> None:
        self._line = line
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.frames: list[str] = []
        self.complaints: list[str] = []
        self.asked: list[str] = []

    async def listen(self) -> None:
        async for message in self._line:
            if message.type is WSMsgType.TEXT:
                self._take(json.loads(message.data))

    def _take(self, said: dict[str, Any]) -> None:
        if "id" in said:
            self._answers.pop(said["id"]).set_result(said)
            return
        given = said.get("params", {})
        match said.get("method"):
            case "Network.webSocketFrameReceived":
                frame = given["response"]
                binary = frame["opcode"] == 2
                data = base64.b64decode(frame["payloadData"]) if binary else frame["payloadData"].encode()
                self.frames.append(data.decode(errors="replace"))
            case "Network.requestWillBeSent":
                self.asked.append(given["request"]["url"])
            case "Log.entryAdded" if given["entry"]["level"] == "error":
                self.complaints.append(given["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(given["exceptionDetails"]["text"])

    async def tell(self, method: str, **given: Any) -> dict[str, Any]:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._line.send_json({"id": self._number, "method": method, "params": given})
        async with asyncio.timeout(ANSWER_S):
            said: dict[str, Any] = await answer
        assert "error" not in said, said
        return dict(said["result"])

    async def value(self, script: str) -> Any:
        """What a line of JavaScript is."""
        said = await self.tell("Runtime.evaluate", expression=script, returnByValue=True)
        return said["result"].get("value")

    async def press(self, key: str) -> None:
        """As the keyboard does it."""
        await self.tell("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.tell("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self) -> bytes:
        """PNG."""
        said = await self.tell("Page.captureScreenshot", format="png")
        return base64.b64decode(said["data"])

    async def draws(self, what: str, *, since: int = 0) -> None:
        """Wait until that has come to be drawn."""
        await wait_for_async(f"{what!r} in the browser", lambda: what in "".join(self.frames[since:]))


@asynccontextmanager
async def browsing(folder: Path, address: str) -> AsyncIterator[Page]:
    """A browser that has gone there."""
    assert BINARY is not None
    profile = folder / "chromium"
    command = [
        BINARY, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--window-size=1000,640",
        "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    with (
        (folder / "chromium.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as browser,
    ):
        try:
            port = profile / "DevToolsActivePort"
            await wait_for_async("the browser", _told(port), START_S)
            async with ClientSession() as session:
                where = f"http://127.0.0.1:{port.read_text().split()[0]}/json/list"
                pages = await (await session.get(where)).json()
                url = next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page")
                async with session.ws_connect(url, max_msg_size=0) as line:
                    page = Page(line)
                    listening = asyncio.create_task(page.listen())
                    for domain in ("Network", "Page", "Log", "Runtime"):
                        await page.tell(f"{domain}.enable")
                    await page.tell("Page.navigate", url=address)
                    try:
                        yield page
                    finally:
                        listening.cancel()
        finally:
            browser.send_signal(signal.SIGTERM)
            browser.wait(20)


def _told(port: Path) -> Callable[[], bool]:
    return lambda: port.exists() and bool(port.read_text().strip())
