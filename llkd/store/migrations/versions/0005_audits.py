"""Blind audits of teacher labels: what is drawn from, what people answered, what it certified."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _of(table: str) -> sa.Column:
    return sa.Column(
        f"{table}_id",
        sa.Integer(),
        sa.ForeignKey(f"{table}s.id", ondelete="CASCADE"),
        nullable=False,
    )


def upgrade() -> None:
    """Add three tables; a home made before has no audit."""
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of("project"),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_answers",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of("project"),
        _of("audit"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("label", sa.String(200)),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("undone", sa.Float()),
        sa.UniqueConstraint("audit_id", "batch"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_answers_by_place", "audit_answers", ["audit_id", "place"])
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer(), primary_key=True),
        _of("project"),
        _of("audit"),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
    )
