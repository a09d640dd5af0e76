"""What a teacher pass took from the cache, how its confidence was fitted, its rounds."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; passes made before have none of it. Mend settings refused since."""
    for column in (
        sa.Column("cached", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("cut", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("fits", sa.JSON()),
        sa.Column("rounds", sa.JSON()),
    ):
        op.add_column("labellings", column)
    table = sa.table("labellings", sa.column("id", sa.Integer), sa.column("config", sa.JSON))
    connection = op.get_bind()
    for number, config in connection.execute(sa.select(table.c.id, table.c.config)).all():
        mended = _mended(config)
        if mended != config:
            connection.execute(sa.update(table).where(table.c.id == number).values(config=mended))


def _mended(config: dict[str, object]) -> dict[str, object]:
    """Settings that can be read now: no secret in a base URL, {text} not in the instruction."""
    mended = dict(config)
    url, instruction = mended.get("base_url"), mended.get("instruction")
    if isinstance(url, str) and re.search("[@?#]", url):
        scheme, slashes, rest = re.split("[?#]", url)[0].rpartition("://")
        mended["base_url"] = scheme + slashes + rest.rpartition("@")[2]
    if isinstance(instruction, str):
        mended["instruction"] = instruction.replace("{text}", "the text")
    return mended
