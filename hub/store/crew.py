"""Crew and permits in SQL: who may work here, and the list compiled from it, in one transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, delete, func, select, update

from gate.uplink.contract import WirePermit, decode_status, digest_of
from hub.chain import level_of
from hub.company_answers import CompanyAnswer, main_unit, register_status
from hub.permits import (
    BLOCKED,
    NO_LIST,
    USUAL,
    CardFacts,
    ListHead,
    PermitList,
    Requirements,
    compile_permits,
    succeed,
)
from hub.presence import CardKey
from hub.records import AuditEntry, Block, CrewMember, HeardBlock, KeptList
from hub.store import answers, blocks, kept, people, schema
from hub.store.database import put

_PERMIT_FIELDS = WirePermit.__struct_fields__


def read_revision(connection: Connection) -> int:
    """The current revision; 0 when no list was ever made."""
    return connection.scalar(select(func.max(schema.revisions.c.revision))) or 0


def read_permits(connection: Connection) -> PermitList:
    """The current list, in the order of (scheme, number)."""
    revision = read_revision(connection)
    if not revision:
        return NO_LIST
    table = schema.permits
    digest = connection.scalar(select(schema.revisions.c.digest).where(schema.revisions.c.revision == revision))
    columns = [table.c[name] for name in _PERMIT_FIELDS]
    return PermitList(revision, _permits(connection.execute(select(*columns))), digest.hex() if digest else "")


def read_head(connection: Connection) -> ListHead:
    """Which list is the current one."""
    table = schema.revisions
    row = connection.execute(select(table).order_by(table.c.revision.desc()).limit(1)).first()
    if row is None:
        return ListHead(0, 0, NO_LIST.digest)
    # A row has a method of its own under the name of this column.
    return ListHead(row.revision, row._mapping["count"], row.digest.hex())


def read_changes(connection: Connection, since: int) -> Sequence[WirePermit] | None:
    """The permits that are new or other since a revision, in the order of (scheme, number). None when that cannot be
    told: the revision is not known here, or permits went away since then."""
    revisions, table = schema.revisions, schema.permits
    known = connection.scalar(select(revisions.c.revision).where(revisions.c.revision == since))
    removed = connection.scalar(select(func.sum(revisions.c.removed)).where(revisions.c.revision > since))
    if known is None or removed:
        return None
    columns = [table.c[name] for name in _PERMIT_FIELDS]
    return _permits(connection.execute(select(*columns).where(table.c.revision > since)))


def _permits(rows: Iterable[Any]) -> tuple[WirePermit, ...]:
    read: list[tuple[Any, ...]] = [(*row[:-1], tuple(row.groups.split())) for row in rows]
    # Sorted here, because a database sorts text by its own rules.
    return tuple(sorted((WirePermit(*row) for row in read), key=lambda permit: (permit.scheme, permit.number)))


def read_permits_of(connection: Connection, cards: Collection[CardKey]) -> dict[CardKey, WirePermit]:
    """What the gates were given for these cards."""
    table = schema.permits
    columns = [table.c[name] for name in _PERMIT_FIELDS]
    permits = _permits(connection.execute(select(*columns).where(people.among(table, cards))))
    return {CardKey(permit.scheme, permit.number): permit for permit in permits}


class CrewTransaction:
    """Reads and changes the crew inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def crew(self) -> Iterator[CrewMember]:
        """Every card ever listed, with `listed` telling whether it is so now; a piece at a time."""
        return people.read_members(self._connection)

    def member(self, card: CardKey) -> CrewMember | None:
        """What is known of one card."""
        return next(people.read_members(self._connection, [card]), None)

    def company_facts(self, organisation_number: str) -> dict[str, Any] | None:
        """What is known of a company, by the fields of CrewMember."""
        return people.company_facts(self._connection, organisation_number)

    def other_cards(self, card: CardKey) -> list[CardKey]:
        """The cards that the same person holds besides this one."""
        return people.other_cards(self._connection, card)

    def write(self, members: Iterable[CrewMember], list_id: int | None = None) -> None:
        """Insert or replace these cards with their holders and companies, as a list brought them."""
        people.write_members(self._connection, members, list_id)

    def link_chain(self, engaged_by: Mapping[str, str]) -> None:
        """Say who engaged companies that may have nobody here."""
        people.link_chain(self._connection, engaged_by)

    def leave(self, cards: Collection[CardKey], list_id: int | None = None) -> None:
        """These cards are no longer on the crew list. Nothing is deleted."""
        people.leave(self._connection, cards, list_id)

    def begin_list(self, name: str, taken_by: str, now_ms: int) -> int:
        """Note a list that is taken in; returns its number."""
        return kept.begin(self._connection, name, taken_by, now_ms)

    def finish_list(self, number: int, change: str, revision: int, keep: int) -> None:
        """Keep who is on it now, beside so many other lists."""
        listed = (member for member in self.crew() if member.listed and member.approved_by is None)
        said: dict[str, str | int] = {"change": change, "revision": revision}
        kept.finish(self._connection, number, listed, people.said_chain(self._connection), said)
        kept.forget_rows(self._connection, keep + 1)

    def kept_lists(self) -> list[KeptList]:
        """Every list that was taken in, the newest first."""
        return kept.kept_lists(self._connection)

    def members_of(self, number: int) -> Iterator[CrewMember]:
        """Who was on a kept list."""
        return kept.members_of(self._connection, number)

    def chain_of(self, number: int) -> dict[str, str]:
        """Who had engaged whom when a kept list had been taken in."""
        return kept.chain_of(self._connection, number)

    def blocks(self) -> list[Block]:
        """Every block that counts here, the newest first."""
        return blocks.read_blocks(self._connection)

    def block(self, block: Block) -> None:
        """Block a card, or say another reason for it."""
        blocks.write_block(self._connection, block)

    def unblock(self, card: CardKey, now_ms: int) -> None:
        """Our own block of the card ends."""
        blocks.lift_block(self._connection, card, now_ms)

    def heard_blocks(self, origin: str | None = None, card: CardKey | None = None) -> list[HeardBlock]:
        """What other sites have blocked for all, whether it counts here or not."""
        return blocks.read_heard(self._connection, origin, card)

    def write_heard(self, heard: Sequence[HeardBlock]) -> None:
        """What is decided here about blocks of other sites."""
        blocks.write_heard(self._connection, heard)

    def note(self, entry: AuditEntry) -> None:
        """Write down who did what."""
        self._connection.execute(
            schema.audit.insert(), {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
        )

    def facts(self) -> Iterator[CardFacts]:
        """What the permits are compiled from."""
        return read_facts(self._connection)

    def compile(self, now_ms: int, requirements: Requirements = USUAL) -> PermitList:
        """Compile the permits anew and return the current list: a new revision only if something changed."""
        before = read_permits(self._connection)
        compiled = compile_permits(self.facts(), before.permits, requirements)
        after = succeed(before, compiled, self._held_by_gates())
        if after.revision != before.revision:
            self._put_list(before, after, now_ms)
        return after

    def may_publish(self) -> bool:
        """Whether a change of one card may go out. Not before the first crew list, and not when a gate holds a newer
        one than this hub has made (its disk was lost, or an old backup restored): it would lock the others out."""
        revision = read_revision(self._connection)
        return 0 < revision >= self._held_by_gates()

    def forget_particulars(self, cards: Collection[CardKey], now_ms: int) -> None:
        """The permits of these cards say no language and no groups any more; the others stay as the gates have them.
        Where a change may not go out it goes with the next crew list."""
        before = read_permits(self._connection)
        after = tuple(
            structs.replace(permit, language=None, groups=()) if (permit.scheme, permit.number) in cards else permit
            for permit in before.permits
        )
        if after != before.permits and self.may_publish():
            self._put_list(before, succeed(before, after, self._held_by_gates()), now_ms)

    def forget_permits(self, now_ms: int) -> None:
        """No permit names a card any more, not even to refuse it: whoever shows one is unknown."""
        before = read_permits(self._connection)
        if before.permits:
            self._put_list(before, succeed(before, (), self._held_by_gates()), now_ms)

    def renew(self, now_ms: int) -> None:
        """A newer version writes the same permits in other bytes; gates prove lists by their bytes, so that is a
        new revision."""
        before = read_permits(self._connection)
        digest = digest_of(before.permits)
        if before.revision and digest != before.digest:
            revision = max(before.revision, self._held_by_gates()) + 1
            self._put_list(before, PermitList(revision, before.permits, digest), now_ms)
            self._connection.execute(update(schema.permits).values(revision=revision))

    def _held_by_gates(self) -> int:
        statuses = self._connection.scalars(select(schema.gates.c.status))
        return max((decode_status(status).list_revision for status in statuses), default=0)

    def _put_list(self, before: PermitList, after: PermitList, now_ms: int) -> None:
        table = schema.permits
        kept = set(before.permits) & set(after.permits)
        wanted = {(permit.scheme, permit.number) for permit in after.permits}
        removed = [old for old in before.permits if (old.scheme, old.number) not in wanted]
        for old in removed:
            self._connection.execute(delete(table).where(table.c.scheme == old.scheme, table.c.number == old.number))
        changed = [permit for permit in after.permits if permit not in kept]
        put(self._connection, table, [_permit_row(permit, after.revision) for permit in changed])
        self._connection.execute(
            schema.revisions.insert(),
            {
                "revision": after.revision,
                "count": len(after.permits),
                "digest": bytes.fromhex(after.digest),
                "made_ms": now_ms,
                "removed": len(removed),
            },
        )


def _permit_row(permit: WirePermit, revision: int) -> dict[str, Any]:
    fields = {name: getattr(permit, name) for name in _PERMIT_FIELDS}
    return fields | {"groups": " ".join(permit.groups), "revision": revision}


def read_facts(connection: Connection, cards: Collection[CardKey] | None = None) -> Iterator[CardFacts]:
    """What is known of every card, or of these, that was ever listed or is blocked."""
    blocked = {CardKey(block.scheme, block.number) for block in blocks.read_blocks(connection)}
    overruled = answers.overruled(connection, cards)
    companies = answers.read_companies(connection)
    engaged_by = people.chain(connection, companies)
    levels = {company: level_of(company, engaged_by) for company in engaged_by}
    for member in people.read_members(connection, cards):
        key = CardKey(member.scheme, member.number)
        status = BLOCKED if key in blocked else overruled.get(key, member.status)
        level = levels.get(member.organisation_number, 0)
        yield _facts(member, status, level, companies.get(member.organisation_number))
        blocked.discard(key)
    for key in blocked if cards is None else blocked.intersection(cards):
        yield CardFacts(key.scheme, key.number, status=BLOCKED, listed=False)


def _facts(member: CrewMember, status: str, level: int | None, company: CompanyAnswer | None) -> CardFacts:
    return CardFacts(
        scheme=member.scheme,
        number=member.number,
        status=status,
        listed=member.listed,
        company_approved=member.company_approved,
        training=member.training,
        valid_from=member.valid_from,
        valid_until=member.valid_until,
        card_expiry=member.card_expiry,
        employer=main_unit(member.main_unit, company) or member.organisation_number,
        language=member.language,
        groups=member.groups,
        registered=register_status(member.register_status, company) in (None, "ok"),
        startbank=member.startbank is True,
        chain_level=level,
        qualifications=member.qualifications,
    )
