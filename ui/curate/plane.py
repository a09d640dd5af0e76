"""The decision plane on the page, where its signals come from, and what is marked on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llkd.config.selection_rule import ThresholdRule
from llkd.store import Project, Run
from ui.curate import making_map, meaning_map, panes, rows, state, view
from ui.curate.reading import opening
from ui.curate.saved_pair import packed
from ui.curate.state import CARD, PLANE, SAVED, TABLE, CurateState, redraw, rerun, set_view
from ui.decision_plane import Group, Packed, Region, decision_plane
from ui.shell.wording import TERMS


def _source_key(shown: ThresholdRule) -> str:
    return f"curate_source_{shown.run or 0}"


def _epoch_key(shown: ThresholdRule, epochs: Sequence[int]) -> str:
    return f"curate_epoch_{shown.run}_{shown.epoch or epochs[-1]}"


def _new_source(here: CurateState, key: str) -> None:
    now = view.in_use(here.project, here.plane.classes)
    if key != _source_key(now) or key not in st.session_state:
        redraw()  # the browser still had the widget that another one replaced
    source_run = st.session_state[key]
    set_view(here.project, view.changed(now, run=source_run or None, epoch=None, calibration=None))


def _new_epoch(here: CurateState, key: str, epochs: Sequence[int]) -> None:
    now = view.in_use(here.project, here.plane.classes)
    if key != _epoch_key(now, epochs) or key not in st.session_state:
        redraw()
    set_view(here.project, view.changed(now, epoch=st.session_state[key]))


def _marked(project: Project, shape: Region | None) -> None:
    before = state.region(project)
    state.mark(project, shape)
    state.set_later("curate_shown", rows.MARKED if shape else rows.KEPT_ROWS)
    if shape:
        opening.ask(project, None)
    # What was marked on the other picture stands out on this one until it is no longer marked.
    elsewhere = before is not None and (shape is None or before.drawn_on != shape.drawn_on)
    rerun(TABLE, CARD, SAVED, *([PLANE] if elsewhere else []))


def _moved(here: CurateState, teacher: Any, student: Any) -> None:
    now = view.in_use(here.project, here.plane.classes)
    by_key = dict(zip(here.plane.names, here.plane.keys, strict=True))
    teacher, student = _relabelled(teacher, by_key), _relabelled(student, by_key)
    moved = view.changed(now, teacher_threshold=teacher, student_threshold=student)
    set_view(here.project, moved, gate=state.gate_in_use(here.project))


def _relabelled(threshold: Any, other: Mapping[str, Any]) -> Any:
    """Thresholds by class under ``other`` words for the classes; one number stays as it is."""
    if not isinstance(threshold, dict):
        return threshold
    return {other[name]: value for name, value in threshold.items() if name in other}


def unmark(project: Project) -> None:
    """From a callback: forget what is marked on the plane or was picked by other means."""
    state.mark(project, None)
    state.drop_picked(project)
    state.set_later("curate_shown", rows.KEPT_ROWS)
    redraw(SAVED)


def source(here: CurateState) -> None:
    """Whose uncertainty is the height of a text."""
    runs = [run for run in here.store.runs.all(here.project.id) if here.store.runs.epochs(run)]
    estimate = "Quick estimate" if here.need_known or here.run else "Nothing yet"
    sources = [0, *[run.id for run in runs]]
    # The key holds what is shown, so that the widget always follows the view.
    key = _source_key(here.view)
    st.selectbox(
        "Student uncertainty from",
        sources,
        sources.index(here.view.run or 0),
        format_func=lambda n: run_name(runs, n) if n else estimate,
        key=key,
        on_change=_new_source,
        args=(here, key),
        width=210,
        help=TERMS["information need"] + " Before any training a quick estimate stands in: a small "
        "classifier on the untrained student. After a run it is that of the trained student.",
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


def draw(here: CurateState) -> None:
    """The plane or the map: the page holds thresholds, region and how they are looked at."""
    project, by_signals = here.project, packed(here)
    stands = meaning_map.standing(here.store, project)
    if panes.in_use(project) == panes.MEANING:
        making_map.offers(here, stands)
        if stands is not None:
            on_map = meaning_map.rows_on_map(here, by_signals, stands)
            _show(here, on_map, by_signals, stands.stamp, meaning_map.names(here, stands))
    elif stands is not None:
        _show(here, meaning_map.with_topics(here, by_signals, stands), by_signals)
    else:
        _show(here, by_signals, by_signals)


def _show(
    here: CurateState,
    shown: Packed,
    by_signals: Packed,
    drawn_on: str = "",
    groups: Sequence[Group] = (),
) -> None:
    """Rows where they are ``shown``, on the plane or on the map named ``drawn_on``."""
    project = here.project
    by_name: dict[str, str] = dict(zip(here.plane.keys, here.plane.names, strict=True))
    decision_plane(
        shown,
        key=f"curate_{'map' if drawn_on else 'plane'}_{project.id}",
        names=here.plane.names,
        thresholds=(
            _relabelled(here.view.teacher_threshold, by_name),
            _relabelled(here.view.student_threshold, by_name),
        ),
        lasso=panes.outline(project, drawn_on),
        brush=panes.brush(project, drawn_on, by_signals),
        look=panes.look(project),
        groups=groups,
        text_of=here.text_of,
        on_thresholds=lambda teacher, student: _moved(here, teacher, student),
        on_lasso=lambda shape: _marked(project, _on(shape, drawn_on, shown)),
        on_look=lambda new_look: panes.look_at(project, new_look),
        on_open=lambda position: opening.open_position(here, position, shown),
    )


def _on(shape: Region | None, drawn_on: str, shown: Packed) -> Region | None:
    return shape.on(drawn_on, shown) if shape is not None and drawn_on else shape
