"""The decision plane on the page, where its signals come from, and what is marked on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from llkd.store import Project, Run
from ui import view
from ui.curate import rows, scene
from ui.curate.compare import packed
from ui.curate.scene import TABLE, Scene, draw_again, look_through, redraw
from ui.decision_plane import Region, decision_plane
from ui.view import View
from ui.wording import TERMS


def _source_key(shown: View) -> str:
    return f"curate_source_{shown.run or 0}"


def _epoch_key(shown: View, epochs: Sequence[int]) -> str:
    return f"curate_epoch_{shown.run}_{shown.epoch or epochs[-1]}"


def _new_source(here: Scene, key: str) -> None:
    now = view.in_use(here.project, here.plane.classes)
    if key != _source_key(now) or key not in st.session_state:
        redraw()  # the browser still had the widget that another one replaced
    chosen = st.session_state[key]
    look_through(here.project, replace(now, run=chosen or None, epoch=None, calibration=None))


def _new_epoch(here: Scene, key: str, epochs: Sequence[int]) -> None:
    now = view.in_use(here.project, here.plane.classes)
    if key != _epoch_key(now, epochs) or key not in st.session_state:
        redraw()
    look_through(here.project, replace(now, epoch=st.session_state[key]))


def _marked(project: Project, drawn: Region | None) -> None:
    scene.mark(project, drawn)
    scene.set_later("curate_shown", rows.MARKED if drawn else rows.KEPT)
    draw_again(TABLE)


def _moved(here: Scene, teacher: Any, student: Any) -> None:
    now = view.in_use(here.project, here.plane.classes)
    by_key = dict(zip(here.plane.names, here.plane.keys, strict=True))
    teacher, student = _relabelled(teacher, by_key), _relabelled(student, by_key)
    look_through(here.project, replace(now, teacher=teacher, student=student))


def _relabelled(threshold: Any, other: Mapping[str, Any]) -> Any:
    """Thresholds by class under ``other`` words for the classes; one number stays as it is."""
    if not isinstance(threshold, dict):
        return threshold
    return {other[name]: value for name, value in threshold.items() if name in other}


def unmark(project: Project) -> None:
    """From a callback: forget what is marked on the plane or was picked by other means."""
    scene.mark(project, None)
    scene.drop_picked(project)
    scene.set_later("curate_shown", rows.KEPT)
    redraw()


def source(here: Scene) -> None:
    """Whose information need is the height of a text."""
    runs = [run for run in here.store.runs.all(here.project.id) if here.store.runs.epochs(run)]
    probe = "the probe" if here.need_known or here.run else "nothing yet"
    sources = [0, *[run.id for run in runs]]
    # The key holds what is shown, so that the widget always follows the view.
    key = _source_key(here.view)
    st.selectbox(
        "Information need from",
        sources,
        sources.index(here.view.run or 0),
        format_func=lambda n: run_name(runs, n) if n else probe,
        key=key,
        on_change=_new_source,
        args=(here, key),
        width=180,
        help=TERMS["information need"] + " Before any training a probe estimates it: a quick "
        "classifier on the untrained student. After a run, its student says it itself.",
    )
    if here.run is None:
        return
    epochs = here.store.runs.epochs(here.run)
    key = _epoch_key(here.view, epochs)
    st.selectbox(
        "After epoch",
        epochs,
        epochs.index(here.view.epoch or epochs[-1]),
        key=key,
        on_change=_new_epoch,
        args=(here, key, epochs),
        width=110,
    )


def run_name(runs: Sequence[Run], number: int) -> str:
    """What people call the run of that number."""
    return next(run.name for run in runs if run.id == number)


def draw(here: Scene) -> None:
    """The plane itself: the page holds its thresholds, its region and how it is looked at."""
    by_name: dict[str, str] = dict(zip(here.plane.keys, here.plane.names, strict=True))
    decision_plane(
        packed(here),
        key=f"curate_plane_{here.project.id}",
        names=here.plane.names,
        thresholds=(
            _relabelled(here.view.teacher, by_name),
            _relabelled(here.view.student, by_name),
        ),
        lasso=scene.region(here.project),
        look=scene.look(here.project),
        text_of=here.text_of,
        on_thresholds=lambda teacher, student: _moved(here, teacher, student),
        on_lasso=lambda drawn: _marked(here.project, drawn),
        on_look=lambda looked: scene.look_at(here.project, looked),
    )
