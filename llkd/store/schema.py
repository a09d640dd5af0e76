"""The tables: what people and processes change. Bulk data lies in Parquet beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Words(sa.TypeDecorator[str]):
    """Text that every database takes: U+FFFD for each NUL character and half surrogate pair."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """What is stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)


@dataclass(frozen=True)
class Unreadable:
    """Stands for a JSON value that was damaged: what is stored, and why it cannot be read."""

    raw: str
    reason: str


class Document(sa.TypeDecorator[Any]):
    """A JSON value. One that cannot be read comes as :class:`Unreadable`: other rows stay whole."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Read what a query returns."""
        read = super().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            try:
                return value if read is None else read(value)
            except (ValueError, TypeError, RecursionError) as error:
                return Unreadable(str(value), " ".join(str(error).split())[:200])

        return process


class AnyDocument(sa.TypeDecorator[Any]):
    """A JSON value that is read beside another record; None where it is damaged."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Read what a query returns."""
        read = Document().result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            document = read(value)
            return None if isinstance(document, Unreadable) else document

        return process


class LongWords(Words):
    """Words of any length."""

    impl = sa.Text
    cache_ok = True


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", Words(100), nullable=False, unique=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("source", Words(500), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("digest", Words(64), nullable=False),
    sa.Column("report", Document, nullable=False),
    sa.Column("label_set", Document),
    sa.Column("labelling_id", sa.Integer),
    sa.Column("archived", sa.Float),
    sa.Column("additions", Document),
    sqlite_autoincrement=True,  # a number is never given twice
)

labeling_runs = sa.Table(
    "labellings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
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
    sa.Column("job_id", sa.Integer),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    sa.Column("config", Document, nullable=False),
    sa.Column("labels", Document, nullable=False),
    sa.Column("summary", Document),
    sa.Column("title", Words(100), nullable=False, default="", server_default=""),
    sa.Column("note", Words(2000), nullable=False, default="", server_default=""),
    sa.Column("pinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
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
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("queued", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("heartbeat", sa.Float),
    sa.Column("done", sa.BigInteger, nullable=False, default=0),
    sa.Column("total", sa.BigInteger),
    sa.Column("message", Words(500), nullable=False, default=""),
    sa.Column("cancel_requested", sa.Float),
    sa.Column("result", Document),
    sa.Column("error", LongWords),
    sa.Index("jobs_by_state", "state", "device"),
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
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("batch", Words(32), nullable=False),
    sa.Column("undone", sa.Float),
    sa.Column("kind", Words(10)),
    sa.Column("sample_id", sa.Integer),
    sa.Column("note", LongWords),
    sa.Index("human_labels_by_row", "project_id", "row"),
    sqlite_autoincrement=True,  # a number is never given twice
)

selections = sa.Table(
    "selections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", Words(100), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
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
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("document", Document, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

browser_names = sa.Table(
    "browser_names",
    metadata,
    sa.Column("mark", Words(32), primary_key=True),
    sa.Column("name", Words(200), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

text_views = sa.Table(
    "text_views",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", Words(100), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("view", Document, nullable=False),
    sa.UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,  # a number is never given twice
)

audits = sa.Table(
    "audits",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("who", Words(200), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("state", Words(20), nullable=False),
    sa.Column("document", Document, nullable=False),
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
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("batch", Words(32), nullable=False),
    sa.Column("undone", sa.Float),
    sa.UniqueConstraint("audit_id", "batch"),
    sa.Index("audit_answers_by_place", "audit_id", "place"),
    sqlite_autoincrement=True,  # a number is never given twice
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("audit_id", sa.ForeignKey("audits.id", ondelete="CASCADE"), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("document", Document, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE")),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("kind", Words(50), nullable=False),
    sa.Column("detail", Document, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)
