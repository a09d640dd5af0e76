"""The top of Curate: one true sentence about what is kept, and the way on to Train."""

from __future__ import annotations

import streamlit as st

from llkd.evaluation.kept_quality import LEAST_CHECKED, KeptQuality
from llkd.evaluation.kept_sentence import sentence
from llkd.store import Project, Store
from ui.audit import panel as audit_panel
from ui.curate import quality, saved
from ui.curate.state import HEAD, CurateState
from ui.shell.errors import show_errors
from ui.shell.wording import count


@st.fragment(key=HEAD)
def head(store: Store, project: Project) -> None:
    """What is known of the kept labels; drawn again when a line is released."""
    with show_errors():
        scene = CurateState(store, project)
        known = quality.of_scene(scene)
        with st.container(horizontal=True, vertical_alignment="center", key="curate_head"):
            st.markdown(_sentence(known), width="stretch")
            if known.source == "unknown":
                st.button(
                    f"Label {LEAST_CHECKED} at random",
                    icon=":material/shuffle:",
                    key="curate_at_random",
                    on_click=audit_panel.begin,
                    args=(store, project, "pool"),
                    help="A blind audit of the whole pool: the teacher's label is hidden.",
                )
            _train(scene)
        saved.outcome()


def _sentence(known: KeptQuality) -> str:
    """The first sentence stands out; all of it is ours, figures apart."""
    first, stop, rest = sentence(known).partition(". ")
    return f"**{first}{'.' if stop else ''}** {rest}"


def _train(scene: CurateState) -> None:
    number = scene.counts["kept"]
    if st.button(
        f"Train on these {count(number)}" if number != 1 else "Train on this 1",
        type="primary",
        icon=":material/model_training:",
        key="curate_train_kept",
        disabled=not number,
        help="Saves what is kept, unless it is saved already, and opens Train with it chosen.",
    ):
        saved.train_on_kept(scene)
