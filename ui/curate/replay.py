"""A finished run step by step: its thresholds on the plane, and what it did with one text."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts, curation
from llkd.store import Project, Run, Store
from ui import run_reads, view
from ui.curate import controls
from ui.curate.scene import REPLAY, Scene, look_through
from ui.curate.walk import Source
from ui.errors import told
from ui.run_view import PLAIN, THRESHOLD_CLASSES
from ui.view import View
from ui.wording import count, counted, plain

_RUN = "curate_replay_run"
_HERE = "#8C8C8C"


@st.fragment(key=REPLAY)
def replay(store: Store, project: Project) -> None:
    """A run's thresholds at any step, on the plane above; nothing where no run had any."""
    with told():
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
    steps = run_reads.steps(store, run)
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
            f"The plane shows the student's need after epoch {epoch}; during a step it is a little "
            "different."
            if epoch in store.runs.epochs(run)
            else "The run kept no signals of that epoch: the plane shows those of the probe."
        )
    )
    shown = _at(store, run, line)
    if view.in_use(project, curation.current_labelling(store, project).classes) != shown:
        st.button(
            "Put the thresholds of this step on the plane",
            key="curate_replay_show",
            on_click=look_through,
            args=(project, shown, REPLAY),
        )
    names = run_reads.class_names(run)
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
            config=PLAIN,
            alt=f"{title} by step; a line marks step {at}",
        )


def _scrub(store: Store, project: Project, run: Run, steps: pd.DataFrame, key: str) -> None:
    look_through(project, _at(store, run, steps.iloc[st.session_state[key] - 1]), REPLAY)


def _at(store: Store, run: Run, line: pd.Series) -> View:
    """The view of one step: its thresholds, and the student as it was after that epoch."""
    epoch = int(line["epoch"])
    known = epoch in store.runs.epochs(run)
    return controls.at_step(run, line, run.id if known else None, epoch if known else None)


def of_text(scene: Scene | Source, row: int) -> None:
    """What the run that is replayed did with one text: at which steps it was selected, and why."""
    number = st.session_state.get(_RUN)
    if not st.session_state.get("curate_replay") or number is None:
        return
    run = scene.store.runs.get(number, scene.project.id)
    found = curation.history(scene.store, run, row)
    if found.empty:
        st.caption(f"{plain(run.name)} never saw this text.")
        return
    st.caption(
        f"R{plain(run.name)[1:]} selected it at {count(found['selected'].sum())} of the "
        f"{counted(len(found), 'step')} that saw it."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Step": found["step"],
                "Epoch": found["epoch"],
                "Selected": found["selected"],
                "Why": found["why"],
                "Confidence": 100 * found["confidence"],
                "Needed of the teacher": 100 * found["teacher_threshold"],
                "Needed of the student": 100 * found["student_threshold"],
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.1f %%")
            for name in ("Confidence", "Needed of the teacher", "Needed of the student")
        },
        alt="Each step that saw this text, whether it was selected, and why",
    )
