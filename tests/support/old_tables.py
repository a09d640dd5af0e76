"""A home's database as an older version of the program left it: its tables, and rows in them."""

import sqlalchemy as sa

from llkd.config import LabelSet, TrainingConfig
from llkd.store import Home
from llkd.store.engine import database


def engine_at(version):
    """Empty tables of a version, where that version put them; the engine."""
    home = Home()
    home.prepare()
    url = database.database_url(home)
    if database.is_sqlite(url):
        return database.empty_engine(home, version)
    engine = database.server_engine(url.update_query_dict({"options": "-csearch_path=public"}))
    database.migrate(engine, version)
    return engine


def write_rows(engine, rows):
    """Insert rows by the name of their table, their values as SQL takes them."""
    tables = sa.MetaData()
    with engine.begin() as connection:
        tables.reflect(connection)
        for name, some in rows.items():
            connection.execute(sa.insert(tables.tables[name]), some)


def a_home_at(version, **changes):
    """A home of version 0001 to 0003 with a project, a labelling run and a run.

    ``changes``: other values in the record of a table.
    """
    labels = LabelSet.of(["a", "b"]).model_dump(mode="json")
    rows = {
        "projects": {"id": 1, "name": "old", "created": 1.5, "source": "f.csv", "rows": 2,
                     "digest": "d", "report": {"rows": 2}, "label_set": labels},
        "labellings": {"id": 1, "project_id": 1, "created": 2.5, "label_set": labels, "config": {},
                       "fingerprint": "x", "teacher": {}, "calibration": "batch",
                       "tokens_in": 2**40, "tokens_out": 0, "seconds": 0.5},
        "runs": {"id": 1, "project_id": 1, "labelling_id": 1, "created": 3.5,
                 "config": TrainingConfig().model_dump(mode="json"), "labels": {}},
    }  # fmt: skip
    engine = engine_at(version)
    write_rows(engine, {name: {**row, **changes.get(name, {})} for name, row in rows.items()})
    engine.dispose()
    texts = Home().texts(1)
    texts.parent.mkdir(parents=True)
    texts.write_bytes(b"")


def set_version(engine, version):
    """Let the database say that its tables are of another version."""
    table = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String))
    with engine.begin() as connection:
        connection.execute(sa.update(table).values(version_num=version))
