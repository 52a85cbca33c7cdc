"""The first version. Its databases were made whole, so there is nothing to do."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing."""
