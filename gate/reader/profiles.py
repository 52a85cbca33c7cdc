"""Coding profiles and key files from the disk. The only door by which a card key enters the process.

A key file, beside nothing else:

    test_keys = true          # only for keys that are no secret
    [keys]
    demo-read = "D3F7D3F7D3F7"

Where cards of several schemes are shown, a file in place of a profile names profiles, which stand beside it:

    profiles = ["hms.toml", "site.toml", "uid.toml"]      # tried in this order
"""

import tomllib
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from gate.errors import CodingError
from gate.reader.coding import DECISION_FIELDS, Coding, compile_profile
from gate.reader.language import FIELD_KINDS
from gate.reader.mifare import KEY_BYTES, PUBLISHED_KEYS, Key, Keys
from portvakt.credentials import seen_by_others
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse


class KeyFile(Settings, frozen=True, kw_only=True):
    """The whole key file; a key is twelve hexadecimal digits."""

    keys: dict[str, str]
    test_keys: bool = False
    """These keys are published or invented: the file need not be kept from other users."""

    def __repr__(self) -> str:
        return f"KeyFile({', '.join(self.keys)})"


class ProfileList(Settings, frozen=True, kw_only=True):
    """A file that names profiles instead of being one."""

    profiles: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """File names, beside this one, in the order in which they are tried."""


Codings: TypeAlias = tuple[Coding, ...]
"""What a reader reads with, in the order in which it is tried."""


def load_coding(path: Path) -> Coding:
    """Read and compile a coding profile. Raises CodingError, which names file, line and key."""
    codings = load_codings(path)
    if len(codings) > 1:
        raise CodingError(f"{path}: names {len(codings)} profiles; say which with one of them")
    return codings[0]


def load_codings(path: Path) -> Codings:
    """The profile in a file, or those that it names. Raises CodingError."""
    text = _text_of(path)
    if not _is_list(text):
        return (compile_profile(text, str(path)),)
    try:
        names = parse(text, ProfileList, str(path)).profiles
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    codings = tuple(compile_profile(_text_of(path.parent / name), str(path.parent / name)) for name in names)
    for turn, coding in enumerate(codings[:-1]):
        if coding.by_uid:
            raise CodingError(
                f"{path}, profiles: {names[turn]} takes any card by its serial number; what comes after it is never "
                "tried, so it must be the last"
            )
    return codings


def _is_list(text: str) -> bool:
    try:
        return "profiles" in tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # The profile's own reader says what is wrong, and where.
        return False


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
    mode = seen_by_others(path)
    if mode and not file.test_keys:
        raise CodingError(
            f"{path}: others on this machine may read these card keys (mode {mode:04o}); "
            f"run `chmod 600 {path}`, or set test_keys = true if they are no secret"
        )
    return {name: _key(path, name, digits) for name, digits in file.keys.items()}


def load_pair(coding_path: Path, keys_path: Path) -> tuple[Coding, Keys]:
    """One profile with its keys, after a check that no key is missing. Raises CodingError."""
    return load_coding(coding_path), load_all(coding_path, keys_path)[1]


def load_all(coding_path: Path, keys_path: Path | None) -> tuple[Codings, Keys]:
    """All profiles of a file with their keys, after a check that no key is missing. Raises CodingError.

    Without a key file there are the keys that NXP has published."""
    codings = load_codings(coding_path)
    keys = {**PUBLISHED_KEYS, **(load_keys(keys_path) if keys_path is not None else {})}
    for coding in codings:
        for name in sorted(coding.key_names - keys.keys()):
            raise CodingError(f"{keys_path}, keys: there is no key {name!r}, and {coding.name} needs it")
    return codings, keys


def for_gate(coding: Coding) -> Coding:
    """A coding cut down to what a decision needs: a name or a date of birth that is never read cannot leak
    (P12), and the lane is free sooner."""
    return coding.for_decision()


def for_greeting(coding: Coding) -> Coding:
    """A coding that also has the name by which a screen greets, and nothing beyond it (P12)."""
    return coding.without(frozenset(FIELD_KINDS) - frozenset(DECISION_FIELDS) - {"first_name"})


def load_for_gate(coding_path: Path, keys_path: Path, *, greet: bool = False) -> tuple[Codings, Keys]:
    """What a reader at a lane reads with. Raises CodingError."""
    codings, keys = load_all(coding_path, keys_path)
    return tuple(for_greeting(coding) if greet else for_gate(coding) for coding in codings), keys


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
