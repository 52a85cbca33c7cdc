"""A journal that shows a second history: where it branches off, and whether both go on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """No journal has shown one yet."""
    for name, kind in (
        ("fork_seq", sa.BigInteger),
        ("fork_tip", sa.BigInteger),
        ("fork_tip_hash", sa.LargeBinary(32)),
        ("fork_records", sa.BigInteger),
        ("fork_first_ms", sa.BigInteger),
        ("fork_last_ms", sa.BigInteger),
        ("fork_both_ms", sa.BigInteger),
    ):
        op.add_column("journals", sa.Column(name, kind))
