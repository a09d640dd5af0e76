"""Whether a file is an annotation tool's, and what its people and models said."""

from __future__ import annotations

import pyarrow.compute as pc

from llkd.datasets.annotations import argilla, label_studio
from llkd.datasets.annotations.cells import Cells
from llkd.datasets.annotations.judgements import Annotations
from llkd.datasets.checks.columns import look_at
from llkd.datasets.readers.records import Records

OWN_ID = "llkd_id"
"""How exports for annotation tools carry a text's id in the project."""
_MOST_CLASSES = 255
_LONGEST_CLASS = 60


def annotations_of(
    records: Records, text: str | None = None, label: str | None = None
) -> Annotations | None:
    """What people and models said in a tool's file; None where it is no such file.

    ``text`` is the column of the texts, ``label`` the question or column that was chosen, if any.
    """
    cells = Cells(records.table)
    for form in (
        label_studio.of_tasks,
        argilla.of_nested,
        argilla.of_flat,
        argilla.of_version_1,
    ):
        annotations = form(cells)
        if annotations is not None:
            return annotations
    if label is not None and label in records.columns:
        return label_studio.of_rows(cells, lambda column: column == label)
    return label_studio.of_rows(cells, lambda column: column != text and _is_class(records, column))


def own_id(records: Records) -> str | None:
    """The column with the ids of the project that the texts were exported from, if there is one."""
    return next((c for c in records.columns if c.rsplit(".", 1)[-1] == OWN_ID), None)


def _is_class(records: Records, column: str) -> bool:
    """Whether the values of a column could be classes: short, no numbers, few for so many."""
    look = look_at(records, column)
    if not look.values or look.numbers > 0.5 or look.mean_length > _LONGEST_CLASS:
        return False
    cells = records.table.column(column)
    names = cells.filter(pc.invert(pc.starts_with(pc.fill_null(cells, ""), "{")))  # no choices
    values = pc.count_distinct(names).as_py()
    return bool(values <= min(_MOST_CLASSES, max(3, look.values // 2)))
