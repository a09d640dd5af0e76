"""The asking side of the Teacher page, put together: who, what, how far, try it, start."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import curation
from llkd.config import TeacherConfig
from llkd.errors import UserError
from llkd.store import Project, Store
from llkd.teachers.registry import TRIED_TEXTS, chooses_way, kind_of, teachers_asked
from ui.shell.errors import show_error, show_errors
from ui.shell.executors import chosen_executor, executor_fields
from ui.shell.text_notices import teacher_notice
from ui.shell.unbroken import press_once
from ui.shell.wording import plain
from ui.teacher.prompt_comparison.panel import compare_prompts
from ui.teacher.setup import duration
from ui.teacher.setup.form import shown_already, teacher_form
from ui.teacher.setup.plan import (
    Plan,
    asked_before,
    extent_words,
    plan_fields,
    start_labelling,
    wanted_rows,
)
from ui.teacher.trial.dry_run import Side, show_trials, start_trials


def labeling_form(store: Store, project: Project, start: TeacherConfig, *, primary: bool) -> None:
    """Everything from the choice of a teacher to the start; runs by itself as one types."""

    def _ask() -> None:
        with show_errors():
            _body(store, project, start, primary)

    st.fragment(_ask, key=f"asking_{project.id}")()


def _body(store: Store, project: Project, start: TeacherConfig, primary: bool) -> None:
    config, rows = teacher_form(store, project, start)
    plan = plan_fields(store, project, config)
    if isinstance(config, TeacherConfig) and _runs_a_model(config):
        executor_fields(_executor_key(project))
    lookup = isinstance(config, TeacherConfig) and kind_of(config).lookup
    compared = not lookup and st.toggle(
        "Try another prompt or teacher beside it",
        key=f"compare_{project.id}",
        persist_state="session",
    )
    sides: list[Side] | str
    if compared:
        sides = _two_sides(store, project, config, rows)
    elif isinstance(config, str):
        sides = config
    else:
        sides = [Side("", config)]
    if isinstance(config, TeacherConfig):
        words = duration.words(store, project, config, plan)
        if words:
            st.caption(plain(words))
        with show_errors():
            teacher_notice(store, project, config)
    begin, tried = _buttons(
        _extent(store, project, config, plan), primary, bool(compared), _trial_help(config)
    )
    if begin:
        _begin(store, project, config, plan)
    if tried and isinstance(sides, str):
        show_error(sides)
    elif tried and not rows:
        show_error("There is no text to try it on: choose others under \u201cPrompt\u201d.")
    elif tried:
        with show_errors():
            start_trials(store, project, [s for s in sides if isinstance(s, Side)], rows)
    if isinstance(sides, list):
        shown = plan if isinstance(plan, Plan) else Plan()
        show_trials(store, project, sides, rows, shown)
    if isinstance(config, TeacherConfig) and _one_prompt(config):
        _bake_off(store, project, config)


def _extent(
    store: Store, project: Project, config: TeacherConfig | str, plan: Plan | str
) -> str | None:
    if isinstance(plan, str):
        return None
    labelled = 0 if isinstance(config, str) else asked_before(store, project, config)
    return extent_words(project.rows, wanted_rows(store, project, plan), labelled)


def _trial_help(config: TeacherConfig | str) -> str | None:
    """What a trial asks beyond its five texts."""
    if isinstance(config, str) or not chooses_way(config):
        return None
    return (
        f"The first time, {TRIED_TEXTS} other texts are asked, too: they choose between letters "
        "and names. Labelling does not ask for these answers again."
    )


def _buttons(
    extent: str | None, primary: bool, compared: bool, trial_help: str | None
) -> tuple[bool, bool]:
    with st.container(horizontal=True, vertical_alignment="center"):
        kind: Any = "primary" if primary else "secondary"
        begin = press_once(
            "Start labelling with A" if compared else "Start labelling",
            type=kind,
            icon=":material/play_arrow:",
            key="label_start",
        )
        tried = press_once(
            "Try both on five texts" if compared else "Try it on five texts",
            key="trial_start",
            icon=":material/science:",
            help=trial_help,
        )
        if extent is not None:
            st.caption(extent, width="stretch")
    return begin, tried


def _begin(store: Store, project: Project, config: TeacherConfig | str, plan: Plan | str) -> None:
    if isinstance(config, str):
        if not shown_already(config):
            show_error(config)
        return
    if isinstance(plan, str):
        show_error(plan)
        return
    if config.examples != "none":
        try:
            curation.check_examples(store, project, config)
        except UserError as error:  # said here, before a job is started that can only fail
            show_error(str(error))
            return
    # Chosen with these settings where a bake-off recommended them.
    calibration = st.session_state.pop(f"teacher_calibration_{project.id}", None)
    more: dict[str, Any] = {} if calibration is None else {"calibration": calibration}
    with show_errors():
        if _runs_a_model(config):
            more["executor"] = chosen_executor(_executor_key(project))
        start_labelling(store, project, config, plan, **more)


def _runs_a_model(config: TeacherConfig) -> bool:
    """Whether a cluster could do a part of it: a teacher, or a member, is a model."""
    return any(kind_of(teacher).uses_device for teacher in teachers_asked(config))


def _executor_key(project: Project) -> str:
    return f"label_executor_{project.id}"


def _two_sides(
    store: Store, project: Project, config: TeacherConfig | str, rows: list[int]
) -> list[Side] | str:
    """A, as chosen above, and B, which begins as a copy of it."""
    with st.container(border=True, key="side_b"):
        st.markdown("## B: the other prompt or teacher")
        st.caption("A copy of the form above (A) to change. Both are tried on the same texts.")
        begin = config if isinstance(config, TeacherConfig) else TeacherConfig()
        other, _ = teacher_form(store, project, begin, rows, side="_b")
        if other == config and isinstance(config, TeacherConfig):
            st.caption(":material/info: So far B is the same as A.")
    if isinstance(config, str):
        return config
    return other if isinstance(other, str) else [Side("A", config), Side("B", other)]


def _one_prompt(config: TeacherConfig) -> bool:
    """Whether there is a prompt to compare with others; a committee's members have their own."""
    kind = kind_of(config)
    return kind.has_prompt and not kind.pools


def _bake_off(store: Store, project: Project, config: TeacherConfig) -> None:
    box = st.expander(
        "Compare prompts",
        icon=":material/trophy:",
        key="bake_off_box",
        on_change="rerun",
    )
    if box.open:
        with box, show_errors():
            compare_prompts(store, project, config)
