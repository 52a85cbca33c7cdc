"""What registers of cards and companies say, and two dates of a company. Frozen: it names no table of the hub's own."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nobody was asked before."""
    op.add_column("companies", sa.Column("startbank_as_of", sa.String(10)))
    op.add_column("companies", sa.Column("tax_attestation", sa.String(10)))
    op.create_table(
        "card_answers",
        sa.Column("scheme", sa.String(16), primary_key=True),
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("status", sa.String(16)),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("level", sa.String(8)),
        sa.Column("employer", sa.String(9)),
        sa.Column("expiry", sa.String(10)),
        sa.Column("answered_ms", sa.BigInteger),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("counts", sa.String(16)),
        sa.Column("counts_day", sa.String(10)),
        sa.Column("held", sa.Boolean, nullable=False),
    )
    op.create_table(
        "company_answers",
        sa.Column("organisation_number", sa.String(9), primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("form", sa.String(8)),
        sa.Column("status", sa.String(16)),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("main_unit", sa.String(9)),
        sa.Column("vat", sa.Boolean),
        sa.Column("business_register", sa.Boolean),
        sa.Column("answered_ms", sa.BigInteger),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.Text),
    )
