"""How fast a run learned, beside its rivals: over samples, time or epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from llkd import charts, fairness
from llkd.errors import NotFound
from llkd.store import Project, Run, Store
from ui import comparison_report, run_reads
from ui.results_view import PLAIN
from ui.wording import counted

MEASURES = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
AGAINST = {"samples": "Samples", "seconds": "Time", "epoch": "Epochs"}
SHOWN_AT_FIRST = 4


@dataclass(frozen=True)
class Rival:
    """A run that differs from another in how it chose its texts; ``matched``: as many of them."""

    name: str
    run: Run
    matched: bool = False


def learning(store: Store, project: Project, run: Run, runs: Sequence[Run]) -> None:
    """Accuracy or macro-F1 after each epoch, for the run and the rivals that are chosen."""
    if not run_reads.learning_curve(store, run):
        st.caption("This run was not evaluated after its epochs.")
        return
    found = {rival.name: rival for rival in rivals(store, project, run, runs)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure = st.segmented_control(
            "Measure",
            list(MEASURES),
            format_func=MEASURES.__getitem__,
            default="accuracy",
            required=True,
            key="results_measure",
            persist_state="session",
        )
        against = st.segmented_control(
            "Against",
            list(AGAINST),
            format_func=AGAINST.__getitem__,
            default="samples",
            required=True,
            key="results_curve_against",
            persist_state="session",
        )
    beside: list[str] = []
    if found:
        beside = st.multiselect(
            f"Beside it ({len(found)} of the same labels and settings)",
            list(found),
            default=list(found)[:SHOWN_AT_FIRST],
            key=f"results_beside_{run.id}",
            persist_state="session",
        )
    drawn = [Rival(run.name, run), *[found[name] for name in beside]]
    curves = [
        {
            "name": one.name,
            "strategy": one.run.config.selection.strategy,
            "matched": one.matched,
            "epochs": epochs,
        }
        for one in drawn
        if (epochs := run_reads.learning_curve(store, one.run))
    ]
    teacher = run_reads.teacher_report(store, project, run)
    st.plotly_chart(
        charts.learning_curves(curves, measure, against, teacher[measure] if teacher else None),
        key="results_curves",
        config=PLAIN,
        alt=f"{MEASURES[measure]} after each epoch against {AGAINST[against].lower()}",
    )
    st.caption(
        "Each mark is the end of an epoch, measured on the held-out texts. Time is that of "
        "training alone: measuring and logging are not counted. "
        + (
            "A dotted line took in every step as many texts as llkd."
            if any(one.matched for one in drawn)
            else ""
        )
    )
    if not found:
        st.caption("No other run has the same labels, settings and seed: compare on Train.")
    elif len(found) > len(beside):
        left = len(found) - len(beside)
        st.caption(f"{counted(left, 'more run')} can be put beside it.")


def rivals(store: Store, project: Project, run: Run, runs: Sequence[Run]) -> list[Rival]:
    """Runs to hold this one against: of its newest comparison and seed, else of equal settings."""
    by_id = {one.id: one for one in runs}
    for job in comparison_report.finished(store, project).values():
        entries = (job.result or {})["runs"]
        if not any(one["run"] == run.id for one in entries):
            continue
        return [
            Rival(
                one["arm"]
                + (", llkd's samples" if one["budget"] == "samples" else "")
                + f" (run {one['run']})",
                by_id[one["run"]],
                one["budget"] == "samples",
            )
            for one in entries
            if one["run"] != run.id and one["run"] in by_id and one["seed"] == run.config.seed
        ]
    others = [one for one in runs if one.id != run.id and fairness.same_but(run, one)]
    return [Rival(one.name, one, _counted(store, one)) for one in others]


def _counted(store: Store, run: Run) -> bool:
    """Whether a run took as many texts in each step as one of llkd."""
    if run.config.reference_run is None:
        return False
    try:
        other = store.runs.get(run.config.reference_run)
    except NotFound:
        return False
    return other.config.selection.strategy == "llkd"
