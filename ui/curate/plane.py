"""The decision plane: where its signals come from, its colours, and what is marked on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from llkd import charts
from llkd.store import Project, Run
from ui import view
from ui.curate import marks, rows
from ui.curate.scene import TABLE, Scene, look_through, redraw, regions_key
from ui.view import View
from ui.wording import TERMS, count, counted


def _source_key(shown: View) -> str:
    return f"curate_source_{shown.run or 0}"


def _epoch_key(shown: View, epochs: Sequence[int]) -> str:
    return f"curate_epoch_{shown.run}_{shown.epoch or epochs[-1]}"


def _new_source(scene: Scene, key: str) -> None:
    now = view.in_use(scene.project, scene.plane.names)
    if key != _source_key(now):
        redraw()  # the browser still had the widget that another one replaced
    chosen = st.session_state[key]
    look_through(scene.project, replace(now, run=chosen or None, epoch=None, calibration=None))


def _new_epoch(scene: Scene, key: str, epochs: Sequence[int]) -> None:
    now = view.in_use(scene.project, scene.plane.names)
    if key != _epoch_key(now, epochs):
        redraw()
    look_through(scene.project, replace(now, epoch=st.session_state[key]))


def _marked(chart: str, project: Project) -> None:
    drawn = marks.regions_of(st.session_state[chart].get("selection"))
    st.session_state[regions_key(project)] = drawn
    st.session_state["curate_shown"] = rows.MARKED if drawn else rows.KEPT
    st.rerun(TABLE)


def unmark(project: Project) -> None:
    """From a callback: forget what is marked."""
    st.session_state.pop(regions_key(project), None)
    st.session_state["curate_shown"] = rows.KEPT
    redraw()


def choices(scene: Scene) -> None:
    """What the marks are coloured by, and whose information need is their height."""
    runs = [run for run in scene.store.runs.all(scene.project.id) if scene.store.runs.epochs(run)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Colour by",
            marks.colourings(scene.plane),
            key="curate_colour",
            default=marks.KEPT_OR_NOT,
            required=True,
            persist_state="session",
        )
        probe = "the probe" if marks.need_known(scene.plane) or scene.run else "nothing yet"
        sources = [0, *[run.id for run in runs]]
        # The key holds what is shown, so that the widget always follows the view.
        key = _source_key(scene.view)
        st.selectbox(
            "Information need from",
            sources,
            sources.index(scene.view.run or 0),
            format_func=lambda n: run_name(runs, n) if n else probe,
            key=key,
            on_change=_new_source,
            args=(scene, key),
            width=170,
            help=TERMS["information need"] + " Before any training a probe estimates it: a quick "
            "classifier on the untrained student. After a run, its student says it itself.",
        )
        if scene.run is not None:
            epochs = scene.store.runs.epochs(scene.run)
            shown = scene.view.epoch or epochs[-1]
            key = _epoch_key(scene.view, epochs)
            st.selectbox(
                "After epoch",
                epochs,
                epochs.index(shown),
                key=key,
                on_change=_new_epoch,
                args=(scene, key, epochs),
                width=100,
            )


def run_name(runs: Sequence[Run], number: int) -> str:
    """What people call the run of that number."""
    return next(run.name for run in runs if run.id == number)


def draw(scene: Scene, picked: int | None) -> None:
    """The plane itself; ``picked`` is a class index, or None for all classes."""
    drawn, drawn_marks, there = marks.marks(scene.key, picked, scene.plane, scene.texts)
    by = st.session_state.get("curate_colour", marks.KEPT_OR_NOT)
    group, groups = marks.coloured(scene.plane, drawn, scene.kept, by)
    figure = charts.decision_plane(
        drawn_marks,
        group,
        groups,
        marks.lines(scene.view, scene.plane.names, picked),
        need_known=marks.need_known(scene.plane),
        regions=st.session_state.get(regions_key(scene.project), []),
    )
    key = "curate_chart"
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _marked(key, scene.project),
        selection_mode=("box", "lasso"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"]},
        alt="The decision plane: teacher confidence across, information need upwards",
    )
    told_parts = []
    if len(drawn) < there:
        told_parts.append(
            f"{count(len(drawn))} of {count(there)} texts are drawn, picked at random; counts, "
            "thresholds and the table cover all."
        )
    label = scene.plane.frame["teacher_label"].to_numpy()
    missing = int((label == picked).sum() if picked is not None else len(label)) - there
    if missing:
        told_parts.append(
            f"{counted(missing, 'text')} without a teacher label or signal "
            f"{'is' if missing == 1 else 'are'} not drawn."
        )
    told_parts.append("Draw a box or a lasso to list those texts below.")
    st.caption(" ".join(told_parts))
