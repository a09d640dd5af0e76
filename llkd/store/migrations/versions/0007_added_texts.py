"""What texts were added to a project after its import."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; to a project of before nothing was added."""
    op.add_column("projects", sa.Column("additions", sa.JSON()))
