"""Coding profiles and key files from the disk. The only door by which a card key enters the process.

A key file, beside nothing else:

    test_keys = true          # only for keys that are no secret
    [keys]
    demo-read = "D3F7D3F7D3F7"
"""

import stat
from pathlib import Path

import msgspec

from gate.errors import CodingError
from gate.reader.coding import DECISION_FIELDS, Coding, compile_profile
from gate.reader.language import FIELD_KINDS
from gate.reader.mifare import KEY_BYTES, Key, Keys
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse


class KeyFile(Settings, frozen=True, kw_only=True):
    """The whole key file; a key is twelve hexadecimal digits."""

    keys: dict[str, str]
    test_keys: bool = False
    """These keys are published or invented: the file need not be kept from other users."""

    def __repr__(self) -> str:
        return f"KeyFile({', '.join(self.keys)})"


def load_coding(path: Path) -> Coding:
    """Read and compile a coding profile. Raises CodingError, which names file, line and key."""
    return compile_profile(_text_of(path), str(path))


def load_keys(path: Path) -> Keys:
    """The keys of a file by their name. Raises CodingError, which never holds a key.

    A file that others may read is refused, unless it says that its keys are no secret.
    """
    text = _text_of(path)
    try:
        file = parse(text, KeyFile, str(path))
    except SettingsError as wrong:
        # Not the text: the line that is wrong may be the one with the key.
        cause = wrong.__cause__
        where = str(wrong) if isinstance(cause, msgspec.ValidationError) else f"{path}: not valid TOML"
        raise CodingError(where) from None
    mode = stat.S_IMODE(path.stat().st_mode)
    if not file.test_keys and mode & 0o077:
        raise CodingError(
            f"{path}: others on this machine may read these card keys (mode {mode:04o}); "
            f"run `chmod 600 {path}`, or set test_keys = true if they are no secret"
        )
    return {name: _key(path, name, digits) for name, digits in file.keys.items()}


def load_pair(coding_path: Path, keys_path: Path) -> tuple[Coding, Keys]:
    """A profile with its keys, after a check that no key is missing. Raises CodingError."""
    coding = load_coding(coding_path)
    keys = load_keys(keys_path)
    for name in sorted(coding.key_names - keys.keys()):
        raise CodingError(f"{keys_path}, keys: there is no key {name!r}, and {coding_path} needs it")
    return coding, keys


def for_gate(coding: Coding) -> Coding:
    """A coding cut down to what a decision needs: a name or a date of birth that is never read cannot leak
    (P12), and the lane is free sooner."""
    return coding.without(frozenset(FIELD_KINDS) - frozenset(DECISION_FIELDS))


def load_for_gate(coding_path: Path, keys_path: Path) -> tuple[Coding, Keys]:
    """What a reader at a lane reads with. Raises CodingError."""
    coding, keys = load_pair(coding_path, keys_path)
    return for_gate(coding), keys


def _key(path: Path, name: str, digits: str) -> Key:
    try:
        key = Key(bytes.fromhex(digits))
    except ValueError:
        key = Key()
    if len(key) != KEY_BYTES:
        raise CodingError(f"{path}, keys.{name}: a key is {2 * KEY_BYTES} hexadecimal digits")
    return key


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as missing:
        raise CodingError(f"{path}: cannot be read ({missing.strerror})") from missing
    except UnicodeDecodeError as broken:
        raise CodingError(f"{path}: byte {broken.start} is not UTF-8; save the file as UTF-8") from broken
