"""Choosing a teacher and how it is asked: widgets in, :class:`TeacherConfig` out.

What there is to choose from, and which settings each kind reads, is in ``teachers.registry``.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.config import TeacherConfig, build
from llkd.errors import ConfigError
from llkd.store import Project, Store
from llkd.teachers.registry import TEACHERS, split, teacher_settings
from ui.shell.errors import show_error
from ui.teacher.setup import choosers, scoring
from ui.teacher.setup.question import Field, preview, prompt_fields, prototype_fields
from ui.teacher.setup.sample_texts import sample_rows


def teacher_form(
    store: Store,
    project: Project,
    start: TeacherConfig,
    rows: list[int] | None = None,
    *,
    side: str = "",
) -> tuple[TeacherConfig | str, list[int]]:
    """The widgets that choose a teacher, beginning at ``start``.

    Returns the settings, or a sentence on what is still to be filled in or put right, and the
    rows of the texts to try them on: those given, else picked here. A second form has a ``side``.
    """

    def field(what: str) -> str:
        return f"teacher_{what}_{project.id}{side}"

    started, argument = split(start.teacher)
    names = list(TEACHERS)
    name = st.radio(
        "Who labels the texts?",
        names,
        index=names.index(started) if started in names else 0,
        format_func=lambda option: TEACHERS[option].label,
        captions=None if side else [kind.summary for kind in TEACHERS.values()],
        horizontal=bool(side),
        key=field("kind"),
        persist_state="session",
    )
    kind = TEACHERS[name]
    chooser = choosers.of(kind)
    context = choosers.Context(store, project, field, start, argument if name == started else "")
    values = chooser.fields(kind, context)
    if kind.lookup:
        return _settings(values), rows or []
    question_values, picked, show_preview = (
        _question(store, project, field, start, rows, lead="lead" in kind.settings)
        if kind.has_prompt
        else ({}, rows if rows is not None else sample_rows(store, project), None)
    )
    values |= question_values
    if kind.takes_prototypes:
        values |= prototype_fields(store, project, field, start)
    if scoring.offered(kind):
        with st.expander("Scoring", icon=":material/tune:", key=field("scoring_box")):
            values |= scoring.fields(kind, field, start)
    config = _settings(values)
    if show_preview is not None:
        # What is asked does not hang on who is asked: it shows before a model is named.
        shown_for = config if isinstance(config, TeacherConfig) else _unnamed(values)
        if shown_for is not None:
            with show_preview:
                preview(store, project, shown_for, picked, field)
    return config, picked


def _question(
    store: Store,
    project: Project,
    field: Field,
    start: TeacherConfig,
    rows: list[int] | None,
    *,
    lead: bool,
) -> tuple[dict[str, Any], list[int], Any]:
    """The question's settings, the texts to try, and where its preview goes; None while closed."""
    question = st.expander(
        "Prompt",
        icon=":material/edit:",
        key=field("question_box"),
        on_change="rerun",
    )
    with question:
        # Side by side where there is room, so that one sees what typing changes.
        editor, preview_column = st.columns(2, gap="medium")
        with editor:
            values = prompt_fields(store, project, field, start, lead=lead)
        with preview_column:
            picked = rows if rows is not None else sample_rows(store, project)
    return values, picked, preview_column if question.open else None


def fill_in(project: Project, config: TeacherConfig) -> None:
    """Put these settings into the form; to be called before its widgets are drawn (a callback)."""
    name, argument = split(config.teacher)
    values = {"kind": name, **choosers.of(TEACHERS[name]).filled(TEACHERS[name], argument)}
    values |= scoring.filled(config)
    for what, value in values.items():
        if value is not None:
            st.session_state[f"teacher_{what}_{project.id}"] = value


def _settings(values: dict[str, Any]) -> TeacherConfig | str:
    name, argument = split(str(values["teacher"]))
    needed = TEACHERS[name].argument
    if needed is not None and not TEACHERS[name].takes(argument):
        return needed.missing
    try:
        return teacher_settings(values)
    except ConfigError as error:
        show_error(str(error))
        return str(error)


def shown_already(problem: str) -> bool:
    """Whether the form itself shows this problem; what is merely not filled in yet it does not."""
    missing = {kind.argument.missing for kind in TEACHERS.values() if kind.argument is not None}
    return problem not in missing


def _unnamed(values: dict[str, Any]) -> TeacherConfig | None:
    name, argument = split(str(values["teacher"]))
    if argument:
        return None  # something else is wrong, and has been said
    try:
        return build(TeacherConfig, values | {"teacher": f"{name}:model"})
    except ConfigError:
        return None
