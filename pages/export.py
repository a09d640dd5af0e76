"""Export: what will be in it, in which formats, and the files to take away."""

from __future__ import annotations

import streamlit as st

from llkd import curation, fairness, jobs
from llkd.store import Project, Store
from ui import export_options, export_student, export_view, jobs_view, reads, view
from ui.errors import told
from ui.export_view import FROM_CURATE, FROM_RUN, FROM_SAVED, Choice
from ui.page import Page, empty_state, next_step, open_page
from ui.run_choice import choose_run
from ui.view import View
from ui.wording import counted, plain, when


def _choice(store: Store, project: Project) -> Choice:
    classes = curation.current_labelling(store, project).classes
    saved = {one["name"]: one for one in store.people.selections(project.id)}
    runs = fairness.finished(store, project)
    kinds = [FROM_CURATE, *([FROM_SAVED] if saved else []), *([FROM_RUN] if runs else [])]
    if st.session_state.get("export_what") not in kinds:
        st.session_state["export_what"] = FROM_CURATE
    what = st.segmented_control(
        "What to export", kinds, required=True, key="export_what", persist_state="session"
    )
    if what == FROM_SAVED and saved:
        name = st.selectbox(
            "Saved selection",
            list(saved),
            format_func=lambda n: f"{n} ({counted(saved[n]['counts']['kept'], 'text')} then)",
            key="export_saved",
            persist_state="session",
            width=400,
        )
        chosen = View.from_json(saved[name]["view"], classes)
        return export_view.of_view(store, project, chosen, name)
    if what == FROM_RUN and runs:
        run = choose_run("Run", runs[::-1], key="export_run", width=400)
        return export_view.of_run(store, project, run)
    now = view.in_use(project, classes)
    if not now.teacher and not now.student:
        st.caption("Both thresholds are 0 on Curate, so everything with a label is kept.")
    return export_view.of_view(store, project, now, None)


def _start(store: Store, project: Project, choice: Choice) -> None:
    options = export_options.chosen()
    st.caption(
        "In CSV, a cell that a spreadsheet could take for a formula (it begins with = + - @) gets "
        "a ' in front; JSON lines and Parquet hold every text exactly. A manifest.json comes with "
        "each export and says how every label came to be. It is written last: a folder that has "
        "one is complete, and a stopped export leaves nothing."
    )
    export_options.split_counts(store, project, choice.plane, choice.kept, options)
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
            f"To take a trained student along, choose '{FROM_RUN}'."
            if fairness.finished(store, project)
            else "A student can come along once one is trained."
        )
    rows = int(choice.kept.sum())
    if not rows:
        st.info("Nothing is kept, so there is nothing to export.", icon=":material/info:")
        next_step("Curate", "Lower the thresholds on Curate", primary=False)
    elif not options.formats:
        st.info("Choose at least one format.", icon=":material/info:")
    if st.button(
        f"Export {counted(rows, 'row')}",
        type="primary",
        icon=":material/output:",
        key="export_start",
        disabled=not rows or not options.formats,
    ):
        jobs.start(
            store,
            export_view.command(store, project, choice, options, student, onnx),
            kind="export",
            title=f"Export {project.name}",
            project_id=project.id,
            device=None,
        )
        st.rerun()


def _made(store: Store, project: Project) -> None:
    """The export under way, and those that were made."""
    live = jobs_view.live_job(store, project.id, ("export",))
    if live is not None:
        jobs_view.watch(store, live, unit="rows", key="export")
    latest = jobs_view.latest_job(store, project.id, ("export",))
    if latest is not None and latest.state in ("failed", "died", "cancelled"):
        jobs_view.job_card(store, latest, unit="rows", key="export")
    done = {
        job.id: job
        for job in store.jobs.all(project.id, states=("finished",))
        if job.kind == "export" and job.result
    }
    if not done:
        return
    st.header("Ready to take away", anchor=False)
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
        export_view.files(store, done[number])
        export_student.measured(done[number])


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    if not store.labellings.all(project.id) or not reads.labelled_rows(
        store, curation.current_labelling(store, project)
    ):
        busy = jobs_view.live_job(store, project.id, ("label",)) is not None
        empty_state(
            "The teacher is at work. There is nothing to take away yet."
            if busy
            else "There is nothing to take away yet: the teacher has labelled no text.",
            "Teacher",
        )
    with told():
        with st.container(border=True):
            choice = _choice(store, project)
            export_view.preview(choice)
            _start(store, project, choice)
    with told():
        _made(store, project)


with told():
    _page(
        open_page(
            "Export",
            "Take away the curated texts, the student, and the proof of how they came to be.",
        )
    )
