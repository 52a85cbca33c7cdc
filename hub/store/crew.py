"""Crew and permits in SQL: who may work here, and the list compiled from it, in one transaction."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from gate.uplink.contract import WirePermit, decode_status, digest_of
from hub.permits import NO_LIST, CardFacts, ListHead, PermitList, compile_permits, succeed
from hub.presence import CardKey
from hub.records import CrewMember
from hub.store import schema
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


class CrewTransaction:
    """Reads and changes the crew inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def crew(self) -> dict[CardKey, CrewMember]:
        """Every card ever listed, with `listed` telling whether it is so now."""
        people, companies, cards, assignments = (schema.people, schema.companies, schema.cards, schema.assignments)
        joined = cards.join(people).join(companies).join(assignments)
        rows = self._connection.execute(
            select(
                cards.c.scheme,
                cards.c.number,
                people.c.first_name,
                people.c.last_name,
                companies.c.organisation_number,
                people.c.date_of_birth,
                companies.c.name,
                cards.c.expiry,
                assignments.c.role,
                assignments.c.valid_from,
                assignments.c.valid_until,
                people.c.language,
                assignments.c.training,
                companies.c.approved,
                cards.c.status,
                assignments.c.listed,
                assignments.c.groups,
            ).select_from(joined)
        )
        return {
            CardKey(row[0], row[1]): replace(CrewMember(*row[:-1]), groups=tuple(row.groups.split())) for row in rows
        }

    def write(self, members: Collection[CrewMember]) -> None:
        """Insert or replace these cards with their holders and companies."""
        people = self._people()
        companies: dict[str, dict[str, Any]] = {}
        rows: dict[str, list[dict[str, Any]]] = {"people": [], "cards": [], "assignments": []}
        for member in members:
            person = people.get(CardKey(member.scheme, member.number)) or str(uuid.uuid4())
            card = {"scheme": member.scheme, "number": member.number}
            companies[member.organisation_number] = {
                "organisation_number": member.organisation_number,
                "name": member.organisation_name,
                "approved": member.company_approved,
            }
            rows["people"].append(
                {
                    "id": person,
                    "first_name": member.first_name,
                    "last_name": member.last_name,
                    "date_of_birth": member.date_of_birth,
                    "language": member.language,
                }
            )
            rows["cards"].append(
                card
                | {
                    "person": person,
                    "employer": member.organisation_number,
                    "expiry": member.card_expiry,
                    "status": member.status,
                }
            )
            rows["assignments"].append(
                card
                | {
                    "role": member.role,
                    "valid_from": member.valid_from,
                    "valid_until": member.valid_until,
                    "training": member.training,
                    "listed": member.listed,
                    "groups": " ".join(member.groups),
                }
            )
        put(self._connection, schema.companies, list(companies.values()))
        put(self._connection, schema.people, rows["people"])
        put(self._connection, schema.cards, rows["cards"])
        put(self._connection, schema.assignments, rows["assignments"])

    def leave(self, cards: Collection[CardKey]) -> None:
        """These cards are no longer on the crew list. Nothing is deleted."""
        table = schema.assignments
        for card in cards:
            self._connection.execute(
                update(table).where(table.c.scheme == card.scheme, table.c.number == card.number).values(listed=False)
            )

    def compile(self, now_ms: int) -> PermitList:
        """Compile the permits anew and return the current list: a new revision only if something changed."""
        before = read_permits(self._connection)
        facts = [_facts(member) for member in self.crew().values()]
        after = succeed(before, compile_permits(facts, before.permits), self._held_by_gates())
        if after.revision != before.revision:
            self._put_list(before, after, now_ms)
        return after

    def forget_permits(self, cards: Collection[CardKey], now_ms: int) -> None:
        """No permit names these cards any more, not even to refuse them: whoever shows one is unknown."""
        before = read_permits(self._connection)
        kept = tuple(permit for permit in before.permits if (permit.scheme, permit.number) not in cards)
        if kept != before.permits:
            after = succeed(before, kept, self._held_by_gates())
            self._put_list(before, after, now_ms)

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

    def _people(self) -> Mapping[CardKey, str]:
        table = schema.cards
        rows = self._connection.execute(select(table.c.scheme, table.c.number, table.c.person))
        return {CardKey(scheme, number): person for scheme, number, person in rows}


def _permit_row(permit: WirePermit, revision: int) -> dict[str, Any]:
    fields = {name: getattr(permit, name) for name in _PERMIT_FIELDS}
    return fields | {"groups": " ".join(permit.groups), "revision": revision}


def _facts(member: CrewMember) -> CardFacts:
    return CardFacts(
        scheme=member.scheme,
        number=member.number,
        status=member.status,
        listed=member.listed,
        company_approved=member.company_approved,
        training=member.training,
        valid_from=member.valid_from,
        valid_until=member.valid_until,
        card_expiry=member.card_expiry,
        employer=member.organisation_number,
        language=member.language,
        groups=member.groups,
    )
