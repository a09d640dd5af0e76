"""A comparison's report on the page: the sentence, the arms, a chart, the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts, comparisons, contrasts, fairness
from llkd.errors import NotFound
from llkd.evaluation import Difference
from llkd.store import Job, Project, Store
from ui import fair
from ui.results_view import COLUMNS, PLAIN
from ui.wording import count, counted, duration, plain, share, when

ARM_WIDTH = 165
AGAINST_ALL, CHOICE = "Against all texts", "Its choice"
BUDGETS = {"epochs": "as it selects", "samples": "llkd's samples"}

COSTS, RANKED = ("samples", "time"), "each other, at llkd's samples"
OWN_COLUMNS: dict[str, Any] = {
    "Arm": st.column_config.TextColumn(pinned=True, width=ARM_WIDTH),
    AGAINST_ALL: st.column_config.TextColumn(
        help="Its accuracy against that of training on all texts: better, as well (to within a "
        "point), loses at most a point, worse, or not clear. One seed says nothing of this."
    ),
    CHOICE: st.column_config.TextColumn(
        width=125,
        help="Helps: better than as many texts drawn at random, and than as many drawn where the "
        "teacher is sure; with its weights, where it weighs texts otherwise than these do.",
    ),
}


def finished(store: Store, project: Project) -> dict[int, Job]:
    """The comparisons of the project that have a report, newest first."""
    return {
        job.id: job
        for job in store.jobs.all(project.id, states=("finished",))
        if job.kind == "compare" and job.result and "arms" in job.result
    }


def show(store: Store, project: Project, made: Mapping[int, Job]) -> None:
    """The newest comparison, or an earlier one that is chosen."""
    st.header("Did the selection help?", anchor=False)
    number = next(iter(made))
    if len(made) > 1:
        number = st.selectbox(
            f"Comparisons ({len(made)})",
            list(made),
            format_func=lambda n: f"{when(made[n].finished or made[n].created)} (job {n})",
            key=f"results_comparison_{number}",
            width=340,
        )
    report = _renewed(store, project, made[number])
    said = "\n".join(f"- {plain(line)}" for line in comparisons.lines(report))
    st.info(said, icon=":material/balance:")
    if not _labels_as_now(store, project, report):
        st.caption("The labels have changed since, or its runs are gone: it speaks of that time.")
    for note in report.get("notes") or []:
        st.caption(plain(note))
    st.caption(plain(" ".join(comparisons.basis(report))))
    with st.expander("Arms, charts and every difference", icon=":material/table_rows:"):
        _table(report)
        _charts(report)
        _differences(report)


def _renewed(store: Store, project: Project, job: Job) -> Mapping[str, Any]:
    """The report of a job, its intervals as they are reckoned now."""
    runs = tuple(run.id for run in store.runs.all(project.id))
    return _renewed_report((str(store.home.root), job.id, runs), store, project, job.result or {})


@st.cache_resource(show_spinner=False, max_entries=16)
def _renewed_report(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _report: Mapping[str, Any]
) -> Mapping[str, Any]:
    return contrasts.renewed(_store, _project, _report)


def _charts(report: Mapping[str, Any]) -> None:
    """Accuracy against what it costs, and the arms ranked at llkd's samples; nothing unjudged."""
    marks = marks_of(report)
    if not marks:
        return
    costs = [cost for cost in COSTS if all(one[cost] is not None for one in marks)]
    views = [*costs, *([RANKED] if any(one["budget"] == "samples" for one in marks) else [])]
    view = st.segmented_control(
        "Accuracy against",
        views,
        default=views[0],
        required=True,
        key="results_against",
        persist_state="session",
    )
    teacher = report["teacher"].get("accuracy")
    if view == RANKED:
        same = [
            one
            for one in marks
            if one["budget"] == "samples" or one["arm"] in ("llkd", *fairness.CONTROLS)
        ]
        figure = charts.arms_ranked(same, teacher)
    else:
        figure = charts.arms(marks, teacher, view)
    st.plotly_chart(
        figure, key="results_arms", config=PLAIN, alt=f"Accuracy of each arm against {view}"
    )
    meaning = (
        "Every arm takes in every step as many texts as llkd."
        if view == RANKED
        else "A circle selects as it will; a diamond takes in every step as many texts as llkd."
    )
    st.caption(f"Bars reach from the worst seed to the best. {meaning}")


