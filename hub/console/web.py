"""The console in a browser, by textual-serve: one process of it for each page that is opened.

A browser is no terminal: every page that somebody has open in another tab may try to speak to this address. So a
request has to name the host that it was meant for, a connection has to come from a page of our own, and without a
password, or a proxy that asks for one, nobody who comes this way can press anything.
"""

import asyncio
import base64
import binascii
import hmac
import logging
import re
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

from hub.config import ConsoleWebSettings, HubConfig, is_loopback
from portvakt.credentials import seen_by_others
from portvakt.errors import SettingsError

log = logging.getLogger(__name__)

TITLE = "Portvakt"
LEAST_PASSWORD = 12
WRONG_PASSWORD_S = 1.0
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self' {socket}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Nothing from anywhere else: a site's hub may have no way to the internet, and its pages are nobody's business."""
_LINK = re.compile(r"<link[^>]*href=\"(https?://[^\"]*)\"[^>]*>", re.DOTALL)

_FOCUS = """<script>
const wait = setInterval(() => {
  const keyboard = document.querySelector(".xterm-helper-textarea");
  if (keyboard) { keyboard.focus(); clearInterval(wait); }
}, 100);
</script>"""
"""Keys work from the beginning on, without a click."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(settings: ConsoleWebSettings, words: Sequence[str], *, invented: bool) -> int:
    """Serve until stopped. `words` are those of `hub` that open the console. Raises SettingsError."""
    password = password_of(settings)
    trusted = invented or password is not None or settings.behind_proxy
    command = [sys.executable, "-m", "hub", *words, "--in-browser", "press" if trusted else "look"]
    server = ConsoleServer(settings, shlex.join(command), password)
    print(said(settings, trusted=trusted, password=password is not None), flush=True)
    server.serve()
    return 0


def settings_of(config: HubConfig | None) -> ConsoleWebSettings:
    """Where it is served; for the invented site on this machine alone."""
    return config.console.web if config is not None else ConsoleWebSettings()


def said(settings: ConsoleWebSettings, *, trusted: bool, password: bool) -> str:
    """What whoever starts it has to know."""
    address = settings.public_url or f"http://{_host(settings)}"
    lines = [f"the console is at {address} (Ctrl-C ends it)"]
    if not is_loopback(settings.host) and password and not (settings.public_url or "").startswith("https:"):
        lines.append("its password crosses the network in the clear: put a proxy with TLS in front of it")
    if not trusted:
        lines.append("without [console.web] password_file nobody in a browser can press anything, only look")
    return "\n".join(lines)


def password_of(settings: ConsoleWebSettings) -> bytes | None:
    """What browsers are asked for; None when nothing. Raises SettingsError."""
    if settings.password_file is None:
        return None
    file = Path(settings.password_file)
    try:
        if seen_by_others(file):
            raise SettingsError(f"console.web.password_file: {file}: others may read it; chmod 600 it, and change it")
        password = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as broken:
        raise SettingsError(f"console.web.password_file: {file}: cannot be read ({broken})") from broken
    if len(password) < LEAST_PASSWORD:
        raise SettingsError(f"console.web.password_file: {file}: at least {LEAST_PASSWORD} characters")
    return password.encode()


class ConsoleServer(Server):
    """textual-serve's, with a door."""

    def __init__(self, settings: ConsoleWebSettings, command: str, password: bytes | None) -> None:
        public = settings.public_url or f"http://{_host(settings)}"
        super().__init__(command, settings.host, settings.port, title=TITLE, public_url=public)
        self._password = password
        self._hosts = _hosts(settings)
        # Behind a proxy a request may rightly bear another name than the one that browsers use.
        self._own_name = None if settings.public_url else _host(settings)

    def initialize_logging(self) -> None:
        """The hub's own."""

    async def on_startup(self, app: web.Application) -> None:
        """No banner."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._door)
        return app

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host.casefold() not in self._hosts:
            # Another name for this machine, made up by a page elsewhere (DNS rebinding).
            raise web.HTTPForbidden(text="This is not the address of the console; see [console.web] public_url.\n")
        if request.path == "/ws" and not self._ours(request.headers.get("Origin")):
            raise web.HTTPForbidden(text="Only the console's own page may connect here.\n")
        if self._password is not None and not await self._known(request.headers.get("Authorization", "")):
            raise web.HTTPUnauthorized(
                text="The password of [console.web] password_file.\n",
                headers={"WWW-Authenticate": f'Basic realm="{TITLE}"'},
            )
        if self._own_name and request.path == "/" and request.host.casefold() != self._own_name.casefold():
            # localhost: the page's parts are at the other name of this machine, which its policy does not trust.
            raise web.HTTPFound(self.public_url)
        if request.path == "/favicon.ico":
            return web.Response(status=204)
        answer = await handler(request)
        if isinstance(answer, web.Response) and answer.content_type == "text/html" and answer.text is not None:
            page = _LINK.sub(self._ours_alone, answer.text).replace("</head>", f"<title>{TITLE}</title></head>")
            answer.text = page.replace("</body>", f"{_FOCUS}</body>")
        if not answer.prepared:
            socket = "ws" + self.public_url.removeprefix("http")
            answer.headers["Content-Security-Policy"] = POLICY.format(socket=socket)
            answer.headers["X-Content-Type-Options"] = "nosniff"
            answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    def _ours_alone(self, link: re.Match[str]) -> str:
        return link[0] if link[1].startswith(f"{self.public_url}/") else ""

    def _ours(self, origin: str | None) -> bool:
        return origin is not None and urlsplit(origin).netloc.casefold() in self._hosts

    async def _known(self, said_so: str) -> bool:
        kind, _, given = said_so.partition(" ")
        try:
            _, _, password = base64.b64decode(given, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            password = b""
        if kind.casefold() == "basic" and hmac.compare_digest(password, self._password or b""):
            return True
        if said_so:
            log.warning("console=refused why='wrong password'")
            await asyncio.sleep(WRONG_PASSWORD_S)
        return False


def _host(settings: ConsoleWebSettings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _hosts(settings: ConsoleWebSettings) -> frozenset[str]:
    """What a browser may call it."""
    hosts = {_host(settings)}
    if is_loopback(settings.host):
        hosts |= {f"{name}:{settings.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    if settings.public_url:
        hosts.add(urlsplit(settings.public_url).netloc)
    return frozenset(host.casefold() for host in hosts)
