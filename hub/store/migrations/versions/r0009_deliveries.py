"""Central systems: targets, how far each was told, every delivery, alarms of the hub. Frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Tables that are empty at first."""
    op.create_table(
        "targets",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("pause_until_ms", sa.BigInteger, nullable=False),
        sa.Column("stopped", sa.Text),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("accepted_ms", sa.BigInteger),
        sa.Column("reconciled_ms", sa.BigInteger),
        sa.Column("backfill_since_ms", sa.BigInteger),
    )
    op.create_table(
        "target_cursors",
        sa.Column("target", sa.String(40), sa.ForeignKey("targets.name"), primary_key=True),
        sa.Column("stream", sa.String(60), primary_key=True),
        sa.Column("epoch", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("backfill_seq", sa.BigInteger),
    )
    _make_deliveries()
    op.create_table(
        "reconciliations",
        sa.Column("target", sa.String(40), sa.ForeignKey("targets.name"), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("expected", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("open", sa.Integer, nullable=False),
        sa.Column("aside", sa.Integer, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
    )
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("raised", sa.Boolean, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("alarms_by_name", "alarms", ["name", "subject", "id"])


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("target", sa.String(40), sa.ForeignKey("targets.name"), primary_key=True),
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("happening", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("stream", sa.String(60), nullable=False),
        sa.Column("epoch", sa.String(16), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("scheme", sa.String(16)),
        sa.Column("number", sa.String(40)),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("ready_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("field", sa.Text),
        sa.Column("receiver_id", sa.Text),
        sa.Column("digest", sa.LargeBinary(32)),
        sa.Column("first_sent_ms", sa.BigInteger),
        sa.Column("answered_ms", sa.BigInteger),
    )
    op.create_index("deliveries_in_order", "deliveries", ["target", "state", "due_ms", "at_ms"])
    op.create_index("deliveries_by_card", "deliveries", ["target", "scheme", "number", "state", "at_ms"])
