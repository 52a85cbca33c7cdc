"""Corrections of clocks, suspicions, serial numbers, zones and groups.

What databases of the first version held grew while it was being made, so each part is added where it is
missing. Frozen: it names no table of the hub's own, which go on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is missing; whoever entered last is on the site."""
    inspector = sa.inspect(op.get_bind())
    tables = set(inspector.get_table_names())
    if "clock_corrections" not in tables:
        _make_clock_corrections()
    if "suspicions" not in tables:
        _make_suspicions()
    presence = {column["name"] for column in inspector.get_columns("presence")}
    if "uid" not in presence:
        op.add_column("presence", sa.Column("uid", sa.String(20)))
    if "zone" not in presence:
        op.add_column("presence", sa.Column("zone", sa.Text, nullable=False, server_default=""))
        op.add_column("presence", sa.Column("change", sa.BigInteger, nullable=False, server_default="0"))
        op.create_index("ix_presence_change", "presence", ["change"])
        op.execute("UPDATE presence SET zone = 'site' WHERE direction = 'entry'")
        op.execute("UPDATE presence SET change = 1")
    for table in ("permits", "assignments"):
        if "groups" not in {column["name"] for column in inspector.get_columns(table)}:
            op.add_column(table, sa.Column("groups", sa.Text, nullable=False, server_default=""))


def _make_clock_corrections() -> None:
    op.create_table(
        "clock_corrections",
        sa.Column("gate", sa.String(40), primary_key=True),
        sa.Column("epoch", sa.String(16), primary_key=True),
        sa.Column("boot", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("offset_ms", sa.BigInteger, nullable=False),
    )


def _make_suspicions() -> None:
    op.create_table(
        "suspicions",
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("sign", sa.String(16), primary_key=True),
        sa.Column("gate", sa.String(40), primary_key=True),
        sa.Column("time_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("other_gate", sa.String(40), nullable=False),
        sa.Column("other_time_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("suspicions_by_time", "suspicions", ["time_ms"])
