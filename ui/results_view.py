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
from ui.wording import counted, duration, share

PLAIN = {"displayModeBar": False}
COLUMNS: dict[str, Any] = {
    "Who": st.column_config.TextColumn(width="medium"),
    "Back-propagated": st.column_config.NumberColumn(format="localized"),
    "Different texts": st.column_config.NumberColumn(format="localized"),
    "Share": st.column_config.TextColumn(help="Of all samples it could have been trained on."),
    "Selected right": st.column_config.TextColumn(
        help="How many of the labels it was trained on agree with gold, where gold is known."
    ),
}


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
        "Training time": duration(made.get("training_seconds") or 0.0),
        "Selected right": share(made.get("selected_accuracy")),
    }


def who(run: Run) -> dict[str, Any]:
    """Which run it is."""
    return {"Who": run.name, "Seed": str(run.config.seed)}


def runs_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """The teacher (as the newest run saw it) and every run, on the same held-out texts."""
    teacher = run_reads.teacher_report(store, project, runs[-1])
    rows: list[dict[str, Any]] = [{"Who": "the teacher itself", "Seed": "", **quality(teacher)}]
    for run in runs:
        report = run_reads.report(store, project, run)
        rows.append({**who(run), **quality(report), **effort(run)})
    return pd.DataFrame(rows).astype({"Back-propagated": "Int64", "Different texts": "Int64"})


def agreement_table(store: Store, project: Project, runs: Sequence[Run]) -> pd.DataFrame:
    """Every run with its agreement with the teacher, for projects without gold."""
    rows = []
    for run in runs:
        found = run_reads.agreement(store, project, run)
        said = "–" if found is None else f"{share(found[0])} of {counted(found[1], 'text')}"
        rows.append({**who(run), "Agrees with the teacher": said, **effort(run)})
    table = pd.DataFrame(rows).drop(columns="Selected right")
    return table.astype({"Back-propagated": "Int64", "Different texts": "Int64"})


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
    return pd.DataFrame(
        [
            {
                "Rival": name,
                "What it trains on": fairness.MEANING[name],
                "Verdict": words[one.verdict],
                "Accuracy, points": fairness.points(one.accuracy),
                "Macro-F1, points": fairness.points(one.macro_f1),
                "Seeds": one.seeds,
                "Texts": f"{one.texts:,}",
            }
            for name, one in found.items()
            if one is not None
        ]
    )
