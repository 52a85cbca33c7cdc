"""Gates that may join, and the certificates they were given.

Frozen: it names no table of the hub's own, which go on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Two tables, empty: until now no gate had a certificate from its hub."""
    op.create_table(
        "enrolments",
        sa.Column("gate", sa.String(40), primary_key=True),
        sa.Column("token_public", sa.LargeBinary(32)),
        sa.Column("token_expires_ms", sa.BigInteger, nullable=False),
        sa.Column("token_spent_on", sa.String(64)),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
    )
    op.create_table(
        "certificates",
        sa.Column("serial", sa.String(40), primary_key=True),
        sa.Column("gate", sa.String(40), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        sa.Column("not_before_ms", sa.BigInteger, nullable=False),
        sa.Column("not_after_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
    )
    op.create_index("ix_certificates_gate", "certificates", ["gate"])
