"""A crew list into the store: what changes, all of it or nothing, and the permits that follow.

A card that the new list does not name leaves the crew list; nothing is deleted. A card that only a bad
row names keeps what it had: a typing mistake locks nobody out, and lets nobody in.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from hub.crew import csv_list, json_list
from hub.crew.columns import Naming, Problem
from hub.crew.rows import MAX_FILE_BYTES, Progress, ReadList, quiet
from hub.errors import CrewListError
from hub.identity_number import masked
from hub.permits import USUAL, PermitList, Requirements
from hub.presence import CardKey
from hub.records import AuditEntry, CrewMember, KeptList


@dataclass(frozen=True, slots=True)
class CrewChange:
    """The difference between a list and what is known. `listed` cards were on the list before."""

    added: tuple[CrewMember, ...] = ()
    removed: tuple[CardKey, ...] = ()
    changed: tuple[CrewMember, ...] = ()
    unchanged: int = 0
    kept: int = 0
    """Cards that bad rows name and that keep what they had."""
    listed: int = 0

    def __str__(self) -> str:
        # The minus sign proper, as wide as the plus.
        return f"+{len(self.added)} −{len(self.removed)} ~{len(self.changed)}"

    def removes_more_than(self, share: float) -> bool:
        return len(self.removed) > share * self.listed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did. `revision` is the list's revision afterwards, None when nothing was written."""

    change: CrewChange
    problems: tuple[Problem, ...]
    written: bool
    revision: int | None = None
    too_many_leave: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what an import is done, by whom and when."""

    by: str
    now_ms: int
    requirements: Requirements = USUAL
    may_remove: float = 1.0
    keep_lists: int = 5


class CrewTransaction(Protocol):
    """What an import needs inside its transaction; see `hub.store.crew`."""

    def crew(self) -> Iterator[CrewMember]: ...
    def write(self, members: Iterable[CrewMember], list_id: int | None = None) -> None: ...
    def link_chain(self, engaged_by: Mapping[str, str]) -> None: ...
    def leave(self, cards: Collection[CardKey], list_id: int | None = None) -> None: ...
    def compile(self, now_ms: int, requirements: Requirements) -> PermitList: ...
    def begin_list(self, name: str, taken_by: str, now_ms: int) -> int: ...
    def finish_list(self, number: int, change: str, revision: int, keep: int) -> None: ...
    def kept_lists(self) -> Sequence[KeptList]: ...
    def members_of(self, number: int) -> Iterator[CrewMember]: ...
    def chain_of(self, number: int) -> Mapping[str, str]: ...
    def note(self, entry: AuditEntry) -> None: ...


class CrewStore(Protocol):
    """What an import needs of a store."""

    def changing_crew(self) -> AbstractContextManager[CrewTransaction, bool | None]: ...
    def crew_as_it_is(self) -> AbstractContextManager[CrewTransaction, bool | None]: ...


KINDS = (".csv", ".xlsx", ".json")
"""What the name of a list ends in."""


def read_file(file: Path, naming: Naming, sheet: str | None = None, progress: Progress = quiet) -> ReadList:
    """Read a list, by the ending of its name. Raises CrewListError when the file itself cannot be read."""
    try:
        with file.open("rb") as opened:
            # One byte more than allowed is enough to tell that it is too long.
            return read_data(str(file), opened.read(MAX_FILE_BYTES + 1), naming, sheet, progress)
    except OSError as refused:
        raise CrewListError(f"{file}: cannot be read ({refused.strerror})") from refused


def read_data(name: str, data: bytes, naming: Naming, sheet: str | None = None, progress: Progress = quiet) -> ReadList:
    """Read what a file of this name holds. Raises CrewListError when it is of no kind that is known."""
    match Path(name).suffix.lower():
        case ".csv":
            return csv_list.read_list(data, naming, progress)
        case ".xlsx":
            return _read_workbook(data, naming, sheet, progress)
        case ".json":
            return json_list.read_list(data, naming, progress)
    raise CrewListError(f"{masked(name)}: which kind of list is this? Its name should end in {', '.join(KINDS)}")


def _read_workbook(data: bytes, naming: Naming, sheet: str | None, progress: Progress) -> ReadList:
    # Only who has a workbook needs the library, and waits for it.
    try:
        from hub.crew import xlsx_list  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise CrewListError(
            f"workbooks need {missing.name}: pip install 'portvakt[hub]', or save it as CSV"
        ) from missing
    return xlsx_list.read_list(data, sheet, naming, progress)


def settled(member: CrewMember, before: CrewMember) -> CrewMember:
    """A card's status flips both ways, so of two the one that is said of the later day counts."""
    if (before.status_as_of or "") <= (member.status_as_of or "") or before.status == member.status:
        return member
    return replace(member, status=before.status, status_as_of=before.status_as_of)


