"""How an export is written: formats, columns, a validation split, and what that makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import exporting
from llkd.curation import Plane
from llkd.store import Project, Store
from ui.shell import reads
from ui.shell.wording import counted

FORMATS = {
    "csv": "CSV, for spreadsheets",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
    "hf-zip": "Data set folder, zipped",
    "label-studio": "Label Studio",
    "argilla": "Argilla",
}
GROUPS = {
    "teacher": "Teacher's label and confidence",
    "probabilities": "Probability of every class",
    "student": "Student uncertainty and label",
    "people": "Human label",
    "weights": "Weights",
    "notes": "Notes and flags",
    "gold": "Gold",
}


def options() -> exporting.Options:
    """Read the widgets."""
    formats = st.pills(
        "Formats",
        list(FORMATS),
        selection_mode="multi",
        default=["csv", "jsonl"],
        format_func=FORMATS.__getitem__,
        key="export_formats",
        persist_state="session",
        help="JSON lines and Parquet hold every text exactly. In CSV, a cell that begins with "
        "= + - @ gets a ' in front, so that no spreadsheet runs it. A folder with a manifest.json "
        "is complete.",
    )
    columns = st.pills(
        "Columns besides id, text, label and who gave it",
        list(GROUPS),
        selection_mode="multi",
        default=list(exporting.USUAL_GROUPS),
        format_func=GROUPS.__getitem__,
        key="export_columns",
        persist_state="session",
        help="Gold is for evaluation and left out by default. Probabilities are one column "
        "prob_<class> each in CSV, one list elsewhere.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.toggle(
            "With a validation split",
            key="export_split",
            persist_state="session",
            help="Split by the text itself: rows added later move no other, and equal texts stay "
            "together. Its labels, too, are the teacher's.",
        )
        share, seed = 0.1, 0
        if split:
            per_cent = st.number_input(
                "Validation, %", 1, 50, 10, key="export_share", persist_state="session", width=150
            )
            share = per_cent / 100
            seed = st.number_input(
                "Seed", 0, 10**6, 0, key="export_seed", persist_state="session", width=150
            )
    return exporting.Options(
        tuple(name for name in FORMATS if name in formats),
        tuple(name for name in GROUPS if name in columns),
        share if split else 0.0,
        int(seed),
    )


def split_counts(
    store: Store, project: Project, plane: Plane, mask: np.ndarray, options: exporting.Options
) -> None:
    """Rows of each class to train on and for validation, as the export will draw them."""
    if not options.validation or not mask.any():
        return
    frame = plane.frame[mask & (plane.frame["label"].to_numpy() >= 0)]
    label = frame["label"].to_numpy()
    where = reads.split_places(store, project, options.seed)[frame["row"].to_numpy()]
    held = exporting.validation_rows(where, label, options.validation)
    classes = len(plane.names)
    counts: dict[str, Any] = {
        "Class": plane.names,
        "Training": np.bincount(label[~held], minlength=classes),
        "Validation": np.bincount(label[held], minlength=classes),
    }
    st.markdown(
        f"{counted(int((~held).sum()), 'row')} to train on, "
        f"{counted(int(held.sum()), 'row')} for validation, in separate files."
    )
    st.dataframe(
        pd.DataFrame(counts),
        hide_index=True,
        width=420,
        height="content" if classes <= 8 else 300,
        key="export_split_table",
    )
