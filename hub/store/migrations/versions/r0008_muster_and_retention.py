"""Words of the site office, musters, what was deleted. Frozen: it names no table of the hub's own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Tables that are empty at first; nobody's check-out was closed before."""
    op.add_column("presence", sa.Column("closed_ms", sa.BigInteger))
    op.create_table(
        "hand_marks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("scheme", sa.String(16), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("hand_marks_by_card", "hand_marks", ["scheme", "number"])
    _make_musters()
    op.create_table(
        "purges",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
    )
    op.create_table(
        "person_requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("scheme", sa.String(16), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
    )


def _make_musters() -> None:
    op.create_table(
        "musters",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("noticed_ms", sa.BigInteger, nullable=False),
        sa.Column("gate", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
        sa.Column("closed_by", sa.Text),
        sa.Column("running", sa.Boolean, unique=True),
    )
    op.create_table(
        "muster_people",
        sa.Column("muster", sa.Uuid(as_uuid=False), sa.ForeignKey("musters.id"), primary_key=True),
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("gate", sa.String(40), nullable=False),
        sa.Column("lane", sa.Text),
        sa.Column("sure", sa.String(16), nullable=False),
        sa.Column("out_ms", sa.BigInteger),
    )
    op.create_table(
        "muster_checks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("muster", sa.Uuid(as_uuid=False), sa.ForeignKey("musters.id"), nullable=False),
        sa.Column("scheme", sa.String(16), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
    )
    op.create_index("ix_muster_checks_muster", "muster_checks", ["muster"])
