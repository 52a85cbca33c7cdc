"""TOML files to typed, frozen values; whatever is wrong with one is told by file, line and key.

Unknown keys are refused: a misspelt setting that is silently ignored opens gates.
"""

import re
import tomllib
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from portvakt.errors import SettingsError

T = TypeVar("T")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of every settings table."""


def load(path: Path, kind: type[T]) -> T:
    """Read a settings file. Raises SettingsError, whose text is `FILE, line N, key: what is wrong`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as missing:
        raise SettingsError(
            f"{path}: cannot be read ({missing.strerror}); name another file with --config"
        ) from missing
    except UnicodeDecodeError as broken:
        raise SettingsError(f"{path}: byte {broken.start} is not UTF-8; save the file as UTF-8") from broken
    return parse(text, kind, str(path))


def parse(text: str, kind: type[T], name: str) -> T:
    """The same from text; `name` is what errors call the file."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise SettingsError(f"{name}: not valid TOML: {broken}") from broken
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as wrong:
        raise SettingsError(_explain(text, name, str(wrong))) from wrong


def refusal(path: Path, problem: str) -> SettingsError:
    """The error for what the types cannot say: `problem` is `KEY: what is wrong`, the key with dots, places
    in lists as numbers from 0."""
    key, _, what = problem.partition(": ")
    steps: list[str | int] = [int(step) if step.isdigit() else step for step in key.split(".")]
    line = _line_of(path.read_text(encoding="utf-8"), steps)
    where = f"{path}, line {line}, {key}" if line else f"{path}, {key}"
    return SettingsError(f"{where}: {what}")


def zone_named(name: str, key: str) -> ZoneInfo:
    """A time zone of the machine's. Raises SettingsError, which names the key."""
    try:
        return ZoneInfo(name)
    # Europe is a folder of zones, and what a system says of a folder is an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise SettingsError(f"{key}: {name!r} is not a time zone such as Europe/Oslo") from unknown


_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`")


def _explain(text: str, name: str, message: str) -> str:
    """msgspec's message with the line and the key in the words of a TOML file."""
    match = _PATH.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps: list[str | int] = [
        int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path) if step != "..."
    ]
    if unknown := _UNKNOWN.search(what):
        steps.append(unknown["key"])
        what = "no such setting; is it misspelt?"
    elif missing := _MISSING.search(what):
        what = f"the setting `{missing['key']}` is missing here"
    key = ".".join(str(step) for step in steps) or "(top of the file)"
    line = _line_of(text, steps)
    where = f"{name}, line {line}, {key}" if line else f"{name}, {key}"
    return f"{where}: {what}"


def _line_of(text: str, steps: list[str | int]) -> int | None:
    """The line on which the deepest part of a path stands; None when no part of it is in the text."""
    wanted = [step for step in steps if isinstance(step, str)]
    turns = [
        steps[place + 1] if place + 1 < len(steps) and isinstance(steps[place + 1], int) else None
        for place, step in enumerate(steps)
        if isinstance(step, str)
    ]
    best: tuple[int, int] | None = None
    table: list[str] = []
    table_fits = True
    seen: dict[tuple[str, ...], int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if header := re.match(r"^\[\[?\s*([^\]]+?)\s*\]\]?", line):
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            path = tuple(table)
            if line.startswith("[["):
                seen[path] = seen.get(path, -1) + 1
            turn = turns[len(table) - 1] if len(table) <= len(turns) else None
            table_fits = table == wanted[: len(table)] and (turn is None or seen.get(path, turn) == turn)
            depth = len(table)
        elif key := re.match(r"^([A-Za-z0-9_\-.\"']+)\s*=", line):
            inner = [part.strip().strip("\"'") for part in key[1].split(".")]
            depth = len(table) + len(inner)
            if not table_fits or (table + inner) != wanted[:depth]:
                continue
        else:
            continue
        if table_fits and depth <= len(wanted) and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
