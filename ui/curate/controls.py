"""Thresholds by hand and by preset, and what they keep, counted over all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from llkd import charts, curation
from llkd.evaluation import wilson
from llkd.store import Run, Store
from ui import view
from ui.curate import marks
from ui.curate.plane import run_name
from ui.curate.scene import Scene, look_through, redraw
from ui.view import View
from ui.wording import TERMS, count, counted, share

SIDES = {
    "teacher": ("Teacher threshold", TERMS["teacher confidence"]),
    "student": ("Student threshold", TERMS["information need"]),
}
TOP = 0.2
MOVING = {"llkd", "teacher_only", "student_only", "teacher_then_random", "fixed"}


def thresholds(scene: Scene) -> int | None:
    """Both thresholds, for all classes or one; returns the class picked."""
    names = scene.plane.names
    chosen: int = st.selectbox(
        "Thresholds for",
        range(-1, len(names)),
        format_func=lambda k: "all classes" if k < 0 else names[k],
        key="curate_class",
        persist_state="session",
        help="Pick a class to give it thresholds of its own; the others keep theirs.",
    )
    picked = None if chosen < 0 else chosen
    name = None if picked is None else names[picked]
    for side, (title, meaning) in SIDES.items():
        threshold = getattr(scene.view, side)
        value = view.value_of(threshold, name)
        slider, at = _fresh(f"curate_{side}_slider_{chosen}", value)
        number, typed = _fresh(f"curate_{side}_number_{chosen}", value)
        wide, narrow = st.columns([2.4, 1], vertical_alignment="bottom")
        off = side == "student" and not marks.need_known(scene.plane)
        wide.slider(
            title,
            0.0,
            1.0,
            at,
            step=view.STEP,
            format="%.3f",
            key=slider,
            on_change=_moved,
            args=(scene, side, slider, name),
            persist_state="session",
            disabled=off,
            help=f"{meaning} Texts below the threshold are not kept.",
        )
        narrow.number_input(
            title,
            0.0,
            1.0,
            typed,
            step=0.01,
            format="%.3f",
            key=number,
            on_change=_moved,
            args=(scene, side, number, name),
            persist_state="session",
            disabled=off,
            label_visibility="collapsed",
        )
        if name is None and isinstance(threshold, dict):
            st.caption("This threshold differs by class: moving it here sets all of them.")
    _presets(scene)
    return picked


def _fresh(name: str, value: float) -> tuple[str, float]:
    """Key and first value of a widget that shows ``value``: new unless it was itself the mover.

    Two widgets show one threshold. Were the other one told its new value through the session, a
    browser that had not heard of it yet would send the old value back, as if a person had set it.
    """
    turn, first, held = st.session_state.get(f"_{name}", (0, value, value))
    if held != value:
        turn, first = turn + 1, value
    st.session_state[f"_{name}"] = (turn, first, value)
    return f"{name}_{turn}", first


def _presets(scene: Scene) -> None:
    top = f"{TOP:.0%}".replace("%", " %")
    with st.container(horizontal=True, gap="small"):
        for kind, label, meaning in (
            ("everything", "Keep everything", "Both thresholds to 0."),
            ("top", f"Top {top}", "The texts that are highest on both signals."),
            ("balanced", f"Balanced {top} per class", "The same share of every class."),
        ):
            st.button(
                label,
                key=f"curate_{kind}",
                help=meaning,
                on_click=_preset,
                args=(scene, kind),
            )
        runs = [
            run
            for run in scene.store.runs.all(scene.project.id)
            if run.summary is not None and run.config.selection.strategy in MOVING
        ]
        if runs:
            st.menu_button(
                "Thresholds of a run",
                [run.id for run in runs],
                format_func=lambda n: run_name(runs, n),
                key="curate_of_run",
                on_click=_of_run,
                args=(scene,),
                help="Where the run's thresholds stood at its last step, class by class.",
            )


def counts(scene: Scene) -> None:
    """What the thresholds keep, of all rows."""
    told_of = curation.summary(scene.plane, scene.kept)
    first, second = st.columns(2)
    first.metric("Kept", count(told_of["kept"]))
    second.metric(f"of {counted(told_of['rows'], 'text')}", share(told_of["share"]))
    if told_of["accuracy"] is not None:
        _accuracy(scene, told_of)
    labelled = np.bincount(
        scene.plane.frame["label"].to_numpy() + 1, minlength=len(scene.plane.names) + 1
    )[1:]
    st.plotly_chart(
        charts.kept_per_class(
            scene.plane.names, list(told_of["per_class"].values()), labelled.tolist()
        ),
        key="curate_bars",
        config={"displayModeBar": False},
        alt="How many texts of each class are kept",
    )
    frame = scene.plane.frame
    people = int((frame["human_label"] >= 0).sum()), int(frame["excluded"].sum())
    if any(people):
        st.caption(
            f"By people: {counted(people[0], 'text')} labelled, {count(people[1])} excluded."
        )


def _accuracy(scene: Scene, told_of: dict[str, Any]) -> None:
    checked = told_of["checked"]
    low, high = wilson(round(told_of["accuracy"] * checked), checked) or (0.0, 1.0)
    everything = curation.summary(scene.plane, scene.plane.frame["label"].to_numpy() >= 0)
    st.markdown(
        f"**{share(told_of['accuracy'])} of the kept labels are right**, judged by the "
        f"{counted(checked, 'kept text')} with gold (95 % interval {share(low)} to "
        f"{share(high)}). Of all labels it is {share(everything['accuracy'])}."
    )


def _moved(scene: Scene, side: str, key: str, name: str | None) -> None:
    names, value = scene.plane.names, float(st.session_state[key])
    name_of_widget, _, turn = key.rpartition("_")
    now_turn, first, _ = st.session_state[f"_{name_of_widget}"]
    if int(turn) != now_turn:
        redraw()  # the browser still had the widget that this one replaced
    st.session_state[f"_{name_of_widget}"] = (now_turn, first, value)
    now = view.in_use(scene.project, names)
    moved = view.changed(getattr(now, side), names, name, value)
    look_through(
        scene.project,
        replace(now, teacher=moved) if side == "teacher" else replace(now, student=moved),
    )


def _preset(scene: Scene, kind: str) -> None:
    if kind == "everything":
        teacher: Any = 0.0
        student: Any = 0.0
    else:
        teacher, student = curation.top_share_thresholds(scene.plane, TOP, kind == "balanced")
    chosen = replace(
        scene.view, teacher=view.rounded_all(teacher), student=view.rounded_all(student)
    )
    look_through(scene.project, chosen)


def _of_run(scene: Scene) -> None:
    run = scene.store.runs.get(st.session_state["curate_of_run"], scene.project.id)
    look_through(scene.project, as_of_run(scene.store, run))


def as_of_run(store: Store, run: Run) -> View:
    """The plane as the run saw it at its end: its last thresholds, class by class, its student."""
    last = store.runs.steps(run).iloc[-1]
    teacher, student = (
        view.rounded_all(dict(zip(run.labels["classes"], map(float, last[name]), strict=True)))
        for name in ("teacher_threshold", "student_threshold")
    )
    return View(teacher, student, run.id if store.runs.epochs(run) else None)
