"""The console in a browser: a real server, real connections, the real program behind them."""

import asyncio
import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType

from hub.config import ConsoleWebSettings, load_config
from hub.console.web import password_of, said
from portvakt.errors import SettingsError
from tests.waiting import wait_for

PASSWORD = "a-long-password-7"


def typed(password: str) -> dict[str, str]:
    """As a browser says what somebody has typed."""
    return {"Authorization": f"Basic {base64.b64encode(f'kari:{password}'.encode()).decode()}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path, *, password: bool) -> Iterator[int]:
    port = free_port()
    text = f'site = "yard"\nstate_dir = "{folder}/state"\n[console]\neverybody_else = "manager"\n'
    text += f"[console.web]\nport = {port}\n"
    if password:
        (folder / "password").write_text(f"{PASSWORD}\n")
        (folder / "password").chmod(0o600)
        text += 'password_file = "password"\n'
    (folder / "hub.toml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "hub",
        "console",
        "--web",
        "--language",
        "en",
        "--config",
        str(folder / "hub.toml"),
    ]
    log = folder / "web.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=os.environ) as server:
        try:
            wait_for("the server", lambda: answers(port) or server.poll() is not None, 20)
            assert server.poll() is None, log.read_text()
            yield port
        finally:
            server.terminate()
            server.wait(10)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_page_of_our_own_gets_the_console_and_no_other_does(tmp_path: Path) -> None:
    with served(tmp_path, password=True) as port:
        address = f"http://127.0.0.1:{port}"
        known = typed(PASSWORD)
        async with ClientSession() as browser:
            assert (await browser.get(address)).status == 401
            assert (await browser.get(f"{address}/ws")).status == 403
            assert (await browser.get(address, headers=typed("guess"))).status == 401
            # Another name for this machine, as a page elsewhere may make one up.
            assert (await browser.get(address, headers={**known, "Host": f"evil.example:{port}"})).status == 403
            page = await browser.get(address, headers=known)
            text = await page.text()
            assert page.status == 200
            assert "Portvakt" in text
            assert "googleapis" not in text
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]
            foreign = await browser.get(f"{address}/ws", headers={**known, "Origin": "http://evil.example"})
            assert foreign.status == 403
            drawn = await drawn_by(browser, port, known)
            assert "Gates" in drawn
            assert "browser) (manager)" in drawn


async def test_without_a_password_a_browser_only_looks(tmp_path: Path) -> None:
    with served(tmp_path, password=False) as port:
        async with ClientSession() as browser:
            drawn = await drawn_by(browser, port, {})
        assert "browser) (viewer)" in drawn
        log = (tmp_path / "web.log").read_text()
        assert "nobody in a browser can press anything" in log
        assert f"http://127.0.0.1:{port}" in log


async def drawn_by(browser: ClientSession, port: int, headers: dict[str, str]) -> str:
    """What the program behind the page writes until it has drawn itself."""
    url = f"http://127.0.0.1:{port}/ws?width=110&height=30"
    drawn = b""
    async with browser.ws_connect(url, headers=headers, origin=f"http://127.0.0.1:{port}") as line:
        async with asyncio.timeout(30):
            async for message in line:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    drawn += message.data if isinstance(message.data, bytes) else message.data.encode()
                if b"quit" in drawn and b"browser)" in drawn:
                    break
    return drawn.decode(errors="replace")


def test_other_hosts_need_a_password_or_a_proxy(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('site = "yard"\n[console.web]\nhost = "0.0.0.0"\n')
    with pytest.raises(SettingsError, match=r"line 3, console.web.host: others can reach it; set password_file"):
        load_config(file)
    for more in ("behind_proxy = true", 'password_file = "credential:console.password"'):
        file.write_text(f'site = "yard"\n[console.web]\nhost = "0.0.0.0"\n{more}\n')
        assert load_config(file).console.web.host == "0.0.0.0"


def test_a_password_that_others_may_read_or_guess_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = ConsoleWebSettings(password_file=str(file))
    with pytest.raises(SettingsError, match="cannot be read"):
        password_of(settings)
    file.write_text(PASSWORD)
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="others may read it"):
        password_of(settings)
    file.chmod(0o600)
    assert password_of(settings) == PASSWORD.encode()
    file.write_text("short")
    with pytest.raises(SettingsError, match="at least 12 characters"):
        password_of(settings)


def test_a_password_that_crosses_the_network_in_the_clear_is_told() -> None:
    open_to_all = ConsoleWebSettings(host="0.0.0.0", password_file="p")
    assert "in the clear" in said(open_to_all, trusted=True, password=True)
    behind = ConsoleWebSettings(host="0.0.0.0", password_file="p", public_url="https://console.example")
    assert said(behind, trusted=True, password=True) == "the console is at https://console.example (Ctrl-C ends it)"
