"""Rows that a preset lets through besides the two lines: where neighbours agree, or certified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config.selection_rule import CertifiedRule
from llkd.curation import Plane
from llkd.curation.agreement import MOST_TEXTS, neighbour_agreement
from llkd.store import Project, Store
from ui.curate import view

NEIGHBOURS = "Neighbour agreement"


@dataclass(frozen=True)
class Gate:
    """What lets rows through: ``rows`` is a mask over the plane that ``stamp`` stands for.

    ``rule`` says by itself which rows these are, if one does; else they are saved one by one.
    """

    name: str
    stamp: str
    rows: np.ndarray = field(compare=False, repr=False)
    rule: CertifiedRule | None = None


def gate_of(
    store: Store, project: Project, plane: Plane, key: tuple[Any, ...], people: str, name: str
) -> Gate | None:
    """The gate of this name; None where it cannot be had (any more)."""
    if name == NEIGHBOURS:
        rows = _agreement(key, people, store, project, plane)
        return None if rows is None else Gate(name, f"{name} {people}", rows)
    rule = certified(store, project).get(name)
    if rule is None:
        return None
    certified_plane, rows, _, _ = view.applied(store, project, rule)
    if len(certified_plane.frame) != len(plane.frame):
        return None
    return Gate(name, f"{name} {rule.audit} {rule.set} {people}", rows, rule)


def certified(store: Store, project: Project) -> dict[str, CertifiedRule]:
    """The newest certificate of the project, by what its preset is called."""
    records = [r for a in store.audits.all(project.id) for r in store.audits.certificates(a)]
    if not records:
        return {}
    newest = max(records, key=lambda record: record.id)
    document = newest.document
    name = f"Certified {100 * document.target:g} %"
    return {name: CertifiedRule(audit=newest.audit_id, set=document.set)}


@st.cache_resource(show_spinner="Comparing each text with those most like it …", max_entries=4)
def _agreement(
    key: tuple[Any, ...], people: str, _store: Store, _project: Project, _plane: Plane
) -> np.ndarray | None:
    return neighbour_agreement(_store, _project, _plane)


def why_no_neighbours(store: Store, project: Project, plane: Plane) -> str | None:
    """Why the preset cannot be had, in one sentence; None where it can."""
    if not curation.has_embeddings(store, project):
        return "Needs the quick estimate, which compares the texts."
    if len(plane.frame) > MOST_TEXTS:
        return "Too many texts to compare on this page: train with Neighbour agreement instead."
    return None
