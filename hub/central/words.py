"""What a person may say of deliveries: once more, or never. Each word is in the audit with who said it."""

from sqlalchemy import and_, select, update

from hub.central.delivery import State
from hub.errors import OfficeError
from hub.records import AuditEntry
from hub.spoken import spoken
from hub.store import CrewTransaction, HubStore, schema


def wake(store: HubStore, target: str, by: str, now_ms: int) -> None:
    """A target that was stopped, or waits after failures, is told again from now on. Raises OfficeError, StoreError."""
    table = schema.targets
    by = spoken(by, "--by")
    with store.writing() as connection:
        awake = {"stopped": None, "pause_until_ms": 0}
        if not connection.execute(update(table).where(table.c.name == target).values(**awake)).rowcount:
            raise unknown(target)
        CrewTransaction(connection).note(AuditEntry(now_ms, by, "target.woken", None, target))


def retry(store: HubStore, target: str, delivery: str, by: str, now_ms: int) -> None:
    """Send once more what was set aside; the whole id, or its beginning. Raises OfficeError, StoreError."""
    _say(
        store, (target, delivery), _afresh(now_ms), AuditEntry(now_ms, spoken(by, "--by"), "delivery.retried", None, "")
    )


def retry_all(store: HubStore, target: str, by: str, now_ms: int) -> int:
    """Send once more all that was set aside; returns how many. Raises OfficeError, StoreError."""
    table = schema.deliveries
    by = spoken(by, "--by")
    with store.writing() as connection:
        if connection.scalar(select(schema.targets.c.name).where(schema.targets.c.name == target)) is None:
            raise unknown(target)
        aside = and_(table.c.target == target, table.c.state == State.ASIDE.value)
        count = connection.execute(update(table).where(aside).values(**_afresh(now_ms))).rowcount
        note = AuditEntry(now_ms, by, "delivery.retried", None, f"{target}: all {count} that were aside")
        CrewTransaction(connection).note(note)
    return count


def give_up(store: HubStore, target: str, delivery: str, *, by: str, reason: str, now_ms: int) -> None:
    """What was set aside will not be told, and that is right so. Raises OfficeError, StoreError."""
    note = AuditEntry(now_ms, spoken(by, "--by"), "delivery.given_up", None, spoken(reason, "--reason"))
    _say(store, (target, delivery), {"state": State.GIVEN_UP.value}, note)


def _afresh(now_ms: int) -> dict[str, object]:
    """As if it had come just now: it is sent whatever was said before, and is not late yet."""
    afresh = {"attempts": 0, "due_ms": 0, "ready_ms": now_ms, "digest": None, "first_sent_ms": None}
    return {"state": State.WAITING.value, **afresh}


def _say(store: HubStore, which: tuple[str, str], changed: dict[str, object], note: AuditEntry) -> None:
    target, wanted = which
    table = schema.deliveries
    with store.writing() as connection:
        rows = connection.execute(
            select(table).where(table.c.target == target, table.c.state == State.ASIDE.value)
        ).all()
        found = [row for row in rows if row.id.startswith(wanted.lower())]
        if not found:
            raise OfficeError(f"{target}: nothing with the id {wanted!r} is set aside; see: hub central aside {target}")
        if len(found) > 1:
            raise OfficeError(f"{target}: {len(found)} ids begin with {wanted!r}; give more of it")
        (row,) = found
        connection.execute(update(table).where(table.c.target == target, table.c.id == row.id).values(**changed))
        card = f"{row.scheme}:{row.number}" if row.number is not None else None
        told = f"{target} {row.id} {note.detail}".strip()
        CrewTransaction(connection).note(AuditEntry(note.at_ms, note.who, note.action, card, told))


def unknown(target: str) -> OfficeError:
    """The error for a target that this hub has never met."""
    return OfficeError(f"target {target!r} is not known here; see: hub central status")
