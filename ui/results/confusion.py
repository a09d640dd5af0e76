"""Which classes the student takes for one another, and the texts of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import charts
from llkd.errors import NotFound
from llkd.evaluation import predictions
from llkd.evaluation.student_and_teacher import unused_classes, unused_sentence
from llkd.selection import signals
from llkd.store import Project, Run, Store
from ui.curate import titles
from ui.results.open_in_curate import open_on_curate
from ui.results.tables import TEXT_COLUMNS, shown_text
from ui.runs import reads as run_reads
from ui.shell import reads
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import count, counted, plain

MOST_TEXTS = 500
_TRUE, _PREDICTED = "results_true", "results_said"


def confusion(store: Store, project: Project, run: Run) -> None:
    """The matrix, a cell of it, the held-out texts of that cell and its like in the pool."""
    report = run_reads.report(store, project, run)
    if report is None:
        st.caption("This run was not evaluated.")
        return
    names = run.class_names
    true, predicted = _cell(report["confusion"])
    # The key holds the cell: a click draws the chart anew, with nothing selected, so that the same
    # cell can be clicked again later.
    key = f"results_confusion_{run.id}_{true}_{predicted}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            finished(charts.confusion, report["confusion"], names, cell=(true, predicted)),
            key=key,
            config=CHART_CONFIG,
            on_select=lambda: _clicked(key),
            selection_mode="points",
            alt="True classes against the student's answers; choose a cell below or beside it",
        )
    with right:
        st.caption(
            f"{counted(report['judged'], 'held-out text')}. Click a cell, or choose one here, to "
            "read its texts."
        )
        for label, name in (("True class", _TRUE), ("The student says", _PREDICTED)):
            st.selectbox(
                label,
                range(len(names)),
                format_func=lambda k: names[k],
                key=name,
                persist_state="session",
            )
        unused = unused_sentence(unused_classes(report["confusion"], names))
        if unused:
            st.markdown(plain(unused))
        pool = st.container()
    _held_out(store, project, run, names, (true, predicted))
    with pool:
        _in_pool(store, project, run, names, (true, predicted))


def _cell(matrix: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The chosen cell; at first, and where it is none of this matrix, the commonest mistake."""
    stored = st.session_state.get(_TRUE), st.session_state.get(_PREDICTED)
    if all(isinstance(k, int) and 0 <= k < len(matrix) for k in stored):
        return stored[0], stored[1]  # type: ignore[return-value]
    wrong = np.array(matrix)
    np.fill_diagonal(wrong, 0)
    true, predicted = np.unravel_index(int(wrong.argmax()), wrong.shape)
    st.session_state[_TRUE], st.session_state[_PREDICTED] = int(true), int(predicted)
    return int(true), int(predicted)


def _clicked(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        st.session_state[_TRUE], st.session_state[_PREDICTED] = (
            int(points[0]["y"]),
            int(points[0]["x"]),
        )


def _held_out(
    store: Store, project: Project, run: Run, names: list[str], cell: tuple[int, int]
) -> None:
    """The held-out texts of a cell, the surest answer first."""
    texts = reads.texts(store, project, ["gold", "split"])
    evaluated = predictions.predictions_by_row(store, project, run, None, texts)
    if evaluated is None:
        return
    rows, gold, probabilities = evaluated
    mine = np.flatnonzero((gold == cell[0]) & (signals.pseudo_label(probabilities) == cell[1]))
    sure = probabilities[mine, cell[1]]
    mine = mine[np.argsort(-sure, kind="stable")]
    what = f"held-out text{'' if len(mine) == 1 else 's'} of {names[cell[0]]}"
    right = " rightly" if cell[0] == cell[1] else ""
    st.markdown(f"**{count(len(mine))} {plain(what)}, called {plain(names[cell[1]])}{right}**")
    if not len(mine):
        st.caption("There is no such text.")
        return
    if len(mine) > MOST_TEXTS:
        st.caption(f"The {MOST_TEXTS} on which the student is surest.")
        mine = mine[:MOST_TEXTS]
    table = pd.DataFrame(
        {
            "Id": reads.texts(store, project, ["id"])["id"].iloc[rows[mine]].to_numpy(),
            "Text": reads.texts(store, project, ["text"])["text"].iloc[rows[mine]].to_numpy(),
            "True class": names[cell[0]],
            "Student says": names[cell[1]],
            "Probability": 100 * probabilities[mine, cell[1]],
            **_teacher(store, run, names, rows[mine]),
        }
    )
    shown_text(
        table,
        "Text",
        TEXT_COLUMNS,
        key=f"results_cell_{run.id}_{cell[0]}_{cell[1]}",
        alt="Held-out texts of the chosen cell, with the student's and the teacher's answer",
    )


def _teacher(store: Store, run: Run, names: list[str], rows: np.ndarray) -> dict[str, Any]:
    """What the teacher said of these rows."""
    labels = reads.run_teacher_labels(store, run)
    labelled = np.isin(rows, labels.row)
    place = np.minimum(np.searchsorted(labels.row, rows), max(0, len(labels.row) - 1))
    label = np.where(labelled, labels.label[place], -1)
    return {
        "Teacher says": np.array([*names, None], dtype=object)[label],
        "Confidence": 100 * np.where(labelled, labels.confidence[place], np.nan),
    }


def _in_pool(
    store: Store, project: Project, run: Run, names: list[str], cell: tuple[int, int]
) -> None:
    """Buttons to the pool texts that are like a cell."""
    try:
        pool = run_reads.pool_answers(store, run)
    except NotFound:
        return
    gold = run_reads.gold(store, project, run)[pool.rows]
    st.caption("Their like in the pool, on Curate:")
    for key, whose, classes in zip(
        ("label", "gold"), titles.CELLS, (pool.label, gold), strict=True
    ):
        rows = pool.rows[(classes == cell[0]) & (pool.answer == cell[1])]
        if key == "gold" and not (gold >= 0).any():
            continue
        title = titles.cell(whose, *(names[k] for k in cell))
        if st.button(
            f"{counted(len(rows), 'text')} {plain(title)}",
            icon=":material/scatter_plot:",
            key=f"results_pool_{key}",
            disabled=not len(rows),
        ):
            open_on_curate(project, run, title, rows)
