"""Other systems at the site: how far each was read, and what it reported. Frozen: names no table of the hub's own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Two tables, empty: until now nobody but gates and people told who is where."""
    op.create_table(
        "sources",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("asked_ms", sa.BigInteger),
        sa.Column("succeeded_ms", sa.BigInteger),
        sa.Column("wrong", sa.Text),
        sa.Column("wrong_since_ms", sa.BigInteger),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger, nullable=False),
        sa.Column("set_aside", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "check_ins",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("theirs", sa.String(120), nullable=False),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("scheme", sa.String(16)),
        sa.Column("number", sa.String(40)),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.UniqueConstraint("source", "theirs", "direction"),
        sa.UniqueConstraint("source", "seq"),
    )
    op.create_index("check_ins_by_card", "check_ins", ["scheme", "number"])
