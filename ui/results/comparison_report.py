"""What a comparison's lines rest on: all that is said, the arms, a chart, the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts
from llkd.errors import NotFound
from llkd.evaluation.comparison import conclusion, contrasts, verdicts
from llkd.evaluation.comparison.arms import CONTROLS, arm_colour, arm_label, reference_arm
from llkd.evaluation.comparison.report import (
    Agreement,
    ArmDifference,
    ArmMeans,
    ComparisonReport,
    TeacherFigures,
)
from llkd.evaluation.wording import points
from llkd.selection.registry import EVERYTHING, METHOD
from llkd.store import Job, Project, Store
from ui.results.tables import COLUMNS
from ui.shell.figures import CHART_CONFIG
from ui.shell.wording import count, counted, duration, plain, share, when
from ui.train import start

ARM_WIDTH = 165
AGAINST_ALL, AGAINST_CONTROLS = "Against all texts", "Against the controls"
BUDGETS = {"epochs": "Own budget", "samples": "Matched"}
MATCHED = BUDGETS["samples"]
COSTS, RANKED = ("samples", "time"), "each other, matched"
OWN_COLUMNS: dict[str, Any] = {
    "Arm": st.column_config.TextColumn(pinned=True, width=ARM_WIDTH),
    "Budget": st.column_config.TextColumn(
        help="Own budget: as many samples as it selects. Matched: in every step as many "
        "as LLKD selected, or without it the first selection."
    ),
    AGAINST_ALL: st.column_config.TextColumn(
        help="Its accuracy against that of training on all texts: better, as well (to within a "
        "point), loses at most a point, worse, or not clear. One seed says nothing of this."
    ),
    AGAINST_CONTROLS: st.column_config.TextColumn(
        width=150,
        help="Against the stronger of two controls, which draw as many texts at random, or at "
        "random where the teacher is sure; with its weights, where it weighs texts otherwise.",
    ),
}


def finished(store: Store, project: Project) -> dict[int, Job]:
    """The comparisons of the project that have a report, newest first."""
    return {
        job.id: job
        for job in store.jobs.all(project.id, states=("finished",))
        if job.kind == "compare" and job.result and "arms" in job.result
    }


def looked_at(comparisons: Mapping[int, Job]) -> Job | None:
    """The comparison that was chosen, else the newest; None without any."""
    if not comparisons:
        return None
    newest = next(iter(comparisons))
    return comparisons.get(st.session_state.get(_key(newest), newest), comparisons[newest])


def _key(newest: int) -> str:
    """Of the choice among comparisons: a new one begins with itself."""
    return f"results_comparison_{newest}"


def choice(comparisons: Mapping[int, Job], job: Job) -> None:
    """Which comparison is shown, where there are several."""
    if len(comparisons) < 2:
        return
    st.selectbox(
        f"Comparisons ({len(comparisons)})",
        list(comparisons),
        list(comparisons).index(job.id),
        format_func=lambda n: (
            f"{when(comparisons[n].finished or comparisons[n].created)} (job {n})"
        ),
        key=_key(next(iter(comparisons))),
        width=340,
    )


def labels_then(store: Store, project: Project, report: ComparisonReport) -> None:
    """Says so where the labels are no longer those of the comparison."""
    if not _labels_as_now(store, project, report):
        st.caption(
            "The labels have changed since this comparison, or its runs were deleted: it holds for "
            "the labels of that time."
        )


def details(report: ComparisonReport, said_above: int) -> None:
    """What else is said of the arms, their table, charts and differences.

    ``said_above``: so many lines of the conclusion stand on the page already.
    """
    lines = "\n".join(f"- {plain(line)}" for line in conclusion.lines(report)[said_above:])
    st.markdown(lines)
    for note in report.notes:
        st.caption(plain(note))
    st.caption(plain(" ".join(conclusion.basis(report))))
    _table(report)
    _charts(report)
    _differences(report.differences)


def renewed(store: Store, project: Project, job: Job) -> ComparisonReport:
    """The report of a job, its intervals as they are computed now."""
    runs = tuple(run.id for run in store.runs.all(project.id))
    return _renewed_report((str(store.home.root), job.id, runs), store, project, job.result or {})


@st.cache_resource(show_spinner=False, max_entries=16)
def _renewed_report(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _result: Mapping[str, Any]
) -> ComparisonReport:
    return contrasts.renewed(_store, _project, ComparisonReport.read(_result))


def _charts(report: ComparisonReport) -> None:
    """Accuracy against cost, and the arms ranked when matched; nothing unmeasured."""
    marks = chart_marks(report)
    if not marks:
        return
    costs = [cost for cost in COSTS if all(mark[cost] is not None for mark in marks)]
    views = [*costs, *([RANKED] if any(mark["budget"] == "samples" for mark in marks) else [])]
    view = st.segmented_control(
        "Accuracy against",
        views,
        default=views[0],
        required=True,
        key="results_against",
        persist_state="session",
    )
    teacher = report.teacher.accuracy
    reference = reference_arm(mark["arm"] for mark in marks)
    if view == RANKED:
        matched = [
            mark
            for mark in marks
            if mark["budget"] == "samples" or mark["arm"] in (reference, *CONTROLS)
        ]
        figure = charts.arms_ranked(matched, teacher)
    else:
        figure = charts.arms(marks, teacher, view)
    st.plotly_chart(
        figure, key="results_arms", config=CHART_CONFIG, alt=f"Accuracy of each arm against {view}"
    )
    as_many = f"as many texts as {arm_label(reference or METHOD)}"
    meaning = (
        f"Every arm trains in every step on {as_many}."
        if view == RANKED
        else f"Circle: own budget. Diamond: in every step {as_many}."
    )
    st.caption(f"Bars reach from the worst seed to the best. {meaning}")


def _labels_as_now(store: Store, project: Project, report: ComparisonReport) -> bool:
    if not report.runs:
        return False
    try:
        run = store.runs.get(report.runs[-1].run, project.id)
    except NotFound:
        return False
    return start.labels_as_now(store, project, run)


def _table(report: ComparisonReport) -> None:
    """The teacher and every arm; without known classes their agreement in place of quality."""
    agreement = report.agreement
    rows = [_teacher_row(report.teacher)] if agreement is None else []
    for row in report.arms:
        quality = _quality(row) if agreement is None else _agreement(agreement, row)
        rows.append(
            {
                "Arm": arm_label(row.arm),
                "Budget": BUDGETS.get(row.budget, row.budget),
                **quality,
                **_verdicts(report, row.arm, row.budget),
                "Back-propagated": row.backpropagated,
                "Share": share(row.selected_share),
                "Selected right": share(row.selected_accuracy),
                "Whole time": "–" if row.seconds is None else duration(row.seconds),
                "Seeds": str(row.seeds),
            }
        )
    table = pd.DataFrame(rows).astype({"Back-propagated": "Int64"})
    unknown = [] if agreement is None else ["Selected right", AGAINST_ALL, AGAINST_CONTROLS]
    st.dataframe(
        table.drop(columns=unknown),
        hide_index=True,
        column_config={**COLUMNS, **OWN_COLUMNS},
        height="content",
        placeholder="–",
        alt="The teacher and every arm of the comparison, means over seeds",
    )


def _verdicts(report: ComparisonReport, arm: str, budget: str) -> dict[str, str]:
    """What the differences say of this line; empty for ``all`` and the controls."""
    words: dict[str, str] = dict.fromkeys((AGAINST_ALL, AGAINST_CONTROLS), "")
    if arm in verdicts.selections(report):
        if budget == "epochs":
            words[AGAINST_ALL] = verdicts.against_all(report, arm) or ""
        if budget == verdicts.control_budget(report, arm):
            words[AGAINST_CONTROLS] = verdicts.report_verdict(report, arm).verdict
    return words


def _teacher_row(teacher: TeacherFigures) -> dict[str, Any]:
    return {"Arm": "the teacher itself", "Budget": "", **_quality(teacher)}


def _quality(figures: ArmMeans | TeacherFigures) -> dict[str, str]:
    return {"Accuracy": share(figures.accuracy), "Macro-F1": share(figures.macro_f1)}


def _agreement(agreement: Agreement, row: ArmMeans) -> dict[str, str]:
    entry = agreement.of(row.arm, row.budget)
    return {
        "Agrees with the teacher": share(None if entry is None else entry.with_teacher),
        f"Agrees with '{arm_label(EVERYTHING)}'": share(None if entry is None else entry.with_all),
    }


def chart_marks(report: ComparisonReport) -> list[dict[str, Any]]:
    """What :func:`llkd.charts.arms` draws: an arm's means, and its worst and best seed."""
    marks = []
    for row in report.arms:
        accuracies = report.accuracies(row.arm, row.budget)
        if not accuracies:
            continue
        marks.append(
            {
                "arm": row.arm,
                "label": arm_label(row.arm),
                "colour": arm_colour(row.arm),
                "budget": row.budget,
                "samples": row.backpropagated,
                "time": row.seconds,
                "accuracy": row.accuracy,
                "low": min(accuracies),
                "high": max(accuracies),
            }
        )
    return marks


def _differences(differences: Sequence[ArmDifference]) -> None:
    if not differences:
        return
    rows = [
        {
            "Arm": arm_label(entry.arm),
            "Budget": BUDGETS.get(entry.budget, entry.budget),
            "Minus": arm_label(entry.rival),
            "Accuracy, points": points(entry.accuracy),
            "Macro-F1, points": points(entry.macro_f1),
        }
        for entry in differences
    ]
    st.markdown("**Every difference with its interval**")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config=OWN_COLUMNS,
        height="content",
        alt="Arm minus rival in points, with intervals",
    )
    texts, seeds = differences[0].texts, differences[0].seeds
    st.caption(f"Paired on the same {count(texts)} texts and {counted(seeds, 'seed')}.")
