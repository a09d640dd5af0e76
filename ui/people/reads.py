"""What the pages ask about several people, kept for all sessions until a decision changes it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.evaluation import people
from llkd.evaluation.people import SampleAgreement
from llkd.store import Dispute, LabelSample, Project, Store
from ui.shell import reads


def disputes(store: Store, project: Project) -> list[Dispute]:
    """The texts that are disputed now, by row."""
    return _disputes(_key(store, project), store, project)


def agreement(store: Store, project: Project, sample: LabelSample) -> SampleAgreement:
    """How far people agree on a sample now."""
    return _agreement((*_key(store, project), sample.id), store, project, sample)


def _key(store: Store, project: Project) -> tuple[Any, ...]:
    classes = None if project.label_set is None else project.label_set.model_dump_json()
    return (reads.home_of(store), project.id, store.decisions.version(project.id), classes)


@st.cache_resource(show_spinner=False, max_entries=16)
def _disputes(key: tuple[Any, ...], _store: Store, _project: Project) -> list[Dispute]:
    return people.open_disputes(_store, _project)


@st.cache_resource(show_spinner=False, max_entries=16)
def _agreement(
    key: tuple[Any, ...], _store: Store, _project: Project, _sample: LabelSample
) -> SampleAgreement:
    return people.sample_agreement(_store, _project, _sample)
