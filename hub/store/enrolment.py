"""Who may join and who has, in SQL."""

from typing import Any

from sqlalchemy import Connection, select, update

from hub.records import Enrolment, IssuedCertificate
from hub.store import schema
from hub.store.database import put


class EnrolmentTransaction:
    """One transaction (`hub.enrolment.EnrolmentTransaction`). Its connection writes, and one writes at a time: of two
    hubs behind one database, one spends a token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enrolment(self, gate: str) -> Enrolment | None:
        table = schema.enrolments
        row = self._connection.execute(select(table).where(table.c.gate == gate)).first()
        return _enrolment(row) if row else None

    def enrolments(self) -> list[Enrolment]:
        table = schema.enrolments
        return [_enrolment(row) for row in self._connection.execute(select(table).order_by(table.c.gate))]

    def put(self, enrolment: Enrolment) -> None:
        put(self._connection, schema.enrolments, [{name: getattr(enrolment, name) for name in _ENROLMENT}])

    def certificate(self, serial: str) -> IssuedCertificate | None:
        table = schema.certificates
        row = self._connection.execute(select(table).where(table.c.serial == serial)).first()
        return _certificate(row) if row else None

    def certificates(self) -> list[IssuedCertificate]:
        """All that were ever issued, oldest first; of one second, those that were revoked."""
        table = schema.certificates
        age = (table.c.not_before_ms, table.c.revoked_ms.is_(None), table.c.serial)
        rows = self._connection.execute(select(table).order_by(*age))
        return [_certificate(row) for row in rows]

    def certificate_over(self, gate: str, public_key: str) -> IssuedCertificate | None:
        """The newest one that this gate was given over this key."""
        table = schema.certificates
        chosen = select(table).where(table.c.gate == gate, table.c.public_key == public_key)
        row = self._connection.execute(chosen.order_by(table.c.not_after_ms.desc())).first()
        return _certificate(row) if row else None

    def add(self, issued: IssuedCertificate) -> None:
        row = {name: getattr(issued, name) for name in _CERTIFICATE}
        self._connection.execute(schema.certificates.insert(), row)

    def revoke(self, gate: str, now_ms: int) -> int:
        """All certificates of a gate that were not revoked before; how many."""
        table = schema.certificates
        chosen = update(table).where(table.c.gate == gate, table.c.revoked_ms.is_(None))
        return self._connection.execute(chosen.values(revoked_ms=now_ms)).rowcount


_ENROLMENT = [column.name for column in schema.enrolments.columns]
_CERTIFICATE = [column.name for column in schema.certificates.columns]


def _enrolment(row: Any) -> Enrolment:
    return Enrolment(**{name: getattr(row, name) for name in _ENROLMENT})


def _certificate(row: Any) -> IssuedCertificate:
    return IssuedCertificate(**{name: getattr(row, name) for name in _CERTIFICATE})
