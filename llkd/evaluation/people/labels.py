"""Every label that people gave, in long form: a line for each person and text."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from llkd.store import Project, Store
from llkd.store.people.class_keys import names_by_key, split_keys
from llkd.store.people.standing import FINAL, SECOND

COLUMNS = ("id", "person", "label", "time", "kind", "adjudicated")


def labels_by_person(store: Store, project: Project) -> pd.DataFrame:
    """The labels that were not undone, oldest first, with the columns :data:`COLUMNS`.

    ``label`` is the class's name of today, empty for "none of these"; ``time`` is UTC; ``kind`` is
    label, second (given blindly) or audit (an answer of an audit by two); ``adjudicated`` says
    whether it settled what people disagreed on.
    """
    called = names_by_key(store.projects.by_id(project.id).label_set)
    split = split_keys(store.projects.by_id(project.id).label_set)
    ids = store.projects.texts(project, ["id"])["id"].to_numpy()
    lines: list[dict[str, Any]] = []
    for entry in store.disputes.log(project.id):
        if entry.action not in ("label", "none"):
            continue
        kind = "second" if entry.kind == SECOND else "label"
        name = None if entry.label is None else called.get(entry.label, entry.label)
        if entry.label in split:
            name = entry.label
        lines.append(
            _line(ids, entry.row, entry.who, name, entry.created, kind, entry.kind == FINAL)
        )
    for audit in store.audits.all(project.id):
        if audit.people < 2:
            continue  # its answers are the decisions above
        for answer in store.audits.answers(audit):
            if not answer.final:
                name = None if answer.key is None else called.get(answer.key, str(answer.key))
                lines.append(
                    _line(ids, answer.row, answer.who, name, answer.created, "audit", False)
                )
    return pd.DataFrame(lines, columns=list(COLUMNS)).sort_values("time", kind="stable")


def _line(
    ids: Any, row: int, who: str, label: str | None, moment: float, kind: str, final: bool
) -> dict[str, Any]:
    return {
        "id": str(ids[row]),
        "person": who,
        "label": "" if label is None else label,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
        "kind": kind,
        "adjudicated": final,
    }
