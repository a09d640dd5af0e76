"""Projects that are put away: they keep everything, and lists leave them out."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add when a project was archived; those of before are not."""
    op.add_column("projects", sa.Column("archived", sa.Float()))
