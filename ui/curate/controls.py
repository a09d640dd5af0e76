"""Thresholds by preset, their undo, and what the server counts at them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import curation
from llkd.config.selection_rule import ThresholdRule
from llkd.curation import Plane
from llkd.evaluation.kept_quality import KeptQuality
from llkd.evaluation.kept_sentence import percent
from llkd.selection.registry import takes
from llkd.store import Project, Run, Store
from ui.curate import quality, view
from ui.curate.plane import run_name
from ui.curate.reading import gates
from ui.curate.state import CurateState, set_view, step_back, steps_back
from ui.shell.errors import defer_errors
from ui.shell.wording import count, counted, plain, share

TOP = 0.2


def presets(scene: CurateState) -> None:
    """Thresholds at a click, each with what it keeps and how right that is, and back again."""
    top = f"{TOP:.0%}".replace("%", " %")
    for kind, label, meaning in (
        ("everything", "Keep everything", "Both thresholds to 0."),
        ("top", f"Top {top}", "The texts that are highest on both signals."),
        ("balanced", f"Balanced {top} per class", "The same share of every class."),
    ):
        rule = _rule_of(scene.plane, scene.key, scene.people, scene.view, kind)
        _preset(scene, kind, label, meaning, rule)
    everything = _rule_of(scene.plane, scene.key, scene.people, scene.view, "everything")
    reason = gates.why_no_neighbours(scene.store, scene.project, scene.plane)
    meaning = reason or "Texts whose label the texts most like them carry, too."
    _preset(scene, "neighbours", gates.NEIGHBOURS, meaning, everything, gates.NEIGHBOURS, reason)
    for name in gates.certified(scene.store, scene.project):
        meaning = "The texts that a blind audit certified."
        _preset(scene, "certified", name, meaning, everything, name)
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
    return run.summary is not None and (
        takes(run.config.selection, "moving_thresholds")
        or takes(run.config.selection, "thresholds")
    )


def counts(scene: CurateState) -> None:
    """What the thresholds keep, of all rows, as the server counts it."""
    counts = scene.counts
    parts = [
        f"Kept by these thresholds: {count(counts['kept'])} of {counted(counts['rows'], 'text')} "
        f"({share(counts['share'])})."
    ]
    frame = scene.plane.frame
    people = int((frame["human_label"] >= 0).sum()), int(frame["excluded"].sum())
    if any(people):
        parts.append(
            f"By people: {counted(people[0], 'text')} labelled, {count(people[1])} excluded."
        )
    st.caption(" ".join(parts))


def _preset(
    scene: CurateState,
    kind: str,
    label: str,
    meaning: str,
    rule: ThresholdRule,
    gate_name: str | None = None,
    reason: str | None = None,
) -> None:
    """One preset: its button, and below it what it keeps and how right that is."""
    with st.container(width="content", gap="xxsmall"):
        st.button(
            label,
            key=f"curate_{kind}",
            help=meaning,
            disabled=reason is not None,
            icon=":material/check:" if gate_name and gate_name == _gate_name(scene) else None,
            on_click=_use,
            args=(scene.project, rule, gate_name),
        )
        gate = None
        if gate_name is not None and reason is None:
            gate = gates.gate_of(
                scene.store, scene.project, scene.plane, scene.key, scene.people, gate_name
            )
        if reason is not None:
            st.caption("needs the quick estimate" if not scene.need_known else "too many texts")
        elif gate_name is None or gate is not None:
            st.caption(_figure(quality.of_scene(scene, rule, gate)))


def _gate_name(scene: CurateState) -> str | None:
    return None if scene.gate is None else scene.gate.name


def _figure(known: KeptQuality) -> str:
    texts = count(known.kept_texts)
    if known.kept_share is None:
        return f"{texts} kept"
    return f"{texts} kept, {percent(known.kept_share.value)} right"


def _use(project: Project, rule: ThresholdRule, gate: str | None) -> None:
    set_view(project, rule, gate=gate)


def _rule_of(
    plane: Plane, key: tuple[Any, ...], people: str, now: ThresholdRule, kind: str
) -> ThresholdRule:
    teacher, student = _lines(key, people, kind, plane)
    return view.changed(now, teacher_threshold=teacher, student_threshold=student)


@st.cache_resource(show_spinner=False, max_entries=24)
def _lines(key: tuple[Any, ...], people: str, kind: str, _plane: Plane) -> tuple[Any, Any]:
    if kind == "everything":
        return 0.0, 0.0
    teacher, student = curation.top_share_thresholds(_plane, TOP, kind == "balanced")
    return view.rounded_all(teacher), view.rounded_all(student)


@defer_errors
def _of_run(scene: CurateState) -> None:
    run = scene.store.runs.get(st.session_state["curate_of_run"], scene.project.id)
    set_view(scene.project, as_of_run(scene.store, run))


def as_of_run(store: Store, run: Run) -> ThresholdRule:
    """The plane as the run saw it at its end: its last thresholds, class by class, its student."""
    return at_step(run, store.runs.steps(run).iloc[-1], run.id if store.runs.epochs(run) else None)


def at_step(run: Run, step: Any, source: int | None, epoch: int | None = None) -> ThresholdRule:
    """The view with the thresholds of one line of a run's step log, on the grid."""
    teacher, student = (
        view.rounded_all(dict(zip(run.classes.keys, map(float, step[name]), strict=True)))
        for name in ("teacher_threshold", "student_threshold")
    )
    return ThresholdRule(
        teacher_threshold=teacher, student_threshold=student, run=source, epoch=epoch
    )