def _labels_as_now(store: Store, project: Project, report: Mapping[str, Any]) -> bool:
    if not report["runs"]:
        return False
    try:
        run = store.runs.get(int(report["runs"][-1]["run"]), project.id)
    except NotFound:
        return False
    return fair.labels_as_now(store, project, run)


def _table(report: Mapping[str, Any]) -> None:
    """The teacher and every arm; without judges their agreement in place of their quality."""
    agreement = report.get("agreement")
    rows = [_teacher_row(report["teacher"])] if agreement is None else []
    for one in report["arms"]:
        worth = _quality(one) if agreement is None else _agreement(agreement, one)
        rows.append(
            {
                "Arm": one["arm"],
                "Takes": BUDGETS.get(one["budget"], one["budget"]),
                **worth,
                **_verdicts(report, one["arm"], one["budget"]),
                "Back-propagated": one["backpropagated"],
                "Share": share(one["selected_share"]),
                "Selected right": share(one["selected_accuracy"]),
                "Whole time": _time(one),
                "Seeds": str(one["seeds"]),
            }
        )
    table = pd.DataFrame(rows).astype({"Back-propagated": "Int64"})
    st.dataframe(
        table.drop(columns=[] if agreement is None else ["Selected right", AGAINST_ALL, CHOICE]),
        hide_index=True,
        column_config={**COLUMNS, **OWN_COLUMNS},
        height="content",
        placeholder="–",
        alt="The teacher and every arm of the comparison, means over seeds",
    )


def _verdicts(report: Mapping[str, Any], arm: str, budget: str) -> dict[str, str]:
    """What the differences say of this line; empty for ``all`` and the controls."""
    said = dict.fromkeys((AGAINST_ALL, CHOICE), "")
    if arm in comparisons.selections(report):
        if budget == "epochs":
            said[AGAINST_ALL] = comparisons.reached(report, arm) or ""
        if budget == comparisons.credit_budget(arm):
            said[CHOICE] = comparisons.choice(report, arm) or ""
    return said


def _teacher_row(teacher: Mapping[str, Any]) -> dict[str, Any]:
    return {"Arm": "the teacher itself", "Takes": "", **_quality(teacher)}


def _time(one: Mapping[str, Any]) -> str:
    seconds = one.get("seconds")
    return "–" if seconds is None else duration(seconds)


def _quality(one: Mapping[str, Any]) -> dict[str, str]:
    return {"Accuracy": share(one.get("accuracy")), "Macro-F1": share(one.get("macro_f1"))}


def _agreement(found: Mapping[str, Any], arm: Mapping[str, Any]) -> dict[str, str]:
    key = (arm["arm"], arm["budget"])
    every = {(one["arm"], one["budget"]): one for one in found["arms"]}
    told: Mapping[str, Any] = every.get(key, {})
    return {
        "Agrees with the teacher": share(told.get("with_teacher")),
        "Agrees with 'all'": share(told.get("with_all")),
    }


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
                "time": one.get("seconds"),
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
                words: fairness.points(Difference(**one[metric]))
                for metric, words in (
                    ("accuracy", "Accuracy, points"),
                    ("macro_f1", "Macro-F1, points"),
                )
            },
        }
        for one in differences
    ]
    st.markdown("**Every difference with its interval**")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config=OWN_COLUMNS,
        height="content",
        alt="Arm minus rival in points, with intervals",
    )
    texts, seeds = differences[0]["texts"], differences[0]["seeds"]
    over = "the texts alone, of these two students" if seeds == 1 else "seeds and texts"
    st.caption(
        f"Paired on the same {count(texts)} texts and {counted(seeds, 'seed')}: intervals over "
        f"{over} that hold together at 95 %, those of accuracy and those of macro-F1 each. Where "
        "one holds 0, chance may be all there is."
    )
