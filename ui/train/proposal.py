"""What is proposed on Train where nobody chooses: strategy, reason, and arms worth comparing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.config import AUTO_STRATEGY
from llkd.curation import Plane
from llkd.evaluation.advice import TrainingAdvice, project_advice
from llkd.evaluation.evaluation_set import Kind
from llkd.evaluation.kept_quality import LEAST_CHECKED
from llkd.selection.registry import label_of
from llkd.store import Project, Store
from ui.shell import reads
from ui.shell.wording import plain
from ui.train import start

BY_PEOPLE = "train_judged_by_people"
"""The switch of the form by which labels of people evaluate a single run."""


def for_training(store: Store, project: Project) -> TrainingAdvice:
    """The advice for a single run, evaluated as the form says."""
    return _advice(store, project, "people" if st.session_state.get(BY_PEOPLE) else "gold")


def for_comparison(store: Store, project: Project) -> TrainingAdvice:
    """The advice for a comparison started now, which chooses itself by what it evaluates."""
    return _advice(store, project, start.evaluation_set_now(store, project).kind)


def _advice(store: Store, project: Project, kind: Kind) -> TrainingAdvice:
    plane, key, people = reads.keyed_plane(store, project)
    return _kept_advice(key, people, kind, store, project, plane)


@st.cache_resource(show_spinner=False, max_entries=16)
def _kept_advice(
    key: tuple[Any, ...], people: str, kind: Kind, _store: Store, _project: Project, _plane: Plane
) -> TrainingAdvice:
    return project_advice(_store, _project, _plane, kind)


def option(strategy: str, advice: TrainingAdvice) -> str:
    """How the list of strategies shows one; the proposal stands there as what it comes to."""
    if strategy == AUTO_STRATEGY:
        return f"Proposed: {label_of(advice.strategy)}"
    return label_of(strategy)


def reason(project: Project, advice: TrainingAdvice, strategy: str) -> None:
    """Why that is proposed, and what would make it surer."""
    if strategy == AUTO_STRATEGY or strategy == advice.strategy:
        words = advice.sentence
    else:
        words = f"{label_of(advice.strategy)} is proposed. {advice.sentence}"
    st.caption(f":material/lightbulb: {plain(words)}")
    if advice.guess or advice.may_change:
        if st.button(
            f"Label {LEAST_CHECKED} texts at random",
            icon=":material/shuffle:",
            key="train_label_random",
            type="tertiary",
            help="Then it is known how often the teacher is right, and the proposal is surer.",
        ):
            start.audit_on_curate(project)
