"""A crew list into the store: what changes, all of it or nothing, and the permits that follow.

A card that the new list does not name leaves the crew list; nothing is deleted. A card that only a bad
row names keeps what it had: a typing mistake locks nobody out, and lets nobody in.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.crew.csv_list import MAX_FILE_BYTES, Problem, ReadList, read_list
from hub.errors import CrewListError
from hub.permits import PermitList
from hub.presence import CardKey
from hub.records import CrewMember


@dataclass(frozen=True, slots=True)
class CrewChange:
    """The difference between a list and what is known."""

    added: tuple[CrewMember, ...] = ()
    removed: tuple[CardKey, ...] = ()
    changed: tuple[CrewMember, ...] = ()
    unchanged: int = 0

    def __str__(self) -> str:
        # The minus sign proper, as wide as the plus.
        return f"+{len(self.added)} −{len(self.removed)} ~{len(self.changed)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did. `revision` is the list's revision afterwards, None when nothing was written."""

    change: CrewChange
    problems: tuple[Problem, ...]
    written: bool
    revision: int | None = None
    kept: int = 0
    """Cards that bad rows name and that kept what they had."""


class CrewTransaction(Protocol):
    """What an import needs inside its transaction; see `hub.store.crew`."""

    def crew(self) -> Mapping[CardKey, CrewMember]: ...
    def write(self, members: tuple[CrewMember, ...]) -> None: ...
    def leave(self, cards: tuple[CardKey, ...]) -> None: ...
    def compile(self, now_ms: int) -> PermitList: ...


class CrewStore(Protocol):
    """What an import needs of a store."""

    def changing_crew(self) -> AbstractContextManager[CrewTransaction]: ...


def read_file(file: Path) -> ReadList:
    """Read a list. Raises CrewListError when the file itself cannot be read."""
    try:
        with file.open("rb") as opened:
            # One byte more than allowed is enough to tell that it is too long.
            return read_list(opened.read(MAX_FILE_BYTES + 1))
    except OSError as refused:
        raise CrewListError(f"{file}: cannot be read ({refused.strerror})") from refused


def compare(
    members: Iterable[CrewMember], known: Mapping[CardKey, CrewMember], doubtful: frozenset[CardKey]
) -> CrewChange:
    """What would change. Pure."""
    added, changed = [], []
    unchanged = 0
    named = set()
    for member in members:
        key = CardKey(member.scheme, member.number)
        named.add(key)
        before = known.get(key)
        if before is None or not before.listed:
            added.append(member)
        elif before != member:
            changed.append(member)
        else:
            unchanged += 1
    removed = sorted(key for key, before in known.items() if before.listed and key not in named and key not in doubtful)
    return CrewChange(tuple(added), tuple(removed), tuple(changed), unchanged)


def import_list(
    store: CrewStore, read: ReadList, now_ms: int, *, dry_run: bool = False, partial: bool = False
) -> Outcome:
    """Bring a list that was read into the store, with its permits, in one transaction.

    Nothing is written when a row is bad, unless `partial`; nothing either in a dry run. Raises StoreError.
    """
    with store.changing_crew() as transaction:
        known = transaction.crew()
        change = compare(read.members, known, read.doubtful)
        kept = sum(1 for key in read.doubtful if key in known)
        refused = not read.members or (read.problems and not partial)
        if dry_run or refused:
            return Outcome(change, read.problems, written=False, kept=kept)
        transaction.write(change.added + change.changed)
        transaction.leave(change.removed)
        current = transaction.compile(now_ms)
    return Outcome(change, read.problems, written=True, revision=current.revision, kept=kept)
