"""How each kind of teacher is chosen: a field for its argument, a server, or a file.

A kind without a form of its own gets :func:`argument_fields`, which needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Project, Store
from llkd.teachers.kind import TeacherKind
from llkd.teachers.registry import TEACHERS, display_name, kind_of, split
from ui.shell import uploads
from ui.shell.wording import plain
from ui.teacher.setup.question import Field
from ui.teacher.setup.server import server_fields
from ui.teacher.setup.server_key import key_fields


@dataclass(frozen=True)
class Context:
    """Where a form is drawn: ``field`` names its widgets, ``start`` and ``argument`` fill them."""

    store: Store
    project: Project
    field: Field
    start: TeacherConfig
    argument: str


@dataclass(frozen=True)
class Chooser:
    """``fields`` draws the widgets and returns settings, ``teacher`` among them.

    ``filled(kind, argument)`` are the values of these widgets for an argument.
    """

    fields: Callable[[TeacherKind, Context], dict[str, Any]]
    filled: Callable[[TeacherKind, str], dict[str, Any]]


def of(kind: TeacherKind) -> Chooser:
    """The chooser that a kind names; the general one where it names none that is here."""
    return CHOOSERS.get(kind.form, CHOOSERS["argument"])


def argument_fields(kind: TeacherKind, context: Context) -> dict[str, Any]:
    """A field for what follows the kind's name, and one for each setting that it needs."""
    values: dict[str, Any] = {"teacher": kind.name}
    if kind.argument is not None:
        argument = st.text_input(
            kind.argument.label,
            context.argument,
            placeholder=kind.argument.placeholder,
            key=context.field(kind.name),
            persist_state="session",
        )
        if argument.strip() or not kind.argument.optional:
            values["teacher"] = f"{kind.name}:{argument.strip()}"
    for name in kind.needs:
        typed = st.text_input(
            name.replace("_", " ").capitalize().replace("url", "URL"),
            getattr(context.start, name) or "",
            help=TeacherConfig.model_fields[name].description,
            key=context.field(name),
            persist_state="session",
        )
        values[name] = typed.strip() or None
    return values


def _server(kind: TeacherKind, context: Context) -> dict[str, Any]:
    return server_fields(context.store, context.field, context.start, kind, context.argument)


def _labels_file(kind: TeacherKind, context: Context) -> dict[str, Any]:
    st.caption(
        "A CSV, TSV, JSON Lines or Parquet file with a column `text`, by which labels are matched, "
        "and a column `label`; with a column `confidence` from 0 to 1 if it is known, or, instead, "
        "one column of probabilities for each class."
    )
    uploaded = st.file_uploader("File with labels", key=context.field("upload"))
    stored = f"teacher_labels_file_{context.project.id}"
    if uploaded is not None:
        path = uploads.keep_for_project(context.store, context.project, uploaded)
        st.session_state[stored] = (str(path), uploaded.name)
    path_, shown = st.session_state.get(stored, (context.argument, context.argument))
    if path_:
        st.text(f"In use: {shown}")
    return {"teacher": f"{kind.name}:{path_}"}


def _committee(kind: TeacherKind, context: Context) -> dict[str, Any]:
    """Who sits on it: kinds that need no argument, labelling runs there are, or others typed."""
    runs = {
        str(run.id): display_name(run.config)
        for run in context.store.labeling_runs.all(context.project.id)
        if not kind_of(run.config).pools
    }
    alone = {
        name: each.named("") for name, each in TEACHERS.items() if not each.pools and each.takes("")
    }
    options = {**alone, **{number: f"labelling run {number}: {runs[number]}" for number in runs}}
    start = [member for member in context.start.members if member in options or ":" in member]
    members = st.multiselect(
        "Members",
        [*options, *(member for member in start if member not in options)],
        start,
        format_func=lambda member: plain(options.get(member, member)),
        accept_new_options=True,
        help="Two or more. A teacher such as local:FOLDER or api:MODEL can be typed. Labels from a "
        "file, or of another prompt, join as the labelling run they are.",
        key=context.field("members"),
        persist_state="session",
    )
    values: dict[str, Any] = {"teacher": kind.name, "members": members}
    kinds = [TEACHERS.get(split(member)[0]) for member in members]
    if any(kind is not None and "base_url" in kind.needs for kind in kinds):
        address = st.text_input(
            "Base URL",
            context.start.base_url or "http://127.0.0.1:8000/v1",
            key=context.field("url"),
            persist_state="session",
        )
        values["base_url"] = address.strip() or None
        key_fields(context.store, address.strip(), context.field)
    fitted = st.toggle(
        "Fit the members' weights to known classes",
        context.start.weights == "fitted",
        help="On gold or people's labels of the pool, twenty at least; else all count alike.",
        key=context.field("fitted"),
        persist_state="session",
    )
    return values | {"weights": "fitted" if fitted else "equal"}


CHOOSERS: dict[str, Chooser] = {
    "argument": Chooser(argument_fields, lambda kind, argument: {kind.name: argument or None}),
    "server": Chooser(_server, lambda kind, argument: {"model": argument}),
    "committee": Chooser(_committee, lambda kind, argument: {}),
    "file": Chooser(_labels_file, lambda kind, argument: {"labels_file": (argument, argument)}),
}
