"""What comes first on Results: at most three lines, and folded away what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd.evaluation import student_and_teacher
from llkd.evaluation.best_run import best_run
from llkd.evaluation.comparison import conclusion, single_run_conclusion
from llkd.evaluation.comparison.arms import RIVALS
from llkd.evaluation.comparison.report import ComparisonReport
from llkd.evaluation.student_and_teacher import Standing
from llkd.selection.registry import METHOD
from llkd.store import Job, Project, Run, Store
from ui.results import comparison_report, tables
from ui.runs import reads as run_reads
from ui.runs.choice import choose_run
from ui.shell import reads
from ui.shell.page import next_step
from ui.shell.wording import counted, plain, share

MOST_LINES = 3
NO_COMPARISON = (
    "Whether choosing texts helped is not known: no comparison has been made in this project."
)


def show(store: Store, project: Project, runs: Sequence[Run], measured: bool) -> None:
    """The best student beside its teacher, a verdict a selection, and the figures behind them.

    ``measured``: whether people know a class of any run's evaluation set.
    """
    best = best_run(runs)
    of = standing(store, project, best) if measured else None
    if of is None:
        first = _unmeasured(store, project, best)
    else:
        first = student_and_teacher.sentence(of, best)
    comparisons = comparison_report.finished(store, project)
    job = comparison_report.looked_at(comparisons)
    report = None if job is None else comparison_report.renewed(store, project, job)
    by_rival = None
    verdicts: list[str] = []
    if report is not None:
        verdicts = conclusion.verdict_lines(report) if report.measured else []
    elif measured:
        by_rival = _newest_method_run(store, project, runs)
        verdicts = [
            NO_COMPARISON if by_rival is None else single_run_conclusion.sentence(by_rival[1])
        ]
    lines = [first, *verdicts][:MOST_LINES]
    warned = of is not None and (of.below or bool(of.unused))
    box, icon = (st.warning, "warning") if warned else (st.info, "balance")
    bullet = "- " if len(lines) > 1 else ""
    box("\n".join(f"{bullet}{plain(line)}" for line in lines), icon=f":material/{icon}:")
    if report is not None and job is not None:
        comparison_report.labels_then(store, project, report)
        _folded_comparison(report, comparisons, job)
    elif measured:
        _single_runs(runs, by_rival)


def standing(store: Store, project: Project, run: Run) -> Standing | None:
    """:func:`llkd.evaluation.student_and_teacher.standing`, kept until the labels change."""
    labeling_run = store.labeling_runs.get(run.labelling_id)
    stamp = (
        str(store.home.root),
        project.digest,
        run.id,
        run.finished,
        reads.labels_version(store, labeling_run),
        reads.classes_version(run.project_classes),
    )
    return _standing(stamp, store, project, run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _standing(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run
) -> Standing | None:
    labels = reads.run_teacher_labels(_store, _run)
    return student_and_teacher.standing(_store, _project, _run, labels)


def _unmeasured(store: Store, project: Project, run: Run) -> str:
    """What can be said of a student where nobody knows a class: agreement, and what to do."""
    agreement = run_reads.agreement(store, project, run)
    agrees = ""
    if agreement is not None:
        agrees = (
            f" It agrees with its teacher on {share(agreement[0])} of "
            f"{counted(agreement[1], 'text')} of the pool, which is not accuracy."
        )
    return (
        f"How often the student of run {run.id} is right is not known: no text that did not train "
        f"it has a known class.{agrees} Label texts at random on Curate, or import some with gold."
    )


def _folded_comparison(report: ComparisonReport, comparisons: dict[int, Job], job: Job) -> None:
    selections = len(conclusion.verdict_lines(report)) if report.measured else 0
    shown = min(selections, MOST_LINES - 1)
    hidden = selections - shown
    more = f"{counted(hidden, 'more selection')}, arms" if hidden else "Arms"
    with st.expander(
        f"{more}, charts and every difference", icon=":material/table_rows:", key="comparison_box"
    ):
        comparison_report.choice(comparisons, job)
        comparison_report.details(report, shown)


def _newest_method_run(
    store: Store, project: Project, runs: Sequence[Run]
) -> tuple[Run, dict[str, Any]] | None:
    """The LLKD run that is held against its rivals, and what came of it; None without one."""
    methods = [run for run in runs if run.config.selection.strategy == METHOD]
    if not methods:
        return None
    run = next(
        (run for run in methods if run.id == st.session_state.get("_results_judged")), methods[-1]
    )
    with st.spinner("Comparing the runs on the held-out texts …", show_time=False):
        return run, {rival: tables.rival_comparison(store, project, run, rival) for rival in RIVALS}


def _single_runs(runs: Sequence[Run], by_rival: tuple[Run, dict[str, Any]] | None) -> None:
    """The figures behind the verdict on single runs, and the way to what is missing."""
    if by_rival is None:
        next_step("Train", "Compare fairly on Train", primary=False, key="results_no_method")
        return
    run, comparisons = by_rival
    methods = [run for run in runs if run.config.selection.strategy == METHOD]
    with st.expander("LLKD against each rival", icon=":material/table_rows:", key="rivals_box"):
        if len(methods) > 1:
            choose_run(
                "The LLKD run to judge (its other seeds count with it)",
                methods[::-1],
                key="results_judged",
            )
        table = tables.comparison_table(comparisons)
        if len(table):
            st.dataframe(table, hide_index=True, alt="LLKD against each rival, with intervals")
            st.caption(
                "LLKD minus the rival on the same texts, in points; the intervals of accuracy hold "
                "together at 95 %."
            )
        if run.config.judged_by == "people":
            st.caption(
                f"Evaluated on {counted(run.labels['judges']['texts'], 'label')} that people gave; "
                "they did not train these runs."
            )
    if any(comparison is None for comparison in comparisons.values()):
        next_step("Train", "Add what is missing on Train", primary=False, key="results_missing")
