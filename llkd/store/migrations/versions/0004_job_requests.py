"""What a job is asked to do, as a document of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; a job made before has a command, which is read when it is needed."""
    op.add_column("jobs", sa.Column("request", sa.JSON()))
