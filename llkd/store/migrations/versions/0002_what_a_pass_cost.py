"""What a teacher pass took from the cache, how its confidence was fitted, its rounds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; passes made before have none of it."""
    for column in (
        sa.Column("cached", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("cut", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("fits", sa.JSON()),
        sa.Column("rounds", sa.JSON()),
    ):
        op.add_column("labellings", column)
