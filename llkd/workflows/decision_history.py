"""The history of a project's decisions as a document or a file, and undo by its author."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llkd import exporting
from llkd.curation.decision_history import HistoryFilter, history_entries, history_table
from llkd.errors import UserError
from llkd.exporting.tables import table_writer
from llkd.store import Project, Store

AT_ONCE = 20_000


def history_document(
    store: Store, project: Project, wanted: HistoryFilter, limit: int, out: str | None = None
) -> dict[str, Any]:
    """The newest ``limit`` acts and how many there are; all of them written to ``out``.

    Raises UserError for an ending that no table has.
    """
    path = None if out is None else Path(out).expanduser().resolve()
    if path is not None and path.suffix.lower() not in exporting.ENDINGS:
        raise UserError(
            f"The ending of --out says its format: {', '.join(exporting.ENDINGS)}; it was "
            f"{path.name!r}."
        )
    entries = history_entries(store, project, wanted)
    document = {"project": project.name, "acts": len(entries)}
    if path is not None:
        texts = store.projects.texts(project, ["id", "text"])
        with table_writer(path) as write:
            for first in range(0, max(1, len(entries)), AT_ONCE):
                table = history_table(store, project, entries[first : first + AT_ONCE], texts)
                write(table.astype({"row": np.float64}))
        return {**document, "out": str(path)}
    listed = history_table(store, project, entries[:limit]).astype(object)
    return {**document, "listed": listed.where(listed.notna(), None).to_dict("records")}
