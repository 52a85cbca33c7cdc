"""Blocks that other sites tell, and those that this one has lifted. Frozen: it names no table of the hub's own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Two tables, empty: until now a block for all sites was a note, and nobody else heard of it."""
    op.create_table(
        "lifted_blocks",
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("lifted_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "heard_blocks",
        sa.Column("origin", sa.String(40), primary_key=True),
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("heard_ms", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("accepted_by", sa.Text),
        sa.Column("overruled_ms", sa.BigInteger),
        sa.Column("overruled_by", sa.Text),
        sa.Column("overruled_because", sa.Text),
    )
