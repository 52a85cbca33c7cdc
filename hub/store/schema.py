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

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
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
    # What the card of a sub-unit's worker names.
    Column("main_unit", String(9)),
    # The next one up the contractor chain; it need not have people here.
    Column("engaged_by", String(9)),
    Column("register_status", String(16)),
    Column("startbank", Boolean),
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
    Column("status_as_of", String(10)),
    Column("type", Text),
    # Why its holder has no card of the scheme that is asked for.
    Column("no_card_because", String(16)),
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
    Column("trade", Text),
    Column("hired_by", String(9)),
    # Somebody at the hub; no crew list takes this card off before one has named it.
    Column("approved_by", Text),
    # Of `crew_lists`: which one brought this, and from which of its rows.
    Column("list_id", Integer),
    Column("list_row", Integer),
    ForeignKeyConstraint(["scheme", "number"], ["cards.scheme", "cards.number"]),
)

qualifications = Table(
    "qualifications",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("expiry", String(10)),
    Column("confirmed_by", Text),
    ForeignKeyConstraint(["scheme", "number"], ["cards.scheme", "cards.number"]),
)

# Wins over everything; the card need not be known.
blocks = Table(
    "blocks",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("blocked_by", Text, nullable=False),
    Column("blocked_ms", BigInteger, nullable=False),
    Column("all_sites", Boolean, nullable=False),
)

# Every list that was taken in.
crew_lists = Table(
    "crew_lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("taken_ms", BigInteger, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("change", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# Who was on the newest of them, compressed, so that one can go back.
crew_list_parts = Table(
    "crew_list_parts",
    metadata,
    Column("list_id", ForeignKey("crew_lists.id"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(24), nullable=False),
    # `scheme:number`
    Column("card", String(60), index=True),
    Column("detail", Text, nullable=False),
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
    # The revision that made it what it is: what changed since another one is found without keeping that one.
    Column("revision", BigInteger, nullable=False, index=True),
)

# One row for each revision that was ever made; the greatest is the current one.
revisions = Table(
    "revisions",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    # Permits that are no longer there; they leave no row that could tell.
    Column("removed", Integer, nullable=False),
    # When the last gate on line had it.
    Column("confirmed_ms", BigInteger),
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

# What somebody asked of a gate; what came of it stands in that gate's own journal.
commands = Table(
    "commands",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("gate", String(40), nullable=False),
    Column("action", String(16), nullable=False),
    Column("lane", Text),
    Column("direction", String(8)),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
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
