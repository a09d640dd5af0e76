"""What people call a run, what they note about it, and whether it is pinned."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; of the runs made before nothing has been said."""
    for column in (
        sa.Column("title", sa.String(100), nullable=False, server_default=""),
        sa.Column("note", sa.String(2000), nullable=False, server_default=""),
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("runs", column)
