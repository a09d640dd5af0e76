"""Results: runs side by side, whether the selection helped, one run in detail, one typed text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llkd import fairness
from llkd.store import Project, Run, Store
from ui import comparison, jobs_view, run_reads
from ui.classify import classify_file
from ui.errors import told
from ui.page import Page, empty_state, next_step, open_page
from ui.results import cartography, confusion, curves, quality, selection, side_by_side
from ui.tryout import try_student

View = Callable[[Store, Project, Run, Sequence[Run]], None]
CONFUSION, SELECTED = "Confusion", "What was selected"
# Views of one run, and whether they need held-out gold. (A docstring would be shown on the page.)
VIEWS: dict[str, tuple[View, bool]] = {
    CONFUSION: (lambda store, project, run, _: confusion.confusion(store, project, run), True),
    "Per class": (lambda store, project, run, _: quality.per_class(store, project, run), True),
    "Calibration": (lambda store, project, run, _: quality.calibration(store, project, run), True),
    "Learning curves": (curves.learning, True),
    SELECTED: (
        lambda store, project, run, _: selection.what_was_selected(store, project, run),
        False,
    ),
    "Map of the pool": (
        lambda store, project, run, _: cartography.dataset_map(store, project, run),
        False,
    ),
}
WITHOUT_GOLD = (
    "No held-out text has a gold label, so nobody can say how often a student is right. What "
    "can be said is how often it agrees with the teacher on the texts the teacher labelled: "
    "high agreement means that it learned what it was taught, not that it was taught right. "
    "To measure quality, bring in some texts with gold labels on Data."
)


def _side_by_side(store: Store, project: Project, runs: Sequence[Run], measured: bool) -> Run:
    st.header("Runs side by side", anchor=False)
    if not measured:
        st.info(WITHOUT_GOLD, icon=":material/info:")
    chosen = side_by_side.looked_at(runs)
    side_by_side.table(store, project, side_by_side.shown(store, runs), chosen, measured)
    return chosen


@st.fragment
def _detail(store: Store, project: Project, run: Run, runs: Sequence[Run], measured: bool) -> None:
    views = {name: view for name, (view, gold) in VIEWS.items() if measured or not gold}
    usual = CONFUSION if measured else SELECTED
    if st.session_state.get("results_view", usual) not in views:
        st.session_state["results_view"] = usual
    which = st.segmented_control(
        "Show", list(views), default=usual, required=True, key="results_view",
        persist_state="session",
    )  # fmt: skip
    with told():
        views[str(which)](store, project, run, runs)


def _under_way(store: Store, project: Project) -> None:
    """Where nothing has finished yet, but something that leads to results runs: what, and where."""
    for kinds, sentence, where in (
        (("train",), "A student is being trained; its results will be here.", "Train"),
        (("compare",), "A comparison is running; its first student will be here.", "Train"),
        (("bake-off",), "A bake-off is running; what comes out stands on Teacher.", "Teacher"),
        (("label",), "The teacher is labelling; students come after that.", "Teacher"),
    ):
        if jobs_view.live_job(store, project.id, kinds) is not None:
            empty_state(sentence, where)


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    runs = fairness.finished(store, project)
    if not runs:
        _under_way(store, project)
        if not store.labellings.all(project.id):
            empty_state(
                "Results come from training, and training from the teacher's labels. "
                "There are none yet.",
                "Teacher",
            )
        empty_state("No student has been trained yet.", "Train")
    measured = any(run_reads.report(store, project, run) is not None for run in runs)
    if measured:
        with told():
            comparison.judgement(store, project, runs)
            comparison.who_judged(runs)
    else:
        with told():
            comparison.unjudged(store, project)
    with told():
        run = _side_by_side(store, project, runs, measured)
        st.header("One run in detail", anchor=False)
        side_by_side.choice(store, project, runs)
        _detail(store, project, run, runs, measured)
        try_student(store, project, run)
        classify_file(store, project, run)
    next_step("Export", "Take it away on Export", primary=False)


with told():
    _page(
        open_page(
            "Results", "See what each student is worth, and whether choosing its texts helped."
        )
    )
