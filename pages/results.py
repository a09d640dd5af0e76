"""Results: what the best student and each selection are worth, all runs, one run in detail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llkd.evaluation import predictions
from llkd.store import Project, Run, Store
from ui.results import cartography, confusion, curves, quality, selection, side_by_side, verdict
from ui.results.classify import classify_file
from ui.results.serving import serve_it
from ui.results.tryout import try_student
from ui.runs import reads
from ui.shell import job_cards
from ui.shell.errors import show_errors
from ui.shell.page import Page, empty_state, next_step, open_page

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


def _side_by_side(store: Store, project: Project, runs: Sequence[Run], measured: bool) -> Run:
    run = side_by_side.looked_at(runs)
    with st.expander(
        f"Runs side by side ({len(runs)})", icon=":material/table_rows:", key="side_by_side_box"
    ):
        side_by_side.table(store, project, side_by_side.shown(store, runs), run, measured)
        side_by_side.evaluated_on_labels(runs)
        side_by_side.made_before_additions(project, runs)
    return run


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
    with show_errors():
        views[str(which)](store, project, run, runs)


def _under_way(store: Store, project: Project) -> None:
    """Where nothing has finished yet, but something that leads to results runs: what, and where."""
    for kinds, sentence, where in (
        (("train",), "A student is being trained; its results will be here.", "Train"),
        (("compare",), "A comparison is running; its first student will be here.", "Train"),
        (("bake-off",), "A bake-off is running; what comes out stands on Teacher.", "Teacher"),
        (("label",), "The teacher is labelling; students come after that.", "Teacher"),
    ):
        if job_cards.live_job(store, project.id, kinds) is not None:
            empty_state(sentence, where)


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    runs = predictions.finished_runs(store, project)
    comparing = job_cards.live_job(store, project.id, ("compare",))
    if comparing is not None:
        job_cards.watch(store, comparing, key="results")
    if not runs:
        _under_way(store, project)
        if not store.labeling_runs.all(project.id):
            empty_state(
                "Results come from training, and training from the teacher's labels. "
                "There are none yet.",
                "Teacher",
            )
        empty_state("No student has been trained yet.", "Train")
    measured = any(reads.report(store, project, run) is not None for run in runs)
    with show_errors():
        verdict.show(store, project, runs, measured)
    with show_errors():
        run = _side_by_side(store, project, runs, measured)
        st.header("One run in detail", anchor=False)
        side_by_side.choice(store, project, runs)
        _detail(store, project, run, runs, measured)
        try_student(store, project, run)
        classify_file(store, project, run)
        serve_it(project, run)
    next_step("Export", "Export this student", primary=False)


with show_errors():
    _page(
        open_page(
            "Results", "See what each student is worth, and whether choosing its texts helped."
        )
    )
