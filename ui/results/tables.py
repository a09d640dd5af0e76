"""Tables of runs as a person reads them: the teacher first, then every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd.charts.palette import KEPT_COLOUR, NOT_KEPT
from llkd.evaluation import predictions, run_costs, wording
from llkd.evaluation.comparison import paired_runs
from llkd.evaluation.comparison.arms import arm_colour, arm_label, arms
from llkd.evaluation.comparison.paired_runs import RivalComparison
from llkd.evaluation.quality_report import QualityReport
from llkd.store import Project, Run, Store
from llkd.store.run_notes import saved_selection
from llkd.store.run_summary import RunSummary
from llkd.teachers.registry import display_name
from ui.runs import reads
from ui.shell.columns import confidence_column, share_column
from ui.shell.wording import TERMS, counted, duration, share, shortened

PIN = "★"
REFINED = "+refined"
"""In the name of a calibration: neighbours' labels were drawn in."""
COLUMNS: dict[str, Any] = {
    PIN: st.column_config.TextColumn(width=40, help="Pinned."),
    "Who": st.column_config.TextColumn(width="medium"),
    "Note": st.column_config.TextColumn(width="medium"),
    "Accuracy": st.column_config.TextColumn(help=f"{TERMS['accuracy']} In brackets: 95 %."),
    "Macro-F1": st.column_config.TextColumn(help=f"{TERMS['macro-F1']} In brackets: 95 %."),
    "Back-propagated": st.column_config.NumberColumn(
        format="localized", help="Every text, each time the student was trained on it."
    ),
    "Different texts": st.column_config.NumberColumn(format="localized"),
    "Share": st.column_config.TextColumn(help="Of all samples it could have been trained on."),
    "Selected right": st.column_config.TextColumn(
        help="How many of the labels it was trained on agree with gold, where gold is known."
    ),
}

CLASS_COLUMNS: dict[str, Any] = {
    "Texts": st.column_config.NumberColumn(
        format="localized", help="Held-out texts that belong to this class."
    ),
    **{
        name: st.column_config.NumberColumn(format="%.1f %%", help=TERMS.get(name.lower()))
        for name in ("Precision", "Recall", "F1", "Teacher's F1")
    },
}


TEXT_COLUMNS: dict[str, Any] = {
    "Id": st.column_config.TextColumn(width="small"),
    "Text": st.column_config.TextColumn(width="large"),
    "Probability": share_column("The probability that the student gives its answer."),
    "Confidence": confidence_column(),
    "Mean": share_column("Mean probability that the student gave this label, over the epochs."),
    "Deviation": st.column_config.NumberColumn(
        format="%.1f %%", help="Standard deviation of that probability over the epochs."
    ),
    "Correct": share_column("Share of the epochs after which this label was the student's answer."),
}


def shown_text(
    table: pd.DataFrame, column: str, columns: Mapping[str, Any], *, key: str, alt: str
) -> None:
    """A table of texts; the whole text of a ticked row stands below it."""
    event: Any = st.dataframe(
        table,
        hide_index=True,
        height=420 if len(table) > 11 else "auto",
        column_config=columns,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        alt=alt,
    )
    ticked = [place for place in event.selection.rows if place < len(table)]
    if ticked:
        with st.container(border=True):
            st.caption("The whole text")
            st.text(str(table[column].iloc[ticked[0]]))


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A share with its interval: 82.4 % (80.8 to 83.9)."""
    if value is None or interval is None:
        return share(value)
    return wording.share_with_interval(value, interval)


def quality(report: QualityReport | None) -> dict[str, str]:
    """The two figures of a report, with their intervals."""
    if report is None:
        return {"Accuracy": "–", "Macro-F1": "–"}
    return {
        "Accuracy": with_interval(report["accuracy"], report["accuracy_interval"]),
        "Macro-F1": with_interval(report["macro_f1"], report.get("macro_f1_interval")),
    }


def effort(store: Store, run: Run) -> dict[str, Any]:
    """What a run used."""
    summary = run.summary or RunSummary()
    return {
        "Labels": labels_of(store, run),
        "Back-propagated": summary.backpropagated,
        "Share": share(summary.selected_share),
        "Different texts": summary.unique,
        "Whole time": _time(run),
        "Selected right": share(summary.selected_accuracy),
        # A name of its own hides what a run was trained on.
        "Trained on": (run.title and saved_selection(run.labels)) or "",
        "Note": shortened(run.note, 200),
    }


def labels_of(store: Store, run: Run) -> str:
    """Whose labels a run learned from, and whether neighbours refined them."""
    teacher = display_name(store.labeling_runs.get(run.labelling_id).config)
    return teacher + (", refined" if REFINED in str(run.labels["calibration"]) else "")


def _labels_tell(store: Store, runs: Sequence[Run]) -> bool:
    """Whether the labels of these runs are worth a column: they differ, or are no teacher's own."""
    kinds = {store.labeling_runs.get(run.labelling_id).config.teacher for run in runs}
    words = {labels_of(store, run) for run in runs}
    return len(words) > 1 or "committee" in kinds or any("refined" in each for each in words)


def _time(run: Run) -> str:
    """Preparation, scoring and training together."""
    seconds = run_costs.total_seconds(run)
    return "–" if seconds is None else duration(seconds)


