"""Since which revision each permit is what it is; when each revision was at the gates.

Of older revisions nobody knows what they changed: every permit counts as new in the current one. Frozen.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("permits", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE permits SET revision = (SELECT max(revision) FROM revisions)")
    op.create_index("ix_permits_revision", "permits", ["revision"])
    op.add_column("revisions", sa.Column("removed", sa.Integer, nullable=False, server_default="0"))
    op.add_column("revisions", sa.Column("confirmed_ms", sa.BigInteger))
