"""The contractor chain, registers, cards on their way, qualifications, blocks, kept lists, audit.

Frozen: it names no table of the hub's own, which go on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ADDED = (
    ("companies", "main_unit", sa.String(9)),
    ("companies", "engaged_by", sa.String(9)),
    ("companies", "register_status", sa.String(16)),
    ("companies", "startbank", sa.Boolean),
    ("cards", "status_as_of", sa.String(10)),
    ("cards", "type", sa.Text),
    ("cards", "no_card_because", sa.String(16)),
    ("assignments", "trade", sa.Text),
    ("assignments", "hired_by", sa.String(9)),
    ("assignments", "approved_by", sa.Text),
    ("assignments", "list_id", sa.Integer),
    ("assignments", "list_row", sa.Integer),
)


def upgrade() -> None:
    """Nothing is known yet of what is added."""
    for table, column, kind in _ADDED:
        op.add_column(table, sa.Column(column, kind))
    op.create_table(
        "qualifications",
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(24), primary_key=True),
        sa.Column("expiry", sa.String(10)),
        sa.Column("confirmed_by", sa.Text),
        sa.ForeignKeyConstraint(["scheme", "number"], ["cards.scheme", "cards.number"]),
    )
    op.create_table(
        "blocks",
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("blocked_by", sa.Text, nullable=False),
        sa.Column("blocked_ms", sa.BigInteger, nullable=False),
        sa.Column("all_sites", sa.Boolean, nullable=False),
    )
    op.create_table(
        "crew_lists",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("taken_ms", sa.BigInteger, nullable=False),
        sa.Column("taken_by", sa.Text, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "crew_list_parts",
        sa.Column("list_id", sa.Integer, sa.ForeignKey("crew_lists.id"), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(24), nullable=False),
        sa.Column("card", sa.String(60)),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_card", "audit", ["card"])