def who(run: Run) -> dict[str, Any]:
    """Which run it is."""
    return {PIN: "★" if run.pinned else "", "Who": run.name, "Seed": str(run.config.seed)}


def newest(runs: Sequence[Run]) -> Run:
    """The run that was made last."""
    return max(runs, key=lambda run: run.id)


def _finished_table(
    store: Store, runs: Sequence[Run], rows: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Lines of runs as a table, without columns that say nothing."""
    table = pd.DataFrame(rows).astype({"Back-propagated": "Int64", "Different texts": "Int64"})
    empty = [name for name in (PIN, "Trained on", "Note") if not table[name].astype(bool).any()]
    if not _labels_tell(store, runs):
        empty.append("Labels")
    return table.drop(columns=empty)


def runs_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """The teacher (as the newest run saw it) and every run, on the same held-out texts."""
    teacher = reads.teacher_report(store, project, newest(runs))
    first = {PIN: "", "Who": "the teacher itself", "Seed": "", **quality(teacher)}
    first |= dict.fromkeys(("Labels", "Trained on", "Note"), "")
    rows: list[dict[str, Any]] = [first]
    for run in runs:
        report = reads.report(store, project, run)
        rows.append({**who(run), **quality(report), **effort(store, run)})
    table = _finished_table(store, runs, rows)
    # The teacher's line has no effort, and would put the note before it.
    return table[
        [*(name for name in table if name != "Note"), *(["Note"] if "Note" in table else [])]
    ]


def agreement_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """Every run with its agreement with the teacher, for projects without gold."""
    rows = []
    for run in runs:
        agreement = reads.agreement(store, project, run)
        words = "–"
        if agreement is not None:
            words = f"{share(agreement[0])} of {counted(agreement[1], 'text')}"
        rows.append({**who(run), "Agrees with the teacher": words, **effort(store, run)})
    return _finished_table(store, runs, rows).drop(columns="Selected right")


def run_marks(store: Store, project: Project, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs with a measured accuracy, for the chart of accuracy against samples."""
    marks = []
    for run in runs:
        report = reads.report(store, project, run)
        if report is None or report["accuracy"] is None:
            continue
        low, high = report["accuracy_interval"] or (0.0, 1.0)
        marks.append(
            {
                "name": f"{run.name}, seed {run.config.seed}",
                "strategy": arm_label(run.config.selection.strategy),
                "colour": arm_colour(run.config.selection.strategy),
                "backpropagated": run.summary.backpropagated if run.summary else None,
                "accuracy": report["accuracy"],
                "low": low,
                "high": high,
            }
        )
    return marks


def f1_series(store: Store, project: Project, run: Run) -> list[tuple[str, list[float], str]]:
    """F1 by class of the teacher and of one run, on the same texts."""
    series = []
    for name, report, colour in (
        ("the teacher itself", reads.teacher_report(store, project, run), NOT_KEPT),
        (run.name, reads.report(store, project, run), KEPT_COLOUR),
    ):
        if report is not None:
            series.append((name, [row["f1"] for row in report["per_class"]], colour))
    return series


def class_table(store: Store, project: Project, run: Run) -> pd.DataFrame:
    """Precision, recall and F1 of each class in per cent, the teacher's F1 beside; by gold."""
    report, teacher = (
        reads.report(store, project, run),
        reads.teacher_report(store, project, run),
    )
    rows = [] if report is None else report["per_class"]
    table = pd.DataFrame(
        {
            "Class": [row["class"] for row in rows],
            "Texts": [row["support"] for row in rows],
            "Precision": [100 * row["precision"] for row in rows],
            "Recall": [100 * row["recall"] for row in rows],
            "F1": [100 * row["f1"] for row in rows],
        }
    )
    if teacher is not None and len(teacher["per_class"]) == len(rows):
        table["Teacher's F1"] = [100 * row["f1"] for row in teacher["per_class"]]
    return table


def rival_comparison(
    store: Store, project: Project, run: Run, rival: str
) -> RivalComparison | None:
    """:func:`llkd.evaluation.comparison.paired_runs.compare`, kept until a run is added."""
    runs = predictions.finished_runs(store, project)
    stamp = (str(store.home.root), project.id, run.id, rival, tuple(other.id for other in runs))
    return _comparison(stamp, store, project, run, rival)


@st.cache_resource(show_spinner=False, max_entries=64)
def _comparison(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run, rival: str
) -> RivalComparison | None:
    return paired_runs.compare(
        _store, _project, _run, predictions.finished_runs(_store, _project), rival
    )


def comparison_table(comparisons: Mapping[Any, RivalComparison | None]) -> pd.DataFrame:
    """One line a rival that is there."""
    words = {1: "LLKD is better", 0: "no clear difference", -1: "LLKD is worse"}
    students = {True: "these two students differ", False: "no clear difference"}
    return pd.DataFrame(
        [
            {
                "Rival": arm_label(name),
                "What it trains on": arms()[name].description,
                "Verdict": students[of.differ]
                if of.seeds < paired_runs.MIN_SEEDS
                else words[of.verdict],
                "Accuracy, points": wording.points(of.accuracy),
                "Macro-F1, points": wording.points(of.macro_f1),
                "Seeds": of.seeds,
                "Texts": f"{of.texts:,}",
            }
            for name, of in comparisons.items()
            if of is not None
        ]
    )
