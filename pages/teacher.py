"""Teacher: choose who labels, try it, start it, watch it, and see how far to trust it."""

import streamlit as st

from llkd.jobs.requests import usual_teacher
from llkd.store import Job, LabelingRun, Project, Store
from llkd.teachers.registry import can_be_made
from ui.data import class_drafts
from ui.shell import job_cards, reads
from ui.shell.errors import defer_errors, show_errors
from ui.shell.page import empty_state, next_step, open_page
from ui.shell.wording import count, counted, plain, when
from ui.teacher.report import active_labels, overview, usage
from ui.teacher.report.active_learning import gain_curve
from ui.teacher.report.answer_cache import answer_cache
from ui.teacher.report.notices import resuming_words, show_notices
from ui.teacher.report.unusable_answers import unusable_answers
from ui.teacher.setup.labeling import labeling_form
from ui.teacher.setup.plan import start_labelling
from ui.teacher.setup.server_key import key_known
from ui.teacher.setup.touched_texts import touched_texts

KINDS = ("label", "probe")
COMPARES_PROMPTS = ("bake-off",)
COST = "What LLKD saves afterwards is student training, not teacher calls."
BIG = 50_000


def body(store: Store, project: Project) -> None:
    """The page below its title."""
    if project.label_set is None:
        empty_state(
            "Name the classes first, so that the teacher knows what to choose from.", "Data"
        )
    key_known()  # a resumed job finds the key of the app's secrets in its environment
    live = job_cards.live_job(store, project.id, KINDS)
    if live is None and class_drafts.unfinished(project):
        return  # asked above: a teacher would be asked about classes that are about to change
    comparing = job_cards.live_job(store, project.id, COMPARES_PROMPTS)
    if comparing is not None:
        job_cards.watch(store, comparing, key="bake")
    labeling_run = active_run(store, project)
    if live is None:
        with show_errors():
            st.markdown(overview.summary(store, project, labeling_run))
    offered = False
    if live is not None:
        watch_it(store, project, live)
    else:
        offered = what_next(store, project, labeling_run)
        if labeling_run is not None:
            show_notices(usage.job_of(store, project, labeling_run))
    if live is None and labeling_run is not None and reads.labelled_rows(store, labeling_run):
        with show_errors():
            labels_report(store, project, labeling_run)
    if live is None:
        setup(store, project, labeling_run, primary=not offered)
        with show_errors():
            answer_cache(store)


