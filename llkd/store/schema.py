"""The tables: what people and processes change. Bulk data lies in Parquet beside them."""

from __future__ import annotations

import sqlalchemy as sa

from llkd.store.engine.column_types import (
    AnyDocument,
    Document,
    LongWords,
    Moment,
    Unreadable,
    Words,
)
from llkd.store.engine.table_comments import comment_on

__all__ = ["AnyDocument", "Document", "LongWords", "Moment", "Unreadable", "Words"]

metadata = sa.MetaData()


def _or_null(target: str, name: str, *, later: bool = False) -> sa.ForeignKey:
    """A reference that is emptied when its record is deleted; ``later``: tables name each other."""
    return sa.ForeignKey(target, name=name, ondelete="SET NULL", use_alter=later)


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", Words(100), nullable=False, unique=True),
    sa.Column("created", Moment, nullable=False),
    sa.Column("source", Words(500), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("digest", Words(64), nullable=False),
    sa.Column("report", Document, nullable=False),
    sa.Column("label_set", Document),
    sa.Column("labelling_id", _or_null("labellings.id", "projects_labelling_id_fkey", later=True)),
    sa.Column("archived", Moment),
    sa.Column("additions", Document),
    sa.Index("projects_by_labelling", "labelling_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

labeling_runs = sa.Table(
    "labellings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("label_set", Document, nullable=False),
    sa.Column("config", Document, nullable=False),
    sa.Column("fingerprint", Words(64), nullable=False),
    sa.Column("teacher", Document, nullable=False),
    sa.Column("calibration", Words(30), nullable=False),
    sa.Column("content_free", Document),
    sa.Column("tokens_in", sa.BigInteger, nullable=False, default=0),
    sa.Column("tokens_out", sa.BigInteger, nullable=False, default=0),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("cached", sa.BigInteger, nullable=False, default=0, server_default="0"),
    sa.Column("cut", sa.BigInteger, nullable=False, default=0, server_default="0"),
    sa.Column("fits", Document),
    sa.Column("rounds", Document),
    sa.UniqueConstraint("project_id", "fingerprint"),
    sqlite_autoincrement=True,  # a number is never given twice
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("labelling_id", sa.ForeignKey("labellings.id", ondelete="CASCADE"), nullable=False),
    sa.Column("job_id", _or_null("jobs.id", "runs_job_id_fkey")),
    sa.Column("created", Moment, nullable=False),
    sa.Column("finished", Moment),
    sa.Column("config", Document, nullable=False),
    sa.Column("labels", Document, nullable=False),
    sa.Column("summary", Document),
    sa.Column("title", Words(100), nullable=False, default="", server_default=""),
    sa.Column("note", Words(2000), nullable=False, default="", server_default=""),
    sa.Column("pinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Index("runs_by_project", "project_id"),
    sa.Index("runs_by_labelling", "labelling_id"),
    sa.Index("runs_by_job", "job_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE")),
    sa.Column("kind", Words(30), nullable=False),
    sa.Column("title", Words(300), nullable=False),
    sa.Column("arguments", Document, nullable=False),
    sa.Column("request", Document),
    sa.Column("context", Document, nullable=False),
    sa.Column("device", Words(50)),
    sa.Column("state", Words(20), nullable=False),
    sa.Column("pid", sa.Integer),
    sa.Column("attempts", sa.Integer, nullable=False, default=1),
    sa.Column("created", Moment, nullable=False),
    sa.Column("queued", Moment, nullable=False),
    sa.Column("started", Moment),
    sa.Column("finished", Moment),
    sa.Column("heartbeat", Moment),
    sa.Column("done", sa.BigInteger, nullable=False, default=0),
    sa.Column("total", sa.BigInteger),
    sa.Column("message", Words(500), nullable=False, default=""),
    sa.Column("cancel_requested", Moment),
    sa.Column("result", Document),
    sa.Column("error", LongWords),
    sa.Index("jobs_by_state", "state", "device"),
    sa.Index("jobs_by_project", "project_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

human_labels = sa.Table(
    "human_labels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("action", Words(20), nullable=False),
    sa.Column("label", Words(200)),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("batch", Words(32), nullable=False),
    sa.Column("undone", Moment),
    sa.Column("kind", Words(10)),
    sa.Column("sample_id", _or_null("label_samples.id", "human_labels_sample_id_fkey")),
    sa.Column("note", LongWords),
    sa.Column("exact_created", sa.Float),
    sa.Index("human_labels_by_row", "project_id", "row"),
    sa.Index("human_labels_by_sample", "sample_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

selections = sa.Table(
    "selections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", Words(100), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("view", Document, nullable=False),
    sa.Column("counts", Document, nullable=False),
    sa.Column("who", Words(200), nullable=False, default="", server_default=""),
    sa.UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,  # a number is never given twice
)

label_samples = sa.Table(
    "label_samples",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("document", Document, nullable=False),
    sa.Index("label_samples_by_project", "project_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

browser_names = sa.Table(
    "browser_names",
    metadata,
    sa.Column("mark", Words(32), primary_key=True),
    sa.Column("name", Words(200), nullable=False),
    sa.Column("created", Moment, nullable=False),
)

text_views = sa.Table(
    "text_views",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", Words(100), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("view", Document, nullable=False),
    sa.UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,  # a number is never given twice
)

audits = sa.Table(
    "audits",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("state", Words(20), nullable=False),
    sa.Column("document", Document, nullable=False),
    sa.Index("audits_by_project", "project_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

audit_answers = sa.Table(
    "audit_answers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("audit_id", sa.ForeignKey("audits.id", ondelete="CASCADE"), nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("kind", Words(20), nullable=False),
    sa.Column("label", Words(200)),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("batch", Words(32), nullable=False),
    sa.Column("undone", Moment),
    sa.UniqueConstraint("audit_id", "batch"),
    sa.Index("audit_answers_by_place", "audit_id", "place"),
    sa.Index("audit_answers_by_project", "project_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("audit_id", sa.ForeignKey("audits.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", Moment, nullable=False),
    sa.Column("document", Document, nullable=False),
    sa.Index("certificates_by_project", "project_id"),
    sa.Index("certificates_by_audit", "audit_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE")),
    sa.Column("created", Moment, nullable=False),
    sa.Column("kind", Words(50), nullable=False),
    sa.Column("detail", Document, nullable=False),
    sa.Index("events_by_project", "project_id"),
    sqlite_autoincrement=True,  # a number is never given twice
)

for _table in metadata.tables.values():
    comment_on(_table)
