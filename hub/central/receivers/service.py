"""One system behind HTTP, for targets that send it JSON with a secret in a header.

The secret is read anew for every request: when somebody has mended the file, `hub central retry` is enough.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hub.central.receivers.telling import Telling
from hub.central.registry import TargetPlace
from hub.central.target import Later, Stopped
from hub.central.web import Unreachable, Web, WebAnswer
from portvakt.credentials import named_file
from portvakt.errors import SettingsError

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.1."""
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Service:
    """Requests from any thread. `headers` reads the secret; it raises SettingsError. Files that the settings name stand
    beside `settings_file`."""

    def __init__(self, settings: Telling, settings_file: Path, headers: Callable[[], Mapping[str, str]]) -> None:
        """Raises SettingsError."""
        self._headers = headers
        _sendable(headers())
        self._web = Web(
            settings.base_url,
            headers=_JSON,
            ca_file=named_file(settings_file, settings.ca_file) if settings.ca_file else None,
            timeout_s=settings.timeout_s,
            connections=settings.connections,
        )

    def ask(self, method: str, path: str, body: bytes | None = None) -> WebAnswer | Later | Stopped:
        """The answer, whatever it says; Later when none came, Stopped when there is no secret to ask with."""
        try:
            headers = _sendable(self._headers())
        except SettingsError as wrong:
            return Stopped(str(wrong))
        try:
            return self._web.ask(method, path, body=body, headers=headers)
        except Unreachable as gone:
            return Later(str(gone))

    def close(self) -> None:
        self._web.close()


@contextlib.contextmanager
def naming_its_target(place: TargetPlace) -> Iterator[None]:
    """A SettingsError from within begins with the target's name."""
    try:
        yield
    except SettingsError as wrong:
        raise SettingsError(f"targets.{place.name}.settings: {wrong}") from wrong


def _sendable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Raises SettingsError."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise SettingsError(f"the header {name!r} is no name of one")
        if not (value.isascii() and value.isprintable()):
            raise SettingsError(f"the header {name!r} would hold letters that no header may; look at the secret's file")
    return headers
