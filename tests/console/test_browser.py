"""The console in real Chromium: it opens, draws the gates, a key works, nothing is asked for from elsewhere."""

import re
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.console.chromium import BINARY, browsing
from tests.console.test_web import PASSWORD, served

pytestmark = [pytest.mark.real, pytest.mark.skipif(BINARY is None, reason="chromium is not installed")]


async def test_a_manager_opens_it_with_a_password_and_a_key_turns_the_page(tmp_path: Path) -> None:
    with served(tmp_path, password=True) as port:
        async with browsing(tmp_path, f"http://kari:{PASSWORD}@127.0.0.1:{port}/") as page:
            await page.draws("Gates")
            await page.draws("browser) (manager)")
            await page.draws("No gate has spoken")
            before, drawn = len(page.frames), await page.picture()
            await page.press("3")
            await page.draws("Nobody is on site", since=before)
            assert await page.picture() != drawn
            assert await page.value("document.title") == "Portvakt"
            # Its style sheets are there: without them the page is moved, and the keys at its bottom are cut off.
            assert await page.value("document.documentElement.scrollHeight <= innerHeight")
            assert page.complaints == []
            hosts = {urlsplit(url).netloc.rpartition("@")[2] for url in page.asked if url.startswith(("http", "ws"))}
            assert hosts == {f"127.0.0.1:{port}"}
    # Something was drawn, not one grey page.
    colours = Image.open(BytesIO(drawn)).convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 20


async def test_without_a_password_a_browser_looks_and_presses_nothing(tmp_path: Path) -> None:
    with served(tmp_path, password=False) as port:
        async with browsing(tmp_path, f"http://localhost:{port}/") as page:
            await page.draws("browser) (viewer)")
            before = len(page.frames)
            await page.press("E")
            await page.press("?")
            await page.draws("Keys", since=before)
            assert not re.search("EVACUATE", "".join(page.frames))
