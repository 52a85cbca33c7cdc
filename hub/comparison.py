"""What each gate knows of the list, against what it should know: equal by proof, behind by name, or astray."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from hub.store import HubStore, schema

NAMED = 20
"""So many cards at most are named of what a gate does not know yet."""


class Standing(StrEnum):
    """How a gate's list stands to the hub's."""

    EQUAL = "equal"
    BEHIND = "behind"
    ASTRAY = "astray"
    """It names a revision that the hub never made, or one with another content."""
    NO_LIST = "no_list"
    UNPROVEN = "unproven"
    """The right revision, from a gate that does not tell its digest."""


@dataclass(frozen=True, slots=True)
class GateList:
    """One gate. `pending` permits are other at the hub, `cards` names some of them; both None where nobody knows."""

    gate: str
    online: bool
    seen_ms: int
    standing: Standing
    revision: int
    digest: str
    confirmed_ms: int
    pending: int | None
    cards: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The hub's list, and every gate's. `at_gates_ms` is when the last gate on line had it; None: not yet."""

    revision: int
    count: int
    digest: str
    made_ms: int | None
    at_gates_ms: int | None
    gates: tuple[GateList, ...]

    @property
    def all_equal(self) -> bool:
        return all(gate.standing is Standing.EQUAL for gate in self.gates)


def compare(store: HubStore) -> Comparison:
    """As far as the gates have told. May raise StoreError."""
    head = store.list_head()
    table = schema.revisions
    with store.reading() as connection:
        digests = {
            row.revision: row.digest.hex() for row in connection.execute(select(table.c.revision, table.c.digest))
        }
        current = connection.execute(select(table).where(table.c.revision == head.revision)).first()
    gates = []
    for name, health in sorted(store.gate_health().items()):
        status = health.status
        standing = _standing(status.list_revision, status.list_digest, head.revision, digests)
        changes = store.changes_since(status.list_revision) if standing is Standing.BEHIND else ()
        cards = None if changes is None else tuple(f"{permit.scheme}:{permit.number}" for permit in changes[:NAMED])
        gates.append(
            GateList(
                gate=name,
                online=status.online,
                seen_ms=health.seen_ms,
                standing=standing,
                revision=status.list_revision,
                digest=status.list_digest,
                confirmed_ms=status.list_confirmed_ms,
                pending=len(changes) if changes is not None else None,
                cards=cards,
            )
        )
    return Comparison(
        revision=head.revision,
        count=head.count,
        digest=head.digest,
        made_ms=current.made_ms if current else None,
        at_gates_ms=current.confirmed_ms if current else None,
        gates=tuple(gates),
    )


def _standing(revision: int, digest: str, newest: int, digests: dict[int, str]) -> Standing:
    if not revision:
        return Standing.NO_LIST
    if revision not in digests:
        return Standing.ASTRAY
    if digest and digest != digests[revision]:
        return Standing.ASTRAY
    if revision < newest:
        return Standing.BEHIND
    return Standing.EQUAL if digest else Standing.UNPROVEN
