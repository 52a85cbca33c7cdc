"""How a database of an older version becomes one of this version: Alembic's revisions, in `versions/`.

A new database is made at once as it is to be; a test holds that both ways lead to the same tables.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, stands_at: str) -> None:
    """Bring a database that stands at this revision to the newest one, within the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.stamp(config, stands_at)
    command.upgrade(config, "head")
