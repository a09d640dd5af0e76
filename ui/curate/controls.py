"""Thresholds by preset, their undo, and what the server counts at them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from llkd import curation
from llkd.evaluation import wilson
from llkd.store import Run, Store
from ui import view
from ui.curate.plane import run_name
from ui.curate.scene import Scene, look_through, step_back, steps_back
from ui.errors import told_later
from ui.view import View
from ui.wording import count, counted, plain, share

TOP = 0.2
MOVING = {"llkd", "teacher_only", "student_only", "teacher_then_random", "fixed"}


def presets(scene: Scene) -> None:
    """Thresholds at a click, and back again."""
    top = f"{TOP:.0%}".replace("%", " %")
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
    runs = [run for run in scene.store.runs.all(scene.project.id) if moving(run)]
    if runs:
        st.menu_button(
            "Thresholds of a run",
            [run.id for run in runs],
            format_func=lambda n: plain(run_name(runs, n)),
            key="curate_of_run",
            on_click=_of_run,
            args=(scene,),
            help="Where the run's thresholds stood at its last step, class by class.",
        )
    back, again = steps_back(scene.project)
    for label, icon, there, forward in (
        ("Undo", ":material/undo:", back, False),
        ("Redo", ":material/redo:", again, True),
    ):
        st.button(
            label,
            key="curate_redo_view" if forward else "curate_undo_view",
            icon=icon,
            disabled=not there,
            on_click=step_back,
            args=(scene.project, forward),
        )


def moving(run: Run) -> bool:
    """Whether a run is finished and had thresholds to show."""
    return run.summary is not None and run.config.selection.strategy in MOVING


def counts(scene: Scene) -> None:
    """What the thresholds keep, of all rows, as the server counts it."""
    told = scene.counts
    parts = [
        f"Kept by these thresholds: {count(told['kept'])} of {counted(told['rows'], 'text')} "
        f"({share(told['share'])})."
    ]
    frame = scene.plane.frame
    people = int((frame["human_label"] >= 0).sum()), int(frame["excluded"].sum())
    if any(people):
        parts.append(
            f"By people: {counted(people[0], 'text')} labelled, {count(people[1])} excluded."
        )
    if told["accuracy"] is not None:
        checked = told["checked"]
        low, high = wilson(round(told["accuracy"] * checked), checked) or (0.0, 1.0)
        parts.append(
            f"{share(told['accuracy'])} of the kept labels are right, judged by the "
            f"{counted(checked, 'kept text')} with gold (95 % interval {share(low)} to "
            f"{share(high)})."
        )
    st.caption(" ".join(parts))


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


@told_later
def _of_run(scene: Scene) -> None:
    run = scene.store.runs.get(st.session_state["curate_of_run"], scene.project.id)
    look_through(scene.project, as_of_run(scene.store, run))


def as_of_run(store: Store, run: Run) -> View:
    """The plane as the run saw it at its end: its last thresholds, class by class, its student."""
    return at_step(run, store.runs.steps(run).iloc[-1], run.id if store.runs.epochs(run) else None)


def at_step(run: Run, step: Any, source: int | None, epoch: int | None = None) -> View:
    """The view with the thresholds of one line of a run's step log, on the grid."""
    teacher, student = (
        view.rounded_all(dict(zip(run.classes.keys, map(float, step[name]), strict=True)))
        for name in ("teacher_threshold", "student_threshold")
    )
    return View(teacher, student, source, epoch)
