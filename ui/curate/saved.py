"""Selections kept under a name: save, load, delete, compare, export, train on."""

from __future__ import annotations

import time

import streamlit as st

from llkd import curation
from llkd.config.selection_rule import RowsRule, ThresholdRule, rule_on_grid
from llkd.errors import LLKDError, UserError
from llkd.selection.registry import SAVED as SAVED_STRATEGY
from llkd.store import Project, SavedSelection, Store
from ui.curate import carried, state, view
from ui.curate.saved_pair import compare
from ui.curate.state import (
    PLANE,
    SAVED,
    CurateState,
    pick,
    redraw,
    rerun,
    set_later,
    set_now,
    set_view,
)
from ui.decision_plane import Region
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_error, show_errors
from ui.shell.page import go_to
from ui.shell.wording import counted, plain

_PICKED, _OUTCOME = "curate_saved", "_curate_saved"


@st.fragment(key=SAVED)
def selections(store: Store, project: Project) -> None:
    """Save what is looked at under a name; load and delete what was saved."""
    with show_errors():
        _selections(CurateState(store, project))


def _selections(scene: CurateState) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Name of this selection",
            key=_name_key(),
            max_chars=100,
            persist_state="session",
            placeholder="for example: first cut",
            width="stretch",
        )
        st.button(
            "Save selection",
            icon=":material/bookmark_add:",
            key="curate_save",
            on_click=_save,
            args=(scene, False),
        )
        marked = state.region(scene.project)
        if marked is not None:
            st.button(
                "Save the lasso",
                icon=":material/lasso_select:",
                key="curate_save_marked",
                on_click=_save,
                args=(scene, True),
                help="Keeps just the texts in the lasso, one by one, whatever the thresholds keep "
                "of them: it holds the same texts when signals or the map change.",
            )
    outcome()
    saved = scene.store.selections.all(scene.project.id)
    if saved:
        _saved(scene, saved)


def outcome() -> None:
    """What came of saving, where it was not said yet."""
    last = st.session_state.pop(_OUTCOME, None)
    if last is not None:
        good, message = last
        st.success(plain(message), icon=":material/check:") if good else show_error(message)


def train_on_kept(scene: CurateState) -> None:
    """On to Train with what is kept, saved under the typed name or the time if it is not yet."""
    name = st.session_state.get(_name_key(), "").strip()
    saved = _saved_as(scene)
    if not name:
        now = time.strftime("kept on %d %B, %H:%M:%S").replace(" 0", " ")
        name = saved[0] if saved else now
    if name not in saved:
        try:
            _keep(scene, name)
        except LLKDError as error:
            st.session_state[_OUTCOME] = (False, str(error))
            return
        st.session_state["_curate_name_turn"] = st.session_state.get("_curate_name_turn", 0) + 1
    set_later(_PICKED, name)
    carried.carry(scene.project, name)
    _leave("Train", train_strategy=SAVED_STRATEGY, train_saved_rows=name)


def _saved_as(scene: CurateState) -> list[str]:
    """The names under which just this is saved already, the newest first."""
    rule = scene.rule
    return [
        selection.name
        for selection in scene.store.selections.all(scene.project.id)
        if selection.rule == rule and selection.counts == scene.counts
    ]


def _name_key() -> str:
    """Another field after each save, so that it starts empty."""
    return f"curate_name_{st.session_state.get('_curate_name_turn', 0)}"


def _save(scene: CurateState, marked: bool) -> None:
    name = st.session_state.get(_name_key(), "").strip()
    # Lines may have moved since this part of the page was drawn.
    now = CurateState(scene.store, scene.project)
    try:
        _keep_marked(now, name) if marked else _keep(now, name)
        set_later(_PICKED, name)
        st.session_state[_OUTCOME] = (True, f"Saved as {name!r}.")
        st.session_state["_curate_name_turn"] = st.session_state.get("_curate_name_turn", 0) + 1
    except LLKDError as error:
        st.session_state[_OUTCOME] = (False, str(error))
    rerun(SAVED, PLANE)


def _keep(scene: CurateState, name: str) -> None:
    scene.store.selections.save(scene.project.id, name, scene.rule, scene.counts, author().who)


def _keep_marked(scene: CurateState, name: str) -> None:
    """The texts of the lasso, by row number: wherever they lie by the next signals or map."""
    marked = state.region(scene.project)
    if marked is None:
        raise UserError("There is no lasso any more. Draw it again.")
    rule = marked_rule(scene, marked)
    counts = curation.summary(scene.plane, curation.rows_kept_by(scene.plane, rule))
    scene.store.selections.save(scene.project.id, name, rule, counts, author().who)


def marked_rule(scene: CurateState, marked: Region) -> RowsRule:
    """The rule that keeps the texts of a lasso, with the signals that are in view."""
    numbers = scene.plane.frame["row"].to_numpy()[marked.rows(scene.packed)]
    now = view.as_saved(scene.view, scene.plane)
    return RowsRule(
        rows=tuple(numbers.tolist()), calibration=now.calibration, run=now.run, epoch=now.epoch
    )


def _saved(scene: CurateState, saved: list[SavedSelection]) -> None:
    by_name = {selection.name: selection for selection in saved}
    set_now(_PICKED)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            f"Saved selections ({len(saved)})",
            list(by_name),
            format_func=lambda n: f"{n} ({counted(by_name[n].counts['kept'], 'text')})",
            key=_PICKED,
            width="stretch",
        )
        st.button("Load", key="curate_load", on_click=_load, args=(scene, by_name.get(name)))
        st.button(
            "Delete",
            key="curate_delete",
            icon=":material/delete:",
            on_click=_delete,
            args=(scene, by_name.get(name)),
        )
        if st.button("Export it", key="curate_export_saved", icon=":material/output:") and name:
            carried.carry(scene.project, name)
            _leave("Export")
        train = st.button("Train on it", key="curate_train_saved", icon=":material/model_training:")
        if train and name:
            carried.carry(scene.project, name)
            _leave("Train", train_strategy=SAVED_STRATEGY, train_saved_rows=name)
    if len(saved) > 1 and st.toggle(
        "Compare two saved selections", key="curate_compare", persist_state="session"
    ):
        compare(scene, by_name)


def _leave(step: str, **drafts: str | None) -> None:
    """Go to another page with these of its widgets set."""
    for name, value in drafts.items():
        st.session_state[name] = value
    go_to(step)


def _load(scene: CurateState, selection: SavedSelection | None) -> None:
    if selection is not None and isinstance(selection.rule, ThresholdRule):
        set_view(scene.project, rule_on_grid(selection.rule, scene.plane.classes))
    elif selection is not None:
        plane, mask, _, _ = view.applied(scene.store, scene.project, selection.rule)
        pick(scene.project, selection.name, plane.frame["row"].to_numpy()[mask], in_colour=True)
    redraw()


@defer_errors
def _delete(scene: CurateState, selection: SavedSelection | None) -> None:
    if selection is not None:
        try:
            scene.store.selections.delete(scene.project.id, selection.name, selection.id)
            st.session_state[_OUTCOME] = (True, f"Deleted {selection.name!r}.")
        except LLKDError as error:
            st.session_state[_OUTCOME] = (False, str(error))
    rerun(SAVED, PLANE)
