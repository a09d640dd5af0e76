"""Tables of runs as a person reads them: the teacher first, then every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import fairness
from llkd.charts.palette import KEPT, NOT_KEPT
from llkd.fairness import Comparison
from llkd.store import Project, Run, Store
from ui import run_reads
from ui.wording import TERMS, counted, duration, share, shortened

PLAIN = {"displayModeBar": False}
PIN = "★"
COLUMNS: dict[str, Any] = {
    PIN: st.column_config.TextColumn(width=40, help="Pinned."),
    "Who": st.column_config.TextColumn(width="medium"),
    "Note": st.column_config.TextColumn(width="medium"),
    "Back-propagated": st.column_config.NumberColumn(format="localized"),
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


def _bar(meaning: str) -> Any:
    return st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, width="small", help=meaning
    )


TEXT_COLUMNS: dict[str, Any] = {
    "Id": st.column_config.TextColumn(width="small"),
    "Text": st.column_config.TextColumn(width="large"),
    "Probability": _bar("The probability that the student gives its answer."),
    "Confidence": _bar("How sure the teacher is of its label."),
    "Mean": _bar("Mean probability that the student gave this label, over the epochs."),
    "Deviation": st.column_config.NumberColumn(
        format="%.1f %%", help="Standard deviation of that probability over the epochs."
    ),
    "Correct": _bar("Share of the epochs after which this label was the student's answer."),
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
    if value is None:
        return "–"
    if interval is None:
        return share(value)
    return f"{share(value)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def quality(report: Mapping[str, Any] | None) -> dict[str, str]:
    """The two figures of a report, with their intervals."""
    made = report or {}
    return {
        "Accuracy": with_interval(made.get("accuracy"), made.get("accuracy_interval")),
        "Macro-F1": with_interval(made.get("macro_f1"), made.get("macro_f1_interval")),
    }


def effort(run: Run) -> dict[str, Any]:
    """What a run used."""
    made = run.summary or {}
    return {
        "Back-propagated": made.get("backpropagated"),
        "Share": share(made.get("selected_share")),
        "Different texts": made.get("unique"),
        "Whole time": _time(run),
        "Selected right": share(made.get("selected_accuracy")),
        "Note": shortened(run.note, 200),
    }


def _time(run: Run) -> str:
    """Preparation, scoring and training together."""
    seconds = fairness.whole_seconds(run)
    return "–" if seconds is None else duration(seconds)


def who(run: Run) -> dict[str, Any]:
    """Which run it is."""
    return {PIN: "★" if run.pinned else "", "Who": run.name, "Seed": str(run.config.seed)}


def newest(runs: Sequence[Run]) -> Run:
    """The run that was made last."""
    return max(runs, key=lambda run: run.id)


def _finished_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Lines of runs as a table, without columns that say nothing."""
    table = pd.DataFrame(rows).astype({"Back-propagated": "Int64", "Different texts": "Int64"})
    empty = [name for name in (PIN, "Note") if not table[name].astype(bool).any()]
    return table.drop(columns=empty)


def runs_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """The teacher (as the newest run saw it) and every run, on the same held-out texts."""
    teacher = run_reads.teacher_report(store, project, newest(runs))
    first = {PIN: "", "Who": "the teacher itself", "Seed": "", **quality(teacher), "Note": ""}
    rows: list[dict[str, Any]] = [first]
    for run in runs:
        report = run_reads.report(store, project, run)
        rows.append({**who(run), **quality(report), **effort(run)})
    table = _finished_table(rows)
    # The teacher's line has no effort, and would put the note before it.
    return table[
        [*(name for name in table if name != "Note"), *(["Note"] if "Note" in table else [])]
    ]


def agreement_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """Every run with its agreement with the teacher, for projects without gold."""
    rows = []
    for run in runs:
        found = run_reads.agreement(store, project, run)
        said = "–" if found is None else f"{share(found[0])} of {counted(found[1], 'text')}"
        rows.append({**who(run), "Agrees with the teacher": said, **effort(run)})
    return _finished_table(rows).drop(columns="Selected right")


def run_marks(store: Store, project: Project, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs with a measured accuracy, for the chart of accuracy against samples."""
    found = []
    for run in runs:
        report = run_reads.report(store, project, run)
        if report is None or report["accuracy"] is None:
            continue
        low, high = report["accuracy_interval"]
        found.append(
            {
                "name": f"{run.name}, seed {run.config.seed}",
                "strategy": run.config.selection.strategy,
                "backpropagated": (run.summary or {})["backpropagated"],
                "accuracy": report["accuracy"],
                "low": low,
                "high": high,
            }
        )
    return found


def f1_series(store: Store, project: Project, run: Run) -> list[tuple[str, list[float], str]]:
    """F1 by class of the teacher and of one run, on the same texts."""
    series = []
    for name, report, colour in (
        ("the teacher itself", run_reads.teacher_report(store, project, run), NOT_KEPT),
        (run.name, run_reads.report(store, project, run), KEPT),
    ):
        if report is not None:
            series.append((name, [one["f1"] for one in report["per_class"]], colour))
    return series


def class_table(store: Store, project: Project, run: Run) -> pd.DataFrame:
    """Precision, recall and F1 of each class in per cent, the teacher's F1 beside; by gold."""
    made = (run_reads.report(store, project, run) or {}).get("per_class", [])
    teacher = (run_reads.teacher_report(store, project, run) or {}).get("per_class")
    table = pd.DataFrame(
        {
            "Class": [one["class"] for one in made],
            "Texts": [one["support"] for one in made],
            "Precision": [100 * one["precision"] for one in made],
            "Recall": [100 * one["recall"] for one in made],
            "F1": [100 * one["f1"] for one in made],
        }
    )
    if teacher is not None and len(teacher) == len(made):
        table["Teacher's F1"] = [100 * one["f1"] for one in teacher]
    return table


def comparison(store: Store, project: Project, run: Run, rival: str) -> Comparison | None:
    """:func:`llkd.fairness.compare`, kept until a run is added."""
    runs = fairness.finished(store, project)
    stamp = (str(store.home.root), project.id, run.id, rival, tuple(one.id for one in runs))
    return _comparison(stamp, store, project, run, rival)


@st.cache_resource(show_spinner=False, max_entries=64)
def _comparison(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run, rival: str
) -> Comparison | None:
    return fairness.compare(_store, _project, _run, fairness.finished(_store, _project), rival)


def comparison_table(found: Mapping[Any, Comparison | None]) -> pd.DataFrame:
    """One line a rival that is there."""
    words = {1: "llkd is better", 0: "no clear difference", -1: "llkd is worse"}
    students = {True: "these two students differ", False: "no clear difference"}
    return pd.DataFrame(
        [
            {
                "Rival": name,
                "What it trains on": fairness.MEANING[name],
                "Verdict": students[one.differ]
                if one.seeds < fairness.LEAST_SEEDS
                else words[one.verdict],
                "Accuracy, points": fairness.points(one.accuracy),
                "Macro-F1, points": fairness.points(one.macro_f1),
                "Seeds": one.seeds,
                "Texts": f"{one.texts:,}",
            }
            for name, one in found.items()
            if one is not None
        ]
    )
