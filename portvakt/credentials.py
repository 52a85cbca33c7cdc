"""Which file a setting means, and whether others may read it.

`NAME` stands beside the settings file. `credential:NAME` is handed over by systemd (LoadCredential, in the unit),
which reads it as root: the service's user owns no secret on the disk. Whoever runs a command by hand, with no
systemd around it, means the file from which the unit loads: `gate.credentials/NAME` beside gate.toml.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from portvakt.errors import SettingsError

PREFIX = "credential:"
LOADED_AS = "portvakt_"
"""What systemd puts before the name of each file of a folder loaded by LoadCredential=portvakt:FOLDER."""


def named_file(settings: Path, named: str, environment: Mapping[str, str] = os.environ) -> str:
    """The path of the file that a setting names. Raises SettingsError."""
    if not named.startswith(PREFIX):
        return str(settings.parent / named)
    name = named.removeprefix(PREFIX)
    if not name or name.startswith(".") or "/" in name:
        raise SettingsError(f"{settings}: {named!r} is no credential; it is named by its file alone, with no folder")
    if folder := environment.get("CREDENTIALS_DIRECTORY"):
        return str(Path(folder) / f"{LOADED_AS}{name}")
    return str(settings.with_suffix(".credentials") / name)


def seen_by_others(file: Path, environment: Mapping[str, str] = os.environ) -> int:
    """The mode of a file that others than its owner may use; 0 when they may not. Raises OSError."""
    mode = file.stat().st_mode & 0o777
    # What systemd hands over is root's, and given to the service's user by an access list, whose mask shows as the
    # group's bits (from systemd 254 on; before, it is the user's own). The folder lets in nobody else.
    folder = environment.get("CREDENTIALS_DIRECTORY")
    others = 0o007 if folder and file.parent == Path(folder) else 0o077
    return mode if mode & others else 0


def secret_line(file: Path, what: str) -> str:
    """The one line of a file that only its owner may read. `what` is the setting. Raises SettingsError."""
    try:
        if mode := seen_by_others(file):
            raise SettingsError(f"{what}: {file}: others may read it (mode {mode:04o}); chmod 600 {file}")
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as refused:
        raise SettingsError(f"{what}: {file} cannot be read ({refused})") from refused
    if not text or "\n" in text:
        raise SettingsError(f"{what}: {file} holds no single line")
    return text
