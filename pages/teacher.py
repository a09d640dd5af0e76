"""Teacher: choose who labels, try it, start it, watch it, and see how far to trust it."""

import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Job, Labelling, Project, Store
from ui import jobs_view, reads
from ui.errors import told
from ui.page import empty_state, next_step, open_page
from ui.teacher import report
from ui.teacher.form import form_actions, start_labelling, teacher_form
from ui.wording import counted, when

KINDS = ("label", "probe")
COST = (
    "The teacher is asked once about every text. What LLKD saves afterwards is student training, "
    "not teacher calls."
)
BIG = 50_000


def body(store: Store, project: Project) -> None:
    """The page below its title."""
    if project.label_set is None:
        empty_state(
            "Name the classes first, so that the teacher knows what to choose from.", "Data"
        )
    live = jobs_view.live_job(store, project.id, KINDS)
    labelling = chosen_pass(store, project)
    offered = False
    complete = labelling is not None and reads.labelled_rows(store, labelling) >= project.rows
    if live is not None:
        watch_it(store, project, live)
    elif not complete:
        offered = ended_early(store, project, labelling)
    if live is None and labelling is not None and reads.labelled_rows(store, labelling):
        if complete:
            next_step("Curate", "Next: choose what to keep")
        with told():
            report.report(store, project, labelling)
    if live is None:
        setup(store, project, labelling, primary=not offered)


def watch_it(store: Store, project: Project, job: Job) -> None:
    """The running job, with the labels as they come."""
    st.caption(COST)
    every = 1.0 if project.rows < BIG else 4.0
    jobs_view.watch(
        store,
        job,
        key="label",
        every=every,
        body=lambda now: report.growing(store, project, now),
    )


def ended_early(store: Store, project: Project, labelling: Labelling | None) -> bool:
    """Offer to go on with a job or a pass that stopped short; says whether there is one."""
    last = jobs_view.latest_job(store, project.id, ("label",))
    if last is not None and last.state != "finished":
        jobs_view.job_card(store, last, key="label")
        return True
    if labelling is not None:
        left = project.rows - reads.labelled_rows(store, labelling)
        label = f"Label the remaining {counted(left, 'text')}"
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            with told():
                start_labelling(store, project, labelling.config, calibration=labelling.calibration)
        return True
    return False


def chosen_pass(store: Store, project: Project) -> Labelling | None:
    """The teacher pass in use; a choice where there are several."""
    passes = {one.id: one for one in store.labellings.all(project.id)}
    if not passes:
        return None
    current = project.labelling_id if project.labelling_id in passes else next(iter(passes))
    if len(passes) > 1:
        key = f"pass_{project.id}"
        st.session_state[key] = current
        st.selectbox(
            "Teacher pass in use",
            list(passes),
            format_func=lambda number: (
                # The number keeps apart passes of the same minute: equal words are one option.
                f"{report.teacher_name(passes[number])}, {when(passes[number].created)} "
                f"(pass {number})"
            ),
            key=key,
            on_change=lambda: store.projects.use_labelling(project.id, st.session_state[key]),
        )
    return passes[current]


def setup(store: Store, project: Project, labelling: Labelling | None, *, primary: bool) -> None:
    """Choose a teacher; folded away once there are labels."""
    if labelling is None:
        st.caption(COST)
        with told():
            config = teacher_form(store, project, TeacherConfig())
            form_actions(store, project, config, primary=primary)
        return
    st.space("small")
    if labelling.label_set != project.label_set:
        st.info(
            "The classes were changed after these labels were given. Ask a teacher again to get "
            "labels of the new classes.",
            icon=":material/info:",
        )
    if st.toggle(
        "Ask again, or another teacher", key=f"again_{project.id}", persist_state="session"
    ):
        st.caption(
            f"{COST} The labels there are stay; you choose which pass is used. A pass goes on "
            "where it stopped if teacher, question and classes are the same."
        )
        with told():
            config = teacher_form(store, project, labelling.config)
            form_actions(store, project, config, primary=False)


page = open_page(
    "Teacher",
    "A teacher model reads every text once and gives it a label and a confidence; here you choose "
    "it, watch it, and see how far to trust it.",
)
with told():
    body(page.store, page.needed_project())
