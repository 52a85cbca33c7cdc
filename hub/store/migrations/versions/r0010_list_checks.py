"""Daily checks of the list of § 15. Frozen: it names no table of the hub's own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """A table that is empty at first."""
    op.create_table(
        "list_checks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("missing", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("ix_list_checks_day", "list_checks", ["day"])
