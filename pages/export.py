"""Export: what will be in it, in which formats, and the finished files."""

from __future__ import annotations

import streamlit as st

from llkd import curation, jobs
from llkd.config.selection_rule import TrainedOnRule
from llkd.evaluation import predictions
from llkd.store import Project, Store
from ui.curate import carried, view
from ui.curate.state import CurateState, gate_in_use
from ui.export import destination, preview, publishing
from ui.export import options as export_options
from ui.export import student as export_student
from ui.export.preview import FROM_CURATE, FROM_RUN, FROM_SAVED, Choice
from ui.runs.choice import choose_run
from ui.shell import job_cards, reads
from ui.shell.errors import show_errors
from ui.shell.page import Page, empty_state, next_step, open_page
from ui.shell.unbroken import press_once
from ui.shell.wording import counted, plain, when


def _choice(store: Store, project: Project) -> Choice:
    classes = curation.active_labeling_run(store, project).classes
    saved = {selection.name: selection for selection in store.selections.all(project.id)}
    runs = predictions.finished_runs(store, project)
    kinds = [FROM_CURATE, *([FROM_SAVED] if saved else []), *([FROM_RUN] if runs else [])]
    working_with = carried.selection(store, project)
    if st.session_state.get("export_what") not in kinds:
        st.session_state["export_what"] = FROM_CURATE if working_with is None else FROM_SAVED
    if st.session_state.get("export_saved") not in saved and working_with is not None:
        st.session_state["export_saved"] = working_with
    what = st.segmented_control(
        "What to export", kinds, required=True, key="export_what", persist_state="session"
    )
    if what == FROM_SAVED and saved:
        name = st.selectbox(
            "Saved selection",
            list(saved),
            format_func=lambda n: f"{n} ({counted(saved[n].counts['kept'], 'text')} then)",
            key="export_saved",
            persist_state="session",
            width=400,
        )
        return preview.of_rule(store, project, saved[name].rule, name)
    if what == FROM_RUN and runs:
        run = choose_run("Run", runs[::-1], key="export_run", width=400)
        return preview.of_rule(store, project, TrainedOnRule(run=run.id))
    preset = gate_in_use(project)
    if preset is not None:
        st.caption(f"{plain(preset)} is in use on Curate: what it keeps there is exported.")
        return preview.of_rule(store, project, CurateState(store, project).rule)
    now = view.in_use(project, classes)
    if not now.teacher_threshold and not now.student_threshold:
        st.caption("Both thresholds are 0 on Curate, so everything with a label is kept.")
    return preview.of_rule(store, project, now)


def _start(store: Store, project: Project, choice: Choice) -> None:
    options = export_options.options()
    export_options.split_counts(store, project, choice.plane, choice.mask, options)
    student = onnx = False
    run = choice.run
    if run is not None and run.summary is not None and run.student_folder.is_dir():
        student = st.toggle(
            f"With the student of {plain(run.name)}, as a zip file",
            value=True,
            key="export_student",
            persist_state="session",
        )
        onnx = student and export_student.with_onnx()
    else:
        st.caption(
            f"To export a trained student, choose '{FROM_RUN}'."
            if predictions.finished_runs(store, project)
            else "A student can be exported once one is trained."
        )
    address, fine = destination.address()
    rows = int(choice.mask.sum())
    if not rows:
        st.info("Nothing is kept, so there is nothing to export.", icon=":material/info:")
        next_step("Curate", "Lower the thresholds on Curate", primary=False)
    elif not options.formats:
        st.info("Choose at least one format.", icon=":material/info:")
    if press_once(
        f"Export {counted(rows, 'row')}",
        type="primary",
        icon=":material/output:",
        key="export_start",
        disabled=not rows or not options.formats or not fine,
    ):
        jobs.start(store, preview.request(store, project, choice, options, student, onnx, address))
        st.rerun()


def _exports(store: Store, project: Project) -> None:
    """The export under way, and those that were made."""
    live = job_cards.live_job(store, project.id, ("export",))
    if live is not None:
        job_cards.watch(store, live, key="export")
    latest = job_cards.latest_job(store, project.id, ("export",))
    if latest is not None and latest.state in ("failed", "died", "cancelled"):
        job_cards.job_card(store, latest, key="export")
    done = {
        job.id: job
        for job in store.jobs.all(project.id, states=("finished",))
        if job.kind == "export" and job.result
    }
    if not done:
        return
    st.header("Finished exports", anchor=False)
    number = next(iter(done))
    if len(done) > 1:
        # A new export is shown at once, whichever was looked at before.
        number = st.selectbox(
            f"Exports ({len(done)})",
            list(done),
            # The number keeps apart what was made in the same minute: equal words are one option.
            format_func=lambda n: f"{when(done[n].finished or done[n].created)} (job {n})",
            key=f"export_shown_{number}",
            width=400,
        )
    with st.container(border=True):
        if destination.in_object_storage(done[number]):
            destination.files_there(done[number])
            export_student.measured(done[number])
        else:
            preview.files(store, done[number])
            export_student.measured(done[number])
            publishing.panel(store, project, done[number])


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    if not store.labeling_runs.all(project.id) or not reads.labelled_rows(
        store, curation.active_labeling_run(store, project)
    ):
        busy = job_cards.live_job(store, project.id, ("label",)) is not None
        empty_state(
            "The teacher is still labelling. There is nothing to export yet."
            if busy
            else "There is nothing to export yet: the teacher has labelled no text.",
            "Teacher",
        )
    with show_errors():
        with st.container(border=True):
            choice = _choice(store, project)
            preview.preview(choice)
            _start(store, project, choice)
    with show_errors():
        _exports(store, project)


with show_errors():
    _page(
        open_page(
            "Export",
            "The curated texts, the student, and a manifest of how every label came to be.",
        )
    )
