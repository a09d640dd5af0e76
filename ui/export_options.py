"""How an export is written: formats, columns, a validation split, and what that makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import exporting
from llkd.curation import Plane
from llkd.store import Project, Store
from ui import reads
from ui.wording import counted

FORMATS = {
    "csv": "CSV, for spreadsheets",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
    "hf-zip": "Data set folder, zipped",
}
GROUPS = {
    "teacher": "Teacher's label and confidence",
    "probabilities": "Probability of every class",
    "student": "Information need and student",
    "people": "Human label",
    "weights": "Weights",
    "gold": "Gold",
}


def chosen() -> exporting.Options:
    """Read the widgets."""
    formats = st.pills(
        "Formats",
        list(FORMATS),
        selection_mode="multi",
        default=["csv", "jsonl"],
        format_func=FORMATS.__getitem__,
        key="export_formats",
        persist_state="session",
    )
    columns = st.pills(
        "Columns beside id, text, label and who gave it",
        list(GROUPS),
        selection_mode="multi",
        default=list(exporting.USUAL_GROUPS),
        format_func=GROUPS.__getitem__,
        key="export_columns",
        persist_state="session",
        help="Gold is for evaluation, so it is left out unless you ask for it. In CSV there is a "
        "column prob_<class> for each class, elsewhere one list in the order of the classes.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.toggle(
            "With a validation split",
            key="export_split",
            persist_state="session",
            help="Drawn by the texts themselves: rows that come later move no other, and texts "
            "that read the same stay together. Its labels are the teacher's, too.",
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
    store: Store, project: Project, plane: Plane, kept: np.ndarray, options: exporting.Options
) -> None:
    """Rows of each class to train on and for validation, as the export will draw them."""
    if not options.validation or not kept.any():
        return
    frame = plane.frame[kept & (plane.frame["label"].to_numpy() >= 0)]
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
        f"{counted(int(held.sum()), 'row')} for validation, in files of their own."
    )
    st.dataframe(
        pd.DataFrame(counts),
        hide_index=True,
        width=420,
        height="content" if classes <= 8 else 300,
        key="export_split_table",
    )
