"""Teacher: choose who labels, try it, start it, watch it, and see how far to trust it."""

import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Job, Labelling, Project, Store
from ui import class_drafts, jobs_view, reads
from ui.errors import told, told_later
from ui.page import empty_state, next_step, open_page
from ui.teacher import bill, report
from ui.teacher.asking import asking
from ui.teacher.cache import kept_answers
from ui.teacher.notices import resuming_words, show_notices
from ui.teacher.plan import start_labelling
from ui.teacher.review import review
from ui.teacher.rounds import curve
from ui.teacher.server import key_known
from ui.wording import count, counted, when

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
    key_known()  # a resumed job finds the key of the app's secrets in its environment
    live = jobs_view.live_job(store, project.id, KINDS)
    if live is None and class_drafts.changed(project):
        return  # asked above: a teacher would be asked about classes that are about to change
    labelling = chosen_pass(store, project)
    offered = False
    if live is not None:
        watch_it(store, project, live)
    else:
        offered = what_next(store, project, labelling)
        if labelling is not None:
            show_notices(bill.job_of(store, project, labelling))
    if live is None and labelling is not None and reads.labelled_rows(store, labelling):
        with told():
            said(store, project, labelling)
    if live is None:
        setup(store, project, labelling, primary=not offered)
        with told():
            kept_answers(store)


def said(store: Store, project: Project, labelling: Labelling) -> None:
    """All about a pass: what it cost where it was paid, its labels, and what is left to do."""
    paid = bill.bill_of(store, labelling) is not None
    parts = [report.report, review, curve]
    # Who paid looks for the bill first; for others it is a detail.
    parts.insert(0 if paid else len(parts), bill.show_bill)
    for part in parts:
        with told():
            part(store, project, labelling)


def watch_it(store: Store, project: Project, job: Job) -> None:
    """The running job, with the labels as they come."""
    st.caption(COST)
    every = 1.0 if project.rows < BIG else 4.0
    jobs_view.watch(
        store,
        job,
        key="label",
        every=every,
        body=lambda now: grow(store, project, now),
    )


def grow(store: Store, project: Project, job: Job) -> None:
    """What the running job has cost and labelled by now."""
    if job.kind == "label":
        show_notices(job)
        bill.running(store, job)
    report.growing(store, project, job)


def what_next(store: Store, project: Project, labelling: Labelling | None) -> bool:
    """Offer what to do now: resume, raise the budget, label the rest, or go on to Curate.

    Says whether there was anything to offer.
    """
    ended = jobs_view.latest_job(store, project.id, ("label",))
    failed = ended is not None and ended.state != "finished" and concerns(store, ended, labelling)
    if ended is not None and failed:
        jobs_view.job_card(store, ended, key="label")
        again = resuming_words(ended, labelling)
        if again is not None:
            st.caption(again)
    if labelling is None:
        return failed
    if reads.labelled_rows(store, labelling) >= project.rows:
        next_step("Curate", "Next: choose what to keep")
        return True
    if store.labellings.set_aside(labelling):
        st.warning(
            "A part of these labels was damaged and was set aside: its texts count as not "
            "labelled. Label the rest to ask about them again; answers kept cost nothing.",
            icon=":material/healing:",
        )
    if not failed:
        job = bill.job_of(store, project, labelling)
        with told():
            if job is not None and bill.stopped_for_budget(job):
                bill.raise_budget(store, project, labelling, job)
            else:
                the_rest(store, project, labelling, job)
    return True


def concerns(store: Store, job: Job, labelling: Labelling | None) -> bool:
    """Whether a job that ended badly is about this pass.

    One that never got to a pass always is, and one whose own pass holds nothing that could be used.
    """
    number = job.context.get("labelling_id")
    if number is None or labelling is None or int(number) == labelling.id:
        return True
    made = {one.id: one for one in store.labellings.all(labelling.project_id)}
    return int(number) in made and not store.labellings.holds(made[int(number)])


def the_rest(store: Store, project: Project, labelling: Labelling, job: Job | None) -> None:
    """A pass that ended with texts left: go on to Curate with it, or label the rest too."""
    done = reads.labelled_rows(store, labelling)
    plan = bill.rest_plan(job)
    with st.container(border=True, key="rest"):
        st.markdown(
            f"**{count(done)} of {counted(project.rows, 'text')}** have been asked about. You can "
            "go on with those, or have the others labelled too."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            next_step("Curate", "Next: choose what to keep")
            label = f"Label the remaining {counted(project.rows - done, 'text')}"
            more = st.button(label, icon=":material/play_arrow:")
        st.caption(
            f"{bill.bound_words(labelling, plan.spending)} For only some of them, say how many "
            "under \u201cAsk again, or another teacher\u201d."
        )
        if more:
            chosen = labelling.calibration
            start_labelling(store, project, labelling.config, plan, calibration=chosen)


def chosen_pass(store: Store, project: Project) -> Labelling | None:
    """The teacher pass in use; a choice where there are several."""
    passes = {one.id: one for one in store.labellings.all(project.id)}
    if not passes:
        return None
    in_use = store.labellings.in_use(project.id, project.labelling_id)
    current = project.labelling_id
    if current not in passes:
        current = next(iter(passes)) if in_use is None else in_use.id
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
            on_change=_use_pass,
            args=(store, project, key),
        )
    if in_use is not None and in_use.id != current:
        st.caption(
            f":material/info: This pass holds no labels: Curate, Train and Export go on with pass "
            f"{in_use.id}, the newest that does."
        )
    return passes[current]


@told_later
def _use_pass(store: Store, project: Project, key: str) -> None:
    store.projects.use_labelling(project.id, st.session_state[key])


def setup(store: Store, project: Project, labelling: Labelling | None, *, primary: bool) -> None:
    """Choose a teacher; folded away once there are labels."""
    if labelling is None:
        st.caption(COST)
        asking(store, project, TeacherConfig(), primary=primary)
        return
    st.space("small")
    if project.label_set is None or labelling.label_set.asked() != project.label_set.asked():
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
        asking(store, project, labelling.config, primary=False)


page = open_page(
    "Teacher",
    "A teacher model reads every text once and gives it a label and a confidence; here you choose "
    "it, watch it, and see how far to trust it.",
)
with told():
    body(page.store, page.needed_project())
