"""Results: runs side by side, whether the selection helped, one run in detail, one typed text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd import charts, fairness
from llkd.store import Project, Run, Store
from ui import comparison, jobs_view, results_view, run_reads
from ui.classify import classify_file
from ui.errors import told
from ui.page import Page, empty_state, next_step, open_page
from ui.results_view import PLAIN
from ui.tryout import try_student
from ui.wording import TERMS, counted, share


def _side_by_side(store: Store, project: Project, runs: Sequence[Run]) -> None:
    table = results_view.runs_table(store, project, runs)
    st.dataframe(
        table,
        hide_index=True,
        column_config=results_view.COLUMNS,
        placeholder="–",
        alt="The teacher and every finished run with its figures",
    )
    st.caption(
        f"{TERMS['accuracy']} {TERMS['macro-F1']} Brackets are 95 % intervals. Back-propagated "
        "counts every text each time the student was trained on it; the share is of all it could "
        "have been trained on."
    )
    marks = results_view.run_marks(store, project, runs)
    if marks:
        teacher = run_reads.teacher_report(store, project, runs[-1])
        st.plotly_chart(
            charts.accuracy_against_samples(marks, teacher["accuracy"] if teacher else None),
            key="results_samples",
            config=PLAIN,
            alt="Accuracy of each run against the samples it used",
        )


def _without_gold(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """What can be said where nobody knows the right labels."""
    st.info(
        "No held-out text has a gold label, so nobody can say how often a student is right. What "
        "can be said is how often it agrees with the teacher on the texts the teacher labelled: "
        "high agreement means that it learned what it was taught, not that it was taught right. "
        "To measure quality, bring in some texts with gold labels on Data.",
        icon=":material/info:",
    )
    st.dataframe(
        results_view.agreement_table(store, project, runs),
        hide_index=True,
        column_config=results_view.COLUMNS,
        alt="Every finished run with its agreement with the teacher",
    )


def _detail(store: Store, project: Project, runs: Sequence[Run], measured: bool) -> Run:
    st.subheader("One run in detail", anchor=False)
    names = {run.id: f"{run.name}, seed {run.config.seed}" for run in runs}
    chosen = st.selectbox(
        "Run",
        list(reversed(names)),
        format_func=names.__getitem__,
        key="results_run",
        persist_state="session",
        width=340,
    )
    run = next(run for run in runs if run.id == chosen)
    views = ["What was selected when", *(["Per class", "Confusion"] if measured else [])]
    which = st.segmented_control(
        "Show", views, default=views[-1], required=True, key="results_view", persist_state="session"
    )
    if which == "Per class":
        _per_class(store, project, run)
    elif which == "Confusion" and measured:
        _confusion(store, project, run)
    else:
        _selected_when(run)
    return run


def _per_class(store: Store, project: Project, run: Run) -> None:
    series = results_view.f1_series(store, project, run)
    st.plotly_chart(
        charts.f1_per_class(run_reads.class_names(run), series),
        key="results_f1",
        config=PLAIN,
        alt="F1 of each class for the teacher and the student",
    )
    st.caption("F1 balances precision (labels given rightly) and recall (texts found) of a class.")


def _confusion(store: Store, project: Project, run: Run) -> None:
    report = run_reads.report(store, project, run)
    if report is None:
        st.caption("This run was not evaluated.")
        return
    st.plotly_chart(
        charts.confusion(report["confusion"], run_reads.class_names(run)),
        key="results_confusion",
        config=PLAIN,
        alt="True classes against the student's answers",
    )
    st.caption(
        f"{counted(report['judged'], 'held-out text')}. Each row is a true class; a cell says how "
        "many of its texts the student put where. The diagonal is right."
    )


def _selected_when(run: Run) -> None:
    epochs: list[dict[str, Any]] = (run.summary or {}).get("epochs", [])
    epochs = [one for one in epochs if one.get("selected_share_per_class")]
    if not epochs:
        st.caption("This run kept no record of it.")
        return
    st.plotly_chart(
        charts.selected_when(epochs, run_reads.class_names(run)),
        key="results_when",
        config=PLAIN,
        alt="Share of each class selected in each epoch",
    )
    right = (run.summary or {}).get("selected_accuracy")
    told_of = (
        "" if right is None else f" Of the selected labels with gold, {share(right)} were right."
    )
    st.caption("How much of each class the student was trained on, epoch by epoch." + told_of)


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    runs = fairness.finished(store, project)
    if not runs:
        if not store.labellings.all(project.id):
            empty_state(
                "Results come from training, and training from the teacher's labels. "
                "There are none yet.",
                "Teacher",
            )
        busy = jobs_view.live_job(store, project.id, ("train",)) is not None
        empty_state(
            "A student is being trained; its results will be here."
            if busy
            else "No student has been trained yet.",
            "Train",
        )
    measured = any(run_reads.report(store, project, run) is not None for run in runs)
    with told():
        if measured:
            comparison.judgement(store, project, runs)
            st.subheader("Runs side by side", anchor=False)
            _side_by_side(store, project, runs)
            comparison.who_judged(runs)
        else:
            comparison.unjudged(store, project)
            st.subheader("Runs side by side", anchor=False)
            _without_gold(store, project, runs)
    with told():
        run = _detail(store, project, runs, measured)
        try_student(store, project, run)
        classify_file(store, project, run)
    next_step("Export", "Take it away on Export", primary=False)


with told():
    _page(
        open_page(
            "Results", "See what each student is worth, and whether choosing its texts helped."
        )
    )
