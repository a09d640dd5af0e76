"""Several people: what kind of word a decision is, blind samples, and names of browsers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns and two tables; decisions of before have no kind: the last word wins there."""
    op.add_column("human_labels", sa.Column("kind", sa.String(10)))
    op.add_column("human_labels", sa.Column("sample_id", sa.Integer()))
    op.add_column("selections", sa.Column("who", sa.String(200), nullable=False, server_default=""))
    op.create_table(
        "label_samples",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "project_id",
            sa.Integer(),
            sa.ForeignKey("projects.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "browser_names",
        sa.Column("mark", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
    )
