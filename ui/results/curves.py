"""How fast a run learned, beside its rivals: over samples, time or epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from llkd import charts
from llkd.errors import NotFound
from llkd.evaluation.comparison.arms import arm_colour, arm_label
from llkd.evaluation.comparison.report import stored_report
from llkd.evaluation.comparison.rivals import same_settings_except
from llkd.evaluation.quality_report import QualityReport
from llkd.store import Project, Run, Store
from ui.results import comparison_report
from ui.runs import reads
from ui.shell.figures import CHART_CONFIG
from ui.shell.wording import counted

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
    if not reads.learning_curve(store, run):
        st.caption("This run was not evaluated after its epochs.")
        return
    comparable = {rival.name: rival for rival in comparable_runs(store, project, run, runs)}
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
    others: list[str] = []
    if comparable:
        others = st.multiselect(
            f"Beside it ({len(comparable)} of the same labels and settings)",
            list(comparable),
            default=list(comparable)[:SHOWN_AT_FIRST],
            key=f"results_beside_{run.id}",
            persist_state="session",
        )
    shown = [Rival(run.name, run), *[comparable[name] for name in others]]
    curves = [
        {
            "name": entry.name,
            "colour": arm_colour(entry.run.config.selection.strategy),
            "matched": entry.matched,
            "epochs": epochs,
        }
        for entry in shown
        if (epochs := reads.learning_curve(store, entry.run))
    ]
    teacher = reads.teacher_report(store, project, run)
    st.plotly_chart(
        charts.learning_curves(curves, measure, against, _teacher_value(teacher, measure)),
        key="results_curves",
        config=CHART_CONFIG,
        alt=f"{MEASURES[measure]} after each epoch against {AGAINST[against].lower()}",
    )
    notes = []
    if against == "seconds":
        notes.append("Time of training alone, without measuring and logging.")
    if any(entry.matched for entry in shown):
        notes.append(
            "Dotted: matched, in every step as many texts as the arm whose counts it copies."
        )
    if notes:
        st.caption(" ".join(notes))
    if not comparable:
        st.caption("No other run has the same labels, settings and seed: compare on Train.")
    elif len(comparable) > len(others):
        left = len(comparable) - len(others)
        st.caption(f"{counted(left, 'more run')} can be put beside it.")


def _teacher_value(report: QualityReport | None, measure: str) -> float | None:
    if report is None:
        return None
    return report["accuracy"] if measure == "accuracy" else report["macro_f1"]


def comparable_runs(store: Store, project: Project, run: Run, runs: Sequence[Run]) -> list[Rival]:
    """Runs to hold this one against: of its newest comparison and seed, else of equal settings."""
    by_id = {other.id: other for other in runs}
    for job in comparison_report.finished(store, project).values():
        report = stored_report(job.result)
        if report is None or all(entry.run != run.id for entry in report.runs):
            continue
        return [
            Rival(
                arm_label(entry.arm)
                + (", matched" if entry.budget == "samples" else "")
                + f" (run {entry.run})",
                by_id[entry.run],
                entry.budget == "samples",
            )
            for entry in report.runs
            if entry.run != run.id and entry.run in by_id and entry.seed == run.config.seed
        ]
    others = [other for other in runs if other.id != run.id and same_settings_except(run, other)]
    return [Rival(other.name, other, _counted(store, other)) for other in others]


def _counted(store: Store, run: Run) -> bool:
    """Whether a run took as many texts in each step as another that is there."""
    if run.config.reference_run is None:
        return False
    try:
        store.runs.get(run.config.reference_run)
    except NotFound:
        return False
    return True