def labels_report(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """All about a pass: what it cost where it was paid, its labels, and what is left to do."""
    paid = usage.usage_of(store, labeling_run) is not None
    parts = [overview.report, unusable_answers, gain_curve]
    # Who paid looks for the bill first; for others it is a detail.
    parts.insert(0 if paid else len(parts), usage.show_usage)
    for part in parts:
        with show_errors():
            part(store, project, labeling_run)


def watch_it(store: Store, project: Project, job: Job) -> None:
    """The running job, with the labels as they come."""
    st.caption(COST)
    in_use = store.labeling_runs.in_use(project.id, project.labelling_id)
    if job.kind == "label" and in_use is not None and reads.labelled_rows(store, in_use):
        st.caption(
            f":material/check: The labels of {plain(overview.teacher_name(in_use))} can be used "
            "meanwhile."
        )
        next_step("Curate", "Look at them on Curate")
    every = 1.0 if project.rows < BIG else 4.0
    job_cards.watch(
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
        usage.running(store, job)
    overview.growing(store, project, job)


def what_next(store: Store, project: Project, labeling_run: LabelingRun | None) -> bool:
    """Offer what to do now: resume, raise the budget, label the rest, or go on to Curate.

    Says whether there was anything to offer.
    """
    ended = job_cards.latest_job(store, project.id, ("label",))
    failed = (
        ended is not None and ended.state != "finished" and concerns(store, ended, labeling_run)
    )
    if ended is not None and failed:
        job_cards.job_card(store, ended, key="label")
        again = resuming_words(ended, labeling_run)
        if again is not None:
            st.caption(again)
    if labeling_run is None:
        return failed
    if reads.labelled_rows(store, labeling_run) >= project.rows:
        next_step("Curate", "Next: choose what to keep")
        return True
    if store.labeling_runs.set_aside(labeling_run):
        st.warning(
            "A part of these labels was damaged and set aside. Label the rest to ask about its "
            "texts again; cached answers cost nothing.",
            icon=":material/healing:",
        )
    if not failed:
        job = usage.job_of(store, project, labeling_run)
        with show_errors():
            if job is not None and usage.stopped_for_budget(job):
                usage.raise_budget(store, project, labeling_run, job)
            else:
                the_rest(store, project, labeling_run, job)
    return True


def concerns(store: Store, job: Job, labeling_run: LabelingRun | None) -> bool:
    """Whether a job that ended badly is about this pass.

    One that never got to a pass always is, and one whose own pass holds nothing that could be used.
    """
    number = job.context.get("labelling_id")
    if number is None or labeling_run is None or int(number) == labeling_run.id:
        return True
    labeling_runs = {other.id: other for other in store.labeling_runs.all(labeling_run.project_id)}
    return int(number) in labeling_runs and not store.labeling_runs.holds(
        labeling_runs[int(number)]
    )


def the_rest(store: Store, project: Project, labeling_run: LabelingRun, job: Job | None) -> None:
    """A pass that ended with texts left: go on to Curate with it, or label the rest too."""
    labelled = reads.labelled_rows(store, labeling_run)
    plan = usage.rest_plan(store, job)
    with st.container(border=True, key="rest"):
        st.markdown(
            f"**{count(labelled)} of {counted(project.rows, 'text')}** have been asked about. Go "
            "on with those, or label the rest."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            next_step("Curate", "Next: choose what to keep")
            label = f"Label the remaining {counted(project.rows - labelled, 'text')}"
            # What a program handed over only that program can ask.
            here = can_be_made(labeling_run.config)
            more = here and st.button(label, icon=":material/play_arrow:")
        st.caption(
            f"{usage.bound_words(labeling_run, plan.spending)} For only some of them, say how many "
            "under \u201cRelabel\u201d."
        )
        if more:
            calibration = labeling_run.calibration
            start_labelling(store, project, labeling_run.config, plan, calibration=calibration)


def active_run(store: Store, project: Project) -> LabelingRun | None:
    """The active labelling run; a choice where there are several."""
    runs = {labeling_run.id: labeling_run for labeling_run in store.labeling_runs.all(project.id)}
    if not runs:
        return None
    in_use = store.labeling_runs.in_use(project.id, project.labelling_id)
    current = project.labelling_id
    if current not in runs:
        current = next(iter(runs)) if in_use is None else in_use.id
    if len(runs) > 1:
        key = f"pass_{project.id}"
        st.session_state[key] = current
        st.selectbox(
            "Active labelling run",
            list(runs),
            format_func=lambda number: (
                # The number keeps apart those of the same minute: equal words are one option.
                f"{overview.teacher_name(runs[number])}, {when(runs[number].created)} "
                f"(labelling run {number})"
            ),
            key=key,
            on_change=_activate,
            args=(store, project, key),
        )
    if in_use is not None and in_use.id != current:
        st.caption(
            f":material/info: This labelling run holds no labels: Curate, Train and Export use "
            f"labelling run {in_use.id}, the newest that does."
        )
    return runs[current]


@defer_errors
def _activate(store: Store, project: Project, key: str) -> None:
    active_labels.acknowledge(project, st.session_state[key])
    store.projects.use_labelling(project.id, st.session_state[key])


def setup(
    store: Store, project: Project, labeling_run: LabelingRun | None, *, primary: bool
) -> None:
    """Choose a teacher; folded away once there are labels."""
    if labeling_run is None:
        st.caption(COST)
        labeling_form(store, project, usual_teacher(project.rows), primary=primary)
        return
    st.space("small")
    if (
        project.label_set is None
        or labeling_run.label_set.prompt_document() != project.label_set.prompt_document()
    ):
        st.info(
            "The classes changed after this labelling run. Relabel to get labels of the new "
            "classes.",
            icon=":material/info:",
        )
        with show_errors():
            touched_texts(store, project, labeling_run)
    if st.toggle("Relabel", key=f"again_{project.id}", persist_state="session"):
        st.caption(
            "The labels there are stay, and you choose which labelling run is active. The same "
            "teacher, question and classes go on where they stopped."
        )
        labeling_form(store, project, labeling_run.config, primary=False)


page = open_page(
    "Teacher",
    "A teacher model reads every text once and gives it a label and a confidence.",
)
with show_errors():
    body(page.store, page.needed_project())
