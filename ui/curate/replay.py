"""A finished run step by step: its thresholds on the plane, and what it did with one text."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts, curation
from llkd.config.selection_rule import ThresholdRule
from llkd.store import Project, Run, Store
from ui.curate import controls, view
from ui.curate.state import REPLAY, CurateState, set_view
from ui.curate.walk import Source
from ui.runs import reads
from ui.runs.progress import THRESHOLD_CLASSES
from ui.shell.errors import show_errors
from ui.shell.figures import CHART_CONFIG
from ui.shell.wording import count, counted, plain

_RUN = "curate_replay_run"
_HERE = "#8C8C8C"


@st.fragment(key=REPLAY)
def replay(store: Store, project: Project) -> None:
    """A run's thresholds at any step, on the plane above; nothing where no run had any."""
    with show_errors():
        runs = {run.id: run for run in store.runs.all(project.id) if controls.moving(run)}
        if not runs:
            return
        on = st.toggle(
            "Replay a run step by step",
            key="curate_replay",
            persist_state="session",
            help="Moves the thresholds above to where they stood at each step of its training.",
        )
        if not on:
            return
        with st.container(border=True):
            number = st.selectbox(
                "Run to replay",
                list(reversed(runs)),
                format_func=lambda n: runs[n].name,
                key=_RUN,
                persist_state="session",
                width=300,
            )
            _steps(store, project, runs[number])


def _steps(store: Store, project: Project, run: Run) -> None:
    steps = reads.steps(store, run)
    if len(steps) < 2:
        st.caption("This run has no more than one step: there is nothing to replay.")
        return
    key = f"curate_step_{run.id}"
    at = st.slider(
        "Step",
        1,
        len(steps),
        len(steps),
        key=key,
        on_change=_scrub,
        args=(store, project, run, steps, key),
        persist_state="session",
        help="Moving it puts the thresholds of that step on the plane; arrow keys go step by step.",
    )
    line = steps.iloc[at - 1]
    epoch = int(line["epoch"])
    st.caption(
        f"Step {count(at)} of {count(len(steps))}, in epoch {epoch}: {count(line['selected'])} of "
        f"the {counted(int(line['batch']), 'text')} of its batch were selected. "
        + (
            f"The plane shows the student's uncertainty after epoch {epoch}; within the epoch it "
            "differs a little."
            if epoch in store.runs.epochs(run)
            else "The run kept no signals of that epoch: the plane shows the quick estimate."
        )
    )
    shown = _at(store, run, line)
    if view.in_use(project, curation.active_labeling_run(store, project).classes) != shown:
        st.button(
            "Put the thresholds of this step on the plane",
            key="curate_replay_show",
            on_click=set_view,
            args=(project, shown, REPLAY),
        )
    names = run.class_names
    figures: list[tuple[str, Any]] = [("Share selected", charts.share_selected(steps))]
    if len(names) <= THRESHOLD_CLASSES:
        figures = [
            *(
                (f"{side.capitalize()} threshold", charts.thresholds(steps, side, names))
                for side in ("teacher", "student")
            ),
            *figures,
        ]
    for column, (title, figure) in zip(st.columns(len(figures)), figures, strict=True):
        figure.add_vline(at, line={"color": _HERE, "width": 1, "dash": "dot"})
        figure.update_layout(height=240)
        column.markdown(f"**{title}**")
        column.plotly_chart(
            figure,
            key=f"curate_replay_{title}",
            config=CHART_CONFIG,
            alt=f"{title} by step; a line marks step {at}",
        )


def _scrub(store: Store, project: Project, run: Run, steps: pd.DataFrame, key: str) -> None:
    set_view(project, _at(store, run, steps.iloc[st.session_state[key] - 1]), REPLAY)


def _at(store: Store, run: Run, line: pd.Series) -> ThresholdRule:
    """The view of one step: its thresholds, and the student as it was after that epoch."""
    epoch = int(line["epoch"])
    known = epoch in store.runs.epochs(run)
    return controls.at_step(run, line, run.id if known else None, epoch if known else None)


def of_text(scene: CurateState | Source, row: int) -> None:
    """What the run that is replayed did with one text: at which steps it was selected, and why."""
    number = st.session_state.get(_RUN)
    if not st.session_state.get("curate_replay") or number is None:
        return
    run = scene.store.runs.get(number, scene.project.id)
    lines = curation.history(scene.store, run, row)
    if lines.empty:
        st.caption(f"{plain(run.name)} never saw this text.")
        return
    st.caption(
        f"R{plain(run.name)[1:]} selected it at {count(lines['selected'].sum())} of the "
        f"{counted(len(lines), 'step')} that saw it."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Step": lines["step"],
                "Epoch": lines["epoch"],
                "Selected": lines["selected"],
                "Why": lines["why"],
                "Confidence": 100 * lines["confidence"],
                "Teacher threshold": 100 * lines["teacher_threshold"],
                "Student threshold": 100 * lines["student_threshold"],
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.1f %%")
            for name in ("Confidence", "Teacher threshold", "Student threshold")
        },
        alt="Each step that saw this text, whether it was selected, and why",
    )
