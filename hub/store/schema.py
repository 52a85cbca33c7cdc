"""The hub's tables, SQLAlchemy Core, for SQLite and PostgreSQL.

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

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013")
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
    # When somebody has looked there, and the day of the tax attestation that was shown.
    Column("startbank_as_of", String(10)),
    Column("tax_attestation", String(10)),
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

# Cards that this site had blocked for all sites and does so no longer: the others have to hear it.
lifted_blocks = Table(
    "lifted_blocks",
    metadata,
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("lifted_ms", BigInteger, nullable=False),
)

# Cards that other sites have blocked for all; see `hub.records.HeardBlock`.
heard_blocks = Table(
    "heard_blocks",
    metadata,
    Column("origin", String(40), primary_key=True),
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("heard_ms", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("accepted_by", Text),
    Column("overruled_ms", BigInteger),
    Column("overruled_by", Text),
    Column("overruled_because", Text),
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
    # `hub.records.Fork`; empty as long as the journal has one history.
    Column("fork_seq", BigInteger),
    Column("fork_tip", BigInteger),
    Column("fork_tip_hash", LargeBinary(32)),
    Column("fork_records", BigInteger),
    Column("fork_first_ms", BigInteger),
    Column("fork_last_ms", BigInteger),
    Column("fork_both_ms", BigInteger),
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
    # When the gates were told that this check-out was forgotten; the rule itself is `hub.presence.ClosingRule`.
    Column("closed_ms", BigInteger),
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
    # SQLite counts to 64 bits by itself, and only in a column of this very name.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
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

# --- words of the site office, evacuations -------------------------------------------------------

# Somebody was checked in or out by hand.
hand_marks = Table(
    "hand_marks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scheme", String(16), nullable=False),
    Column("number", String(40), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index("hand_marks_by_card", "scheme", "number"),
)

musters = Table(
    "musters",
    metadata,
    # Of the event that told of it.
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("began_ms", BigInteger, nullable=False),
    Column("noticed_ms", BigInteger, nullable=False),
    Column("gate", String(40), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("closed_ms", BigInteger),
    Column("closed_by", Text),
    # True while it runs, otherwise NULL: so there is never more than one.
    Column("running", Boolean, unique=True),
)

# Who was inside when it began, as known then. Nothing is ever written here again.
muster_people = Table(
    "muster_people",
    metadata,
    Column("muster", ForeignKey("musters.id"), primary_key=True),
    Column("scheme", String(16), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("zone", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("gate", String(40), nullable=False),
    Column("lane", Text),
    Column("sure", String(16), nullable=False),
    Column("out_ms", BigInteger),
)

# Who said of whom that he was seen outside, or was not after all; the latest word counts.
muster_checks = Table(
    "muster_checks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("muster", ForeignKey("musters.id"), nullable=False, index=True),
    Column("scheme", String(16), nullable=False),
    Column("number", String(40), nullable=False),
    Column("seen", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("said_by", Text, nullable=False),
)

# --- what was deleted, and who asked for what is held about somebody -----------------------------

# The record is JSON without personal data, signed by the site's key; each names the hash of the one before.
purges = Table(
    "purges",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

person_requests = Table(
    "person_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("act", String(16), nullable=False),
    Column("scheme", String(16), nullable=False),
    Column("number", String(40), nullable=False),
    Column("said_by", Text, nullable=False),
)

# Who has checked the list of § 15, which the law asks for each day, and what was on it: its SHA-256.
list_checks = Table(
    "list_checks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", String(10), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("people", Integer, nullable=False),
    # JSON: how often what was missing.
    Column("missing", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)

# --- central systems: who was told what ----------------------------------------------------------

targets = Table(
    "targets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("kind", String(40), nullable=False),
    # What happened before is not its business, unless somebody asks for it.
    Column("since_ms", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("pause_until_ms", BigInteger, nullable=False),
    Column("stopped", Text),
    Column("words", Text, nullable=False),
    Column("accepted_ms", BigInteger),
    # How far it was looked after that nothing is missing.
    Column("reconciled_ms", BigInteger),
    Column("backfill_since_ms", BigInteger),
)

# How far each stream was read for each target, and how far when looking back.
target_cursors = Table(
    "target_cursors",
    metadata,
    Column("target", ForeignKey("targets.name"), primary_key=True),
    Column("stream", String(60), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("backfill_seq", BigInteger),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("target", ForeignKey("targets.name"), primary_key=True),
    # The receiver's key.
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("happening", Uuid(as_uuid=False), nullable=False),
    # Where it is kept.
    Column("stream", String(60), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("scheme", String(16)),
    Column("number", String(40)),
    Column("at_ms", BigInteger, nullable=False),
    # From when on it could be told.
    Column("ready_ms", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    Column("field", Text),
    Column("receiver_id", Text),
    Column("digest", LargeBinary(32)),
    Column("first_sent_ms", BigInteger),
    Column("answered_ms", BigInteger),
    Index("deliveries_in_order", "target", "state", "due_ms", "at_ms"),
    Index("deliveries_by_card", "target", "scheme", "number", "state", "at_ms"),
)

# What was counted when somebody looked whether all of it had arrived.
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("target", ForeignKey("targets.name"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("aside", Integer, nullable=False),
    # Nobody had told the target of these; now they wait for it.
    Column("missing", Integer, nullable=False),
)

# What the hub itself found wrong; each row begins or ends it. Nothing here is about a person.
alarms = Table(
    "alarms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("name", String(40), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("raised", Boolean, nullable=False),
    Column("words", Text, nullable=False),
    Index("alarms_by_name", "name", "subject", "id"),
)

# --- what registers say: never mixed with what the lists say, `hub.card_answers` weighs the two ---

card_answers = Table(
    "card_answers",
    metadata,
    Column("scheme", String(16), primary_key=True),
    # The card need not be known here.
    Column("number", String(40), primary_key=True),
    Column("status", String(16)),
    Column("words", Text, nullable=False),
    Column("level", String(8)),
    Column("employer", String(9)),
    Column("expiry", String(10)),
    Column("answered_ms", BigInteger),
    Column("asked_ms", BigInteger, nullable=False),
    Column("failure", Text),
    Column("counts", String(16)),
    Column("counts_day", String(10)),
    Column("held", Boolean, nullable=False),
)

company_answers = Table(
    "company_answers",
    metadata,
    Column("organisation_number", String(9), primary_key=True),
    Column("name", Text),
    Column("form", String(8)),
    Column("status", String(16)),
    Column("words", Text, nullable=False),
    Column("main_unit", String(9)),
    Column("vat", Boolean),
    Column("business_register", Boolean),
    Column("answered_ms", BigInteger),
    Column("asked_ms", BigInteger, nullable=False),
    Column("failure", Text),
)

# --- other systems at the site -------------------------------------------------------------------

# `settings.sources`: how far each was read, and how that went.
sources = Table(
    "sources",
    metadata,
    Column("name", String(40), primary_key=True),
    # In the words of its adapter.
    Column("cursor", Text, nullable=False),
    # The last number given to one of its check-ins; none is given twice, whatever was deleted.
    Column("seq", BigInteger, nullable=False),
    Column("asked_ms", BigInteger),
    Column("succeeded_ms", BigInteger),
    # What is wrong, and since when; NULL while nothing is.
    Column("wrong", Text),
    Column("wrong_since_ms", BigInteger),
    Column("taken", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("withdrawn", BigInteger, nullable=False),
    Column("set_aside", BigInteger, nullable=False),
)

# One row for each thing that a source knows; what changes there gets a new id and number here.
check_ins = Table(
    "check_ins",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("theirs", String(120), nullable=False),
    Column("direction", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    # NULL where the source knows no card of the person.
    Column("scheme", String(16)),
    Column("number", String(40)),
    Column("at_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    UniqueConstraint("source", "theirs", "direction"),
    UniqueConstraint("source", "seq"),
    Index("check_ins_by_card", "scheme", "number"),
)
