"""What refining the labels changed, beside the switch: counted, listed, and judged where it can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from llkd import jobs
from llkd.config import Calibration
from llkd.curation import Plane, TeacherLabels
from llkd.evaluation.refinement_effect import Judgement, RefinementEffect, refinement_effect
from llkd.jobs.requests import ProbeRequest
from llkd.selection import signals
from llkd.store import LabelingRun, Project, Store
from ui.curate import filtering, state
from ui.results.tables import shown_text
from ui.shell import job_cards, reads
from ui.shell.errors import show_errors
from ui.shell.page import go_to
from ui.shell.unbroken import press_once
from ui.shell.wording import count, counted, plain, share

MOST_TEXTS = 200
MOST_PAIRS = 12
TITLE = "Changed by refinement"
COLUMNS = {
    "Confidence before": st.column_config.NumberColumn(format="%.0f %%"),
    "Confidence after": st.column_config.NumberColumn(format="%.0f %%"),
}


def effect(
    store: Store, project: Project, labeling_run: LabelingRun, labels: TeacherLabels
) -> None:
    """What the switch did; what is missing where it could do nothing yet."""
    if not signals.is_refined(labeling_run.calibration):
        return
    if labels.refinement is None:
        missing(store, project, labels)
        return
    if not labels.refinement.neighbours:
        st.markdown(
            "Labels stay as they are: there are too few texts for so many classes, so most texts "
            "like a text would be of other classes."
        )
        return
    changes = _changes(store, project, labeling_run)
    if changes is None:
        return
    portion = share(len(changes.rows) / max(1, changes.texts))
    st.markdown(
        f"Refinement changes the label of **{counted(len(changes.rows), 'text')}** of "
        f"{count(changes.texts)} ({portion}), by the {labels.refinement.neighbours} texts most "
        f"like each. {_judged(changes.judged)}"
    )
    if len(changes.rows):
        with st.expander("What it changed", key=f"refined_{labeling_run.id}"):
            _listed(store, project, changes)


def missing(store: Store, project: Project, labels: TeacherLabels | Plane) -> None:
    """Where labels are to be refined and cannot be yet: say so, and offer what makes them so."""
    if not signals.is_refined(labels.calibration) or labels.refinement is not None:
        return
    if job_cards.live_job(store, project.id, ("label", "probe")) is not None:
        st.caption("Labels are refined once the quick estimate is there, which the job makes.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            "**Refinement needs the quick estimate**, which finds the texts most like each. Until "
            "then labels are as without it.",
            width="stretch",
        )
        if press_once("Start the quick estimate", icon=":material/sensors:", key="refine_probe"):
            with show_errors():
                jobs.start(store, ProbeRequest(project=project.name))
                st.rerun()


def _changes(store: Store, project: Project, labeling_run: LabelingRun) -> RefinementEffect | None:
    key = (
        reads.home_of(store),
        project.digest,
        reads.labels_version(store, labeling_run),
        reads.calibration_key(store, labeling_run),
        store.decisions.version(project.id),
    )
    return _kept_changes(key, labeling_run.calibration, store, project, labeling_run)


@st.cache_resource(show_spinner="Comparing the labels \u2026", max_entries=4)
def _kept_changes(
    key: tuple[str, ...],
    _calibration: Calibration,
    _store: Store,
    _project: Project,
    _labelling: LabelingRun,
) -> RefinementEffect | None:
    return refinement_effect(_store, _project, _labelling, _calibration)


def _judged(judged: Judgement | None) -> str:
    """Whether the labels became better, with the interval of the difference."""
    if judged is None:
        return "Whether they became better is not known: label 30 texts at random on Curate."
    if judged.source == "human":
        texts = f"{counted(judged.texts, 'text')} that you labelled"
    else:
        kind = "held-out text" if judged.held_out else "text"
        texts = f"{counted(judged.texts, kind)} with gold"
    low, high = (f"{100 * end:+.1f}" for end in (judged.difference.low, judged.difference.high))
    crossed = ", each judged by a fit to the others" if judged.cross_fitted else ""
    return (
        f"Of {texts}, **{share(judged.before)}** were right before and **{share(judged.after)}** "
        f"are after (difference {low} to {high} points){crossed}."
    )


def _listed(store: Store, project: Project, changes: RefinementEffect) -> None:
    names = np.array([*changes.labels.labeling_run.classes.names, None], dtype=object)
    pairs = [
        f"{plain(str(names[before]))} \u2192 {plain(str(names[after]))}: {count(number)}"
        for before, after, number in changes.pairs[:MOST_PAIRS]
    ]
    rest = len(changes.pairs) - len(pairs)
    st.markdown("; ".join(pairs) + (f"; and {count(rest)} more" if rest else "") + ".")
    order = np.argsort(-np.nan_to_num(changes.confidence_after), kind="stable")
    shown = order[:MOST_TEXTS]
    texts = reads.texts(store, project, ["id", "text"]).iloc[changes.rows[shown]]
    table = pd.DataFrame(
        {
            "Id": texts["id"].to_numpy(),
            "Text": texts["text"].to_numpy(),
            "Before": names[changes.before[shown]],
            "Confidence before": 100 * changes.confidence_before[shown],
            "After": names[changes.after[shown]],
            "Confidence after": 100 * changes.confidence_after[shown],
        }
    )
    if len(order) > MOST_TEXTS:
        st.caption(f"The {MOST_TEXTS} whose new label is surest.")
    shown_text(
        table,
        "Text",
        COLUMNS,
        key=f"refined_texts_{changes.labels.labeling_run.id}",
        alt="Texts whose label refinement changed, with the label before and after",
    )
    pool = (reads.texts(store, project, ["split"])["split"] == "pool").to_numpy()
    rows = changes.rows[pool[changes.rows]]
    words = f"Open these {counted(len(rows), 'text')} on Curate"
    if len(rows) and st.button(
        plain(words), icon=":material/arrow_forward:", key="refined_on_curate"
    ):
        _on_curate(project, rows)


def _on_curate(project: Project, rows: np.ndarray) -> None:
    state.pick(project, TITLE, rows, in_colour=True)
    state.look_at(project, replace(state.look(project), colour_by=f"category:{TITLE}"))
    filtering.use(project)
    go_to("Curate")
