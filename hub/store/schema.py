"""The hub's tables, SQLAlchemy Core, for SQLite and later PostgreSQL.

Hashes are 32 raw bytes, times Unix milliseconds in UTC, dates ISO 8601 text. Card and organisation
numbers are text: they may begin with 0.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

REVISIONS = ("0001", "0002", "0004")
"""Of this file's tables: those of `hub.store.migrations`, the newest last. Another one in a database means that a
newer hub has written it."""

metadata = MetaData()

alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True),
)

about = Table(
    "about",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- who may work here ---------------------------------------------------------------------------

companies = Table(
    "companies",
    metadata,
    Column("organisation_number", String(9), primary_key=True),
    Column("name", Text),
    Column("approved", Boolean, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("date_of_birth", String(10)),
    Column("language", String(2)),
)

# One card per employer: a person may come to hold several.
cards = Table(
    "cards",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("person", ForeignKey("people.id"), nullable=False, index=True),
    Column("employer", ForeignKey("companies.organisation_number"), nullable=False),
    Column("expiry", String(10)),
    Column("status", String(16), nullable=False),
)

# What a card's holder may do here, and from when until when. `listed` false = left the crew list.
assignments = Table(
    "assignments",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("role", Text),
    Column("valid_from", String(10)),
    Column("valid_until", String(10)),
    Column("training", Boolean, nullable=False),
    Column("listed", Boolean, nullable=False),
    # Words with spaces between them.
    Column("groups", Text, nullable=False),
    ForeignKeyConstraint(["scheme", "number"], ["cards.scheme", "cards.number"]),
)

# --- the compiled list ---------------------------------------------------------------------------

permits = Table(
    "permits",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("standing", String(32), nullable=False),
    Column("valid_from", String(10)),
    Column("valid_until", String(10)),
    Column("card_expiry", String(10)),
    Column("employer", String(9)),
    Column("language", String(2)),
    Column("groups", Text, nullable=False),
)

# One row for each revision that was ever made; the greatest is the current one.
revisions = Table(
    "revisions",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

# --- what happened -------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("gate", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("time_ms", BigInteger),
    Column("scheme", String(16)),
    Column("number", String(40)),
    Column("lane", Text),
    Column("direction", Text),
    Column("reason", Text),
    Column("badge", Text),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("gate", "epoch", "seq"),
    Index("events_by_time", "time_ms"),
)

journals = Table(
    "journals",
    metadata,
    Column("gate", String(40), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("through", BigInteger, nullable=False),
    Column("through_hash", LargeBinary(32), nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
)

clock_corrections = Table(
    "clock_corrections",
    metadata,
    Column("gate", String(40), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("offset_ms", BigInteger, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("gate", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("direction", String(8), nullable=False),
    Column("lane", Text),
    Column("certainty", String(16), nullable=False),
    Column("uid", String(20)),
    # `gate.zones`; empty is off the site.
    Column("zone", Text, nullable=False),
    # Grows with every transaction that writes here: what has changed since is found without comparing times.
    Column("change", BigInteger, nullable=False, index=True),
)

# Two sightings that do not fit one card; the same pair is told once.
suspicions = Table(
    "suspicions",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("sign", String(16), primary_key=True),
    Column("gate", String(40), primary_key=True),
    Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("other_gate", String(40), nullable=False),
    Column("other_time_ms", BigInteger, nullable=False),
    Index("suspicions_by_time", "time_ms"),
)

chain_breaks = Table(
    "chain_breaks",
    metadata,
    Column("gate", String(40), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("expected", LargeBinary(32), nullable=False),
    Column("found", LargeBinary(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

gates = Table(
    "gates",
    metadata,
    Column("gate", String(40), primary_key=True),
    Column("status", LargeBinary, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("instances", Text, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("conflict_ms", BigInteger),
)

# --- who may join --------------------------------------------------------------------------------

# Of the token only the public half of its key; of what it was spent on, the SHA-256 of the gate's public key.
enrolments = Table(
    "enrolments",
    metadata,
    Column("gate", String(40), primary_key=True),
    Column("token_public", LargeBinary(32)),
    Column("token_expires_ms", BigInteger, nullable=False),
    Column("token_spent_on", String(64)),
    Column("made_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("gate", String(40), nullable=False, index=True),
    Column("public_key", String(64), nullable=False),
    Column("pem", Text, nullable=False),
    Column("not_before_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)
