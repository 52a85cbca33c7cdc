"""Where crew lists come from by themselves: a folder that somebody puts them into, or an address with the newest.
Those that a broker brings are in `hub.crew.mailbox`."""

import hashlib
import os
import ssl
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from hub.config import SourceSettings
from hub.crew.importing import KINDS
from hub.crew.rows import MAX_FILE_BYTES
from hub.errors import CrewListError
from portvakt.credentials import seen_by_others

SETTLED_S = 2.0
"""A file that changed less than this ago may still be in the writing."""
AHEAD_S = 60.0
"""By so much clocks may differ."""
_CONTENT_TYPES = {
    "text/csv": ".csv",
    "application/json": ".json",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


class Found(NamedTuple):
    """A list as it was found. `digest` tells it from others, whatever they are called."""

    name: str
    data: bytes
    digest: str
    made_ms: int | None = None
    """When whoever signed it says that it was made."""


def look(settings: SourceSettings) -> Found | None:
    """The newest list of the source; None when there is none, or when it is still being written.

    Raises CrewListError.
    """
    if settings.url is not None:
        return _fetched(settings, settings.url)
    if settings.folder is not None:
        return _newest(Path(settings.folder))
    raise CrewListError("there is no source of crew lists: set crew.source.folder or crew.source.url, or topic")


def _newest(folder: Path) -> Found | None:
    try:
        with os.scandir(folder) as entries:
            files = [
                (entry.stat().st_mtime, entry.name)
                for entry in entries
                # A spreadsheet that has a list open keeps `~$list.xlsx` beside it.
                if entry.is_file()
                and not entry.name.startswith((".", "~"))
                and Path(entry.name).suffix.lower() in KINDS
            ]
        if not files:
            return None
        changed_s, name = max(files)
        age_s = time.time() - changed_s
        if age_s < -AHEAD_S:
            raise CrewListError(f"{folder / name}: was written in the future; is the clock right there, and here?")
        if age_s < SETTLED_S:
            return None
        with (folder / name).open("rb") as opened:
            return _found(name, opened.read(MAX_FILE_BYTES + 1))
    except OSError as refused:
        raise CrewListError(f"{folder}: cannot be read ({refused.strerror})") from refused


def _fetched(settings: SourceSettings, url: str) -> Found:
    # Only who has an address needs the library.
    try:
        import httpx  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise CrewListError(f"lists from an address need {missing.name}: pip install 'portvakt[hub]'") from missing
    headers = {"Authorization": _secret(settings.authorization_file)} if settings.authorization_file else {}
    verify = _trusting(settings.ca_file) if settings.ca_file else True
    # Its path alone: what follows may be a key.
    where = f"{urlsplit(url).hostname}{urlsplit(url).path}"
    deadline = time.monotonic() + settings.timeout_s
    data = bytearray()
    try:
        with (
            # No proxy of the environment, no redirect: the list and the key go where the settings say.
            httpx.Client(verify=verify, timeout=settings.timeout_s, trust_env=False) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise CrewListError(f"{where}: answers {answer.status_code} {answer.reason_phrase}; nothing was taken")
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > MAX_FILE_BYTES:
                    raise CrewListError(f"{where}: gives more than {MAX_FILE_BYTES} bytes; is this the right address?")
                if time.monotonic() > deadline:
                    raise CrewListError(f"{where}: was not done after {settings.timeout_s:g} s (crew.source.timeout_s)")
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    except (httpx.HTTPError, httpx.InvalidURL) as failed:
        raise CrewListError(f"{where}: {type(failed).__name__}: {failed}; nothing was taken") from failed
    return _found(_name(urlsplit(url).path, settings.kind, kind), bytes(data))


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as refused:
        raise CrewListError(
            f"{ca_file}: is no certificate that can be read ({refused}); see crew.source.ca_file"
        ) from refused


def _name(path: str, asked: str | None, told: str) -> str:
    """A name by whose ending the list is read."""
    name = Path(path).name or "list"
    if asked is not None:
        return f"{Path(name).stem}.{asked}"
    if told in _CONTENT_TYPES:
        return f"{Path(name).stem}{_CONTENT_TYPES[told]}"
    return name


def _found(name: str, data: bytes) -> Found:
    return Found(name, data, hashlib.sha256(data).hexdigest())


def _secret(file: str) -> str:
    try:
        if mode := seen_by_others(Path(file)):
            raise CrewListError(f"{file}: others may read this key (mode {mode:04o}); chmod 600 {file}")
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as refused:
        raise CrewListError(f"{file}: cannot be read ({refused}); see crew.source.authorization_file") from refused