def compare(
    members: Iterable[CrewMember], known: Iterable[CrewMember], doubtful: frozenset[CardKey] = frozenset()
) -> CrewChange:
    """What would change. Whoever was let in by hand stays until a list names them. Pure."""
    waiting = {CardKey(member.scheme, member.number): member for member in members}
    removed, changed = [], []
    unchanged = kept = listed = 0
    for before in known:
        key = CardKey(before.scheme, before.number)
        by_list = before.listed and before.approved_by is None
        listed += by_list
        if key in waiting:
            member = waiting[key] = settled(waiting[key], before)
            if before.listed:
                del waiting[key]
                if before != member:
                    changed.append(member)
                else:
                    unchanged += 1
        elif key in doubtful:
            kept += 1
        elif by_list:
            removed.append(key)
    return CrewChange(tuple(waiting.values()), tuple(sorted(removed)), tuple(changed), unchanged, kept, listed)


def _known_already(read: ReadList, now_ms: int) -> ReadList:
    """A status of a day that has not come would overrule the card register until then."""
    # Tomorrow, because it may have begun where the list comes from.
    last = (datetime.fromtimestamp(now_ms / 1000, UTC).astimezone() + timedelta(days=1)).date().isoformat()
    early = [member for member in read.members if (member.status_as_of or "") > last]
    if not early:
        return read
    problems = [
        Problem(
            member.list_row or 0,
            "status_as_of",
            f"{member.status_as_of} has not come yet",
            "write the day on which the status was looked up",
        )
        for member in early
    ]
    cards = {CardKey(member.scheme, member.number) for member in early}
    members = tuple(member for member in read.members if CardKey(member.scheme, member.number) not in cards)
    return replace(read, members=members, problems=(*read.problems, *problems), doubtful=read.doubtful | cards)


def import_list(
    store: CrewStore,
    read: ReadList,
    name: str,
    terms: Terms,
    *,
    dry_run: bool = False,
    partial: bool = False,
    force: bool = False,
) -> Outcome:
    """Bring a list that was read into the store, with its permits, in one transaction.

    Nothing is written when a row is bad, unless `partial`; nothing when more leave than `terms.may_remove`, unless
    `force`; nothing either in a dry run. Raises StoreError.
    """
    # A dry run keeps nobody waiting.
    read = _known_already(read, terms.now_ms)
    with store.crew_as_it_is() if dry_run else store.changing_crew() as transaction:
        change = compare(read.members, transaction.crew(), read.doubtful)
        too_many = change.removes_more_than(terms.may_remove) and not force
        refused = not read.members or (read.problems and not partial) or too_many
        if dry_run or refused:
            return Outcome(change, read.problems, written=False, too_many_leave=too_many)
        revision = _take(transaction, change, read.chain, name, terms)
    return Outcome(change, read.problems, written=True, revision=revision)


def go_back(store: CrewStore, to: int | None, terms: Terms, *, dry_run: bool = False) -> tuple[KeptList, Outcome]:
    """The list before this one, or that of a number, once more. Raises CrewListError when it is not kept."""
    with store.crew_as_it_is() if dry_run else store.changing_crew() as transaction:
        lists = transaction.kept_lists()
        if to is None and len(lists) < 2:
            raise CrewListError("there is no list before this one; hub crew lists shows those that there are")
        wanted = lists[1].id if to is None else to
        found = next((one for one in lists if one.id == wanted), None)
        if found is None or not found.kept:
            kept = ", ".join(str(one.id) for one in lists if one.kept) or "none"
            raise CrewListError(f"list {wanted} is not kept here; kept are {kept} (crew.keep_lists)")
        # Which row of which list had brought them is no longer told.
        members = (replace(member, list_row=None) for member in transaction.members_of(found.id))
        change = compare(members, transaction.crew())
        if dry_run:
            return found, Outcome(change, (), written=False)
        revision = _take(
            transaction, change, transaction.chain_of(found.id), f"back to {found.id}: {found.name}"[:200], terms
        )
    return found, Outcome(change, (), written=True, revision=revision)


def _take(transaction: CrewTransaction, change: CrewChange, chain: Mapping[str, str], name: str, terms: Terms) -> int:
    """Write a difference; returns the revision of the permits that follow."""
    number = transaction.begin_list(masked(name), terms.by, terms.now_ms)
    transaction.write(itertools.chain(change.added, change.changed), number)
    transaction.leave(change.removed, number)
    transaction.link_chain(chain)
    revision = transaction.compile(terms.now_ms, terms.requirements).revision
    transaction.finish_list(number, str(change), revision, terms.keep_lists)
    said = f"list {number}, {change}, revision {revision}"
    transaction.note(AuditEntry(terms.now_ms, terms.by, "import", None, said))
    return revision
