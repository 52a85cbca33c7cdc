"""One HTTP service: its address, its secret, its certificate; requests with a limit of time and of size.

No proxy of the environment and no redirect: people's data and the secret go where the settings say. A failure is told
without the body of the request.
"""

import codecs
import contextlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from hub import identity_number
from hub.config import is_loopback
from portvakt.credentials import named_file, secret_line
from portvakt.errors import SettingsError

MAX_ANSWER_BYTES = 4_000_000
MAX_WORDS = 300
"""Of what a receiver says, as it is kept."""


class Unreachable(Exception):
    """No whole answer came: no route, no trust, too slow, too long."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back. `retry_after_ms` is from now on."""

    status: int
    body: bytes
    content_type: str
    retry_after_ms: int | None
    date_ms: int | None
    """By the other side's clock."""

    @property
    def fine(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is something else."""
        try:
            return msgspec.json.decode(self.text())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
            raise ValueError(f"no JSON ({self.content_type or 'of no stated type'}): {broken}") from broken

    def text(self, most_bytes: int = MAX_ANSWER_BYTES) -> str:
        """The beginning of the body: UTF-8, with or without a byte order mark; what is none is what older Windows
        programs write."""
        beginning = self.body[:most_bytes]
        try:
            return codecs.getincrementaldecoder("utf-8-sig")().decode(beginning)
        except UnicodeDecodeError:
            return beginning.decode("cp1252", "replace")

    def words(self) -> str:
        """The beginning of the body as one printable line, with the status, and without an identity number."""
        text = " ".join(self.text(MAX_WORDS * 4).split())
        return f"{self.status} {identity_number.masked(text)}"[:MAX_WORDS].strip()


class Web:
    """Requests to one base address, from any thread."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        ca_file: str | None = None,
        timeout_s: float = 30.0,
        connections: int = 1,
    ) -> None:
        """Raises SettingsError."""
        self._timeout_s = timeout_s
        self._where = checked_address(base_url)
        try:
            verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        except OSError as refused:
            raise SettingsError(f"{ca_file}: is no certificate that can be read ({refused})") from refused
        self._client = httpx.Client(
            base_url=base_url,
            headers=dict(headers or {}),
            auth=auth,
            verify=verify,
            timeout=timeout_s,
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> WebAnswer:
        """One request. Raises Unreachable."""
        deadline = time.monotonic() + self._timeout_s
        data = bytearray()
        try:
            with self._client.stream(method, path, content=body, params=params, headers=headers) as answer:
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > MAX_ANSWER_BYTES:
                        raise Unreachable(f"{self._where}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise Unreachable(f"{self._where}: the answer was not whole after {self._timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as failed:
            raise Unreachable(f"{self._where}: {_sentence(failed)}") from failed
        said = answer.headers
        return WebAnswer(
            answer.status_code,
            bytes(data),
            said.get("content-type", "").partition(";")[0].strip().lower(),
            retry_after_ms(said.get("retry-after"), time.time_ns() // 1_000_000),
            _http_date_ms(said.get("date")),
        )

    def close(self) -> None:
        self._client.close()


def checked_address(url: str) -> str:
    """Host and path of an address to which people's data may go. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host:
        raise SettingsError(f"{url!r} is no address such as https://host/path")
    if parts.username is not None:
        # Sent, it would take the place of the one that is meant.
        raise SettingsError(f"the address of {host} holds a user or a password; secrets stand in files of their own")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError(f"{url!r} must begin with https://; http:// only to this machine")
    return f"{host}{parts.path}"


def secret(settings_file: Path, named: str, what: str) -> str:
    """The first line of a file that only its owner may read. `what` is the setting. Raises SettingsError."""
    return secret_line(Path(named_file(settings_file, named)), what)


def retry_after_ms(said: str | None, now_ms: int) -> int | None:
    """A header Retry-After: seconds or a date (RFC 9110, 10.2.3). None when there is none that can be read."""
    if said is None:
        return None
    if said.strip().isdecimal():
        return min(int(said.strip()[:9]), 86_400) * 1000
    at_ms = _http_date_ms(said)
    return None if at_ms is None else min(max(0, at_ms - now_ms), 86_400_000)


def _http_date_ms(said: str | None) -> int | None:
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        when = parsedate_to_datetime(said or "")
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    return None


def _sentence(failed: Exception) -> str:
    text = " ".join(str(failed).split())
    return f"{type(failed).__name__}: {text}"[:MAX_WORDS] if text else type(failed).__name__
