"""Curate before any teacher: texts one by one, labelled by a person, and what that is for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config import LabelSet
from llkd.config.selection_rule import ThresholdRule
from llkd.config.text_view import EVERY_TEXT
from llkd.curation import Plane
from llkd.store import Project, Store
from ui.curate import review, walk
from ui.curate.reading import listing
from ui.curate.rows import Listing
from ui.curate.state import rerun
from ui.curate.walk import Walk
from ui.shell import job_cards
from ui.shell.errors import show_errors
from ui.shell.page import next_step
from ui.shell.wording import count, counted, plain

AT_RANDOM, SPREAD = "At random", "Spread over the topics"
_WALK, _COUNTS = "_curate_first_walk", "curate-first-counts"
_FEW = 5
"""Labels of each class from which on they are worth taking along as examples."""


def first_labels(store: Store, project: Project) -> None:
    """The page: a sentence, the order, the card, and the way to a teacher."""
    at_work = job_cards.live_job(store, project.id, ("label",)) is not None
    st.markdown(
        "**The teacher is at work; its first labels will appear here.** You can label meanwhile."
        if at_work
        else "**These texts have no teacher labels yet.** You can begin yourself, or let a teacher."
    )
    st.fragment(_counts, key=_COUNTS)(store, project)
    order = st.segmented_control(
        "Order",
        [AT_RANDOM, SPREAD],
        default=AT_RANDOM,
        required=True,
        key="curate_first_order",
        persist_state="session",
        help="At random: what you label is a random sample of the pool, so it can later say how "
        "right teacher and students are (audits count it). Spread: the first texts differ as much "
        "as can be in their words, so that all classes are met early; no random sample.",
    )
    st.fragment(_card, key="curate-first-card")(store, project, order == SPREAD)
    next_step("Teacher", "Label the rest with a teacher", primary=not at_work)


def _plane(store: Store, project: Project) -> Plane:
    """The plane as people's labels are now, made once for all sessions."""
    classes = (project.label_set or LabelSet.of([])).model_dump_json()
    key = (str(store.home.root), project.id, project.digest, classes)
    return _plane_of(key, store.decisions.version(project.id), store, project)


@st.cache_resource(show_spinner="Reading the texts \u2026", max_entries=4)
def _plane_of(key: tuple[object, ...], people: str, _store: Store, _project: Project) -> Plane:
    return curation.first_plane(_store, _project)


def _counts(store: Store, project: Project) -> None:
    """How many labels there are by now, by class, and what they can be used for."""
    plane = _plane(store, project)
    human = plane.frame["human_label"].to_numpy()
    labels = human[human >= 0]
    if not len(labels):
        st.caption(
            "Labels that you give here are kept as yours whatever a teacher says later: they can "
            "stand as examples in its prompt, and those in random order say how right it is."
        )
        return
    numbers = np.bincount(labels, minlength=len(plane.names))
    parts = [f"{plain(plane.names[k])} {count(int(numbers[k]))}" for k in plane.open_classes]
    st.caption(f"{counted(len(labels), 'label')} so far: {', '.join(parts)}.")
    least = min((int(numbers[k]) for k in plane.open_classes), default=0)
    if least >= _FEW:
        st.caption(
            ":material/lightbulb: Enough for examples: on Teacher, choose *Balanced* examples with "
            "the labels that people gave. Texts that stand in a prompt no longer judge."
        )


def _card(store: Store, project: Project, spread: bool) -> None:
    with show_errors():
        review.card(store, project, _walk(store, project, spread), redraw=lambda: rerun(_COUNTS))


def _walk(store: Store, project: Project, spread: bool) -> Walk:
    """The walk under way in this order, begun at its first text without a decision."""
    plane = _plane(store, project)
    held: tuple[object, Walk] | None = st.session_state.get(_WALK)
    stamp = (project.id, project.digest, spread, tuple(plane.keys), tuple(plane.names))
    if held is not None and held[0] == stamp:
        return held[1]
    rows = curation.spread_rows(store, project) if spread else curation.random_rows(store, project)
    wanted = Listing(listing.rows.ALL, EVERY_TEXT.changed(order="random"))
    frame = plane.frame
    decided = frame["row"].to_numpy()[
        (frame["human_label"].to_numpy() >= 0) | frame["excluded"].to_numpy()
    ]
    begin = int(np.argmin(np.isin(rows, decided))) if len(rows) else 0
    under_way = walk.Walk(project.id, wanted, ThresholdRule(), plane, rows, begin)
    st.session_state[_WALK] = (stamp, under_way)
    return under_way
