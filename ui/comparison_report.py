"""A comparison's report on the page: the sentence, the arms, a chart, the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts, comparisons
from llkd.errors import NotFound
from llkd.store import Job, Project, Store
from ui import fair
from ui.results_view import COLUMNS, PLAIN
from ui.wording import count, counted, duration, plain, share, when

BUDGETS = {"epochs": "as it selects", "samples": "llkd's samples"}


def finished(store: Store, project: Project) -> dict[int, Job]:
    """The comparisons of the project that have a report, newest first."""
    return {
        job.id: job
        for job in store.jobs.all(project.id, states=("finished",))
        if job.kind == "compare" and job.result and "arms" in job.result
    }


def show(store: Store, project: Project, made: Mapping[int, Job]) -> None:
    """The newest comparison, or an earlier one that is chosen."""
    st.subheader("Did the selection help?", anchor=False)
    number = next(iter(made))
    if len(made) > 1:
        number = st.selectbox(
            f"Comparisons ({len(made)})",
            list(made),
            format_func=lambda n: f"{when(made[n].finished or made[n].created)} (job {n})",
            key=f"results_comparison_{number}",
            width=340,
        )
    report: Mapping[str, Any] = made[number].result or {}
    st.info(plain(comparisons.sentence(report)), icon=":material/balance:")
    if not _labels_as_now(store, project, report):
        st.caption("The labels have changed since, or its runs are gone: it speaks of that time.")
    _table(report)
    marks = marks_of(report)
    if marks:
        against = st.segmented_control(
            "Accuracy against",
            ["samples", "time"],
            default="samples",
            required=True,
            key="results_against",
            persist_state="session",
        )
        st.plotly_chart(
            charts.arms(marks, report["teacher"].get("accuracy"), against),
            key="results_arms",
            config=PLAIN,
            alt=f"Accuracy of each arm against {against}",
        )
        st.caption(
            "Bars reach from the worst seed to the best. A circle selects as it will; a diamond "
            "takes in every step as many texts as llkd."
        )
    _differences(report)


def _labels_as_now(store: Store, project: Project, report: Mapping[str, Any]) -> bool:
    if not report["runs"]:
        return False
    try:
        run = store.runs.get(int(report["runs"][-1]["run"]), project.id)
    except NotFound:
        return False
    return fair.labels_as_now(store, project, run)


def _table(report: Mapping[str, Any]) -> None:
    teacher = report["teacher"]
    rows = [
        {
            "Arm": "the teacher itself",
            "Takes": "",
            "Accuracy": share(teacher.get("accuracy")),
            "Macro-F1": share(teacher.get("macro_f1")),
        }
    ]
    for one in report["arms"]:
        rows.append(
            {
                "Arm": one["arm"],
                "Takes": BUDGETS.get(one["budget"], one["budget"]),
                "Accuracy": share(one["accuracy"]),
                "Macro-F1": share(one["macro_f1"]),
                "Back-propagated": one["backpropagated"],
                "Share": share(one["selected_share"]),
                "Selected right": share(one["selected_accuracy"]),
                "Training time": duration(one["training_seconds"] or 0.0),
                "Seeds": str(one["seeds"]),
            }
        )
    st.dataframe(
        pd.DataFrame(rows).astype({"Back-propagated": "Int64"}),
        hide_index=True,
        column_config=COLUMNS,
        placeholder="–",
        alt="The teacher and every arm of the comparison, means over seeds",
    )


def marks_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What :func:`llkd.charts.arms` draws: an arm's means, and its worst and best seed."""
    found = []
    for one in report["arms"]:
        every = [
            run["accuracy"]
            for run in report["runs"]
            if (run["arm"], run["budget"]) == (one["arm"], one["budget"])
            and run["accuracy"] is not None
        ]
        if not every:
            continue
        found.append(
            {
                "arm": one["arm"],
                "budget": one["budget"],
                "samples": one["backpropagated"],
                "time": one["training_seconds"],
                "accuracy": one["accuracy"],
                "low": min(every),
                "high": max(every),
            }
        )
    return found


def _differences(report: Mapping[str, Any]) -> None:
    differences: Sequence[Mapping[str, Any]] = report["differences"]
    if not differences:
        return
    rows = [
        {
            "Arm": one["arm"],
            "Takes": BUDGETS.get(one["budget"], one["budget"]),
            "Minus": one["rival"],
            **{
                words: "{value:+.1f} ({low:+.1f} to {high:+.1f})".format(
                    **{name: 100 * value for name, value in one[metric].items()}
                )
                for metric, words in (
                    ("accuracy", "Accuracy, points"),
                    ("macro_f1", "Macro-F1, points"),
                )
            },
        }
        for one in differences
    ]
    with st.expander("Every difference with its interval"):
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, alt="Arm minus rival in points, with intervals"
        )
        texts, seeds = differences[0]["texts"], differences[0]["seeds"]
        st.caption(
            f"Paired on the same {count(texts)} held-out texts and {counted(seeds, 'seed')}: 95 % "
            "bootstrap intervals over both. Where one holds 0, chance may be all there is."
        )
