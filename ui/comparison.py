"""The fair comparison on the pages: start it on Train, read what it shows on Results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import streamlit as st

from llkd import commands, comparisons, curation, fairness, jobs
from llkd.config import TrainingConfig, build
from llkd.store import Project, Run, Store
from ui import comparison_report, fair, results_view
from ui.curate import rows
from ui.page import go_to, next_step
from ui.run_choice import choose_run
from ui.wording import count, counted, duration, plain

SEEDS = (1, 3, 5)
AUDIT = {
    "curate_shown": rows.ALL,
    "curate_label": -1,
    "curate_words": "",
    "curate_order": rows.AT_RANDOM,
    "curate_down": False,
    "curate_one_by_one": True,
}
"""What Curate's list is set to for a random audit."""


def judgement(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """Whether the selection helped: a comparison's report, or what single runs show."""
    made = comparison_report.finished(store, project)
    if made:
        comparison_report.show(store, project, made)
    else:
        _of_single_runs(store, project, runs)


def unjudged(store: Store, project: Project) -> None:
    """Where nobody can judge: a comparison's report, if one was made; it claims nothing."""
    made = comparison_report.finished(store, project)
    if made:
        comparison_report.show(store, project, made)


def who_judged(runs: Sequence[Run]) -> None:
    """Says which runs were not judged by held-out gold; nothing where all were."""
    people = [run for run in runs if run.config.judged_by == "people"]
    if people:
        listed = ", ".join(str(run.id) for run in people)
        st.caption(
            f"Judged by labels that people gave, which did not train: {counted(len(people), 'run')}"
            f" ({listed}). Unless these came from a random audit they are no random sample."
        )


def _of_single_runs(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The newest llkd run and its rivals, with the figures behind the sentence."""
    methods = [run for run in runs if run.config.selection.strategy == "llkd"]
    st.header("Did the selection help?", anchor=False)
    if not methods:
        st.markdown(
            "There is no finished run of **llkd** in this project to judge. "
            "*Compare fairly* on Train makes all it takes in one click: llkd, every text, as many "
            "texts drawn at random, and what you choose besides."
        )
        next_step("Train", "Compare fairly on Train", primary=False, key="results_no_method")
        return
    run = methods[-1]
    if len(methods) > 1:
        run = choose_run(
            "The llkd run to judge (its other seeds count with it)",
            methods[::-1],
            key="results_judged",
        )
    with st.spinner("Comparing the runs on the held-out texts …", show_time=False):
        found = {
            rival: results_view.comparison(store, project, run, rival) for rival in fairness.RIVALS
        }
    st.info(plain(fairness.sentence(found)), icon=":material/balance:")
    if run.config.judged_by == "people":
        st.caption(
            f"Judged by {counted(run.labels['judges']['texts'], 'label')} that people gave; they "
            "did not train these runs."
        )
    table = results_view.comparison_table(found)
    if len(table):
        st.dataframe(
            table,
            hide_index=True,
            alt="llkd against each rival, with intervals",
        )
        st.caption(
            "Each figure is llkd minus the rival on the same texts, in points, with its interval; "
            "those of accuracy hold together at 95 %. From one seed it is over texts alone, of "
            "these two students. Where it holds 0, chance may be all there is."
        )
    if any(one is None for one in found.values()):
        next_step("Train", "Add what is missing on Train", primary=False, key="results_missing")


def start(
    store: Store, project: Project, runs: Sequence[Run], settings: Callable[[], TrainingConfig]
) -> None:
    """A whole comparison in one click, with the settings of the form (``settings`` checks them)."""
    with st.expander("Compare fairly", icon=":material/balance:", expanded=True):
        st.markdown(
            "Fewer samples alone can make a student better, and so can the teacher's confidence "
            "alone. A comparison trains **llkd**, **all** texts and two controls, which draw as "
            "many texts at random in the same batches, with the settings above, each to its last "
            "epoch. **Results** then says what the selection is worth on your data."
        )
        _judges(store, project)
        seeds = st.segmented_control(
            "Seeds",
            SEEDS,
            default=comparisons.USUAL_SEEDS,
            required=True,
            key="train_compare_seeds",
            persist_state="session",
            help="One is a first look that claims nothing of the selections; more make the "
            "intervals narrower.",
        )
        others = st.pills(
            "Compare also",
            [
                name
                for name in fairness.ARMS
                if name not in {*fairness.USUAL_ARMS, *fairness.NEEDS_A_NAME}
            ],
            selection_mode="multi",
            default=["neighbours"],
            format_func=lambda name: f"{name}: {fairness.ARMS[name].words}",
            key="train_compare_arms",
            persist_state="session",
        )
        saved = _saved(store, project)
        arms = [*fairness.USUAL_ARMS, *others, *(["saved"] if saved else [])]
        number = comparisons.runs_a_seed(arms) * seeds
        with st.container(horizontal=True, vertical_alignment="center"):
            begin = st.button(
                f"Compare: {counted(number, 'run')}",
                icon=":material/balance:",
                key="train_compare",
            )
            st.caption(_about(runs, number))
        if begin:
            config = settings()
            chosen = {**config.selection.model_dump(), "strategy": "llkd", "saved": saved}
            config = build(TrainingConfig, {**config.model_dump(), "selection": chosen})
            arguments = commands.compare(project.name, config, seeds=seeds, arms=arms)
            if fair.waiting(jobs.live_jobs(store), arguments):
                st.toast("This very comparison is on its way.", icon=":material/hourglass_top:")
                return
            jobs.start(
                store,
                arguments,
                kind="compare",
                title=f"Compare on {project.name}",
                project_id=project.id,
            )
            st.rerun()


def _saved(store: Store, project: Project) -> str | None:
    """A saved selection that is to be an arm; None where there is none or none is chosen."""
    saved = {one["name"]: one["counts"] for one in store.people.selections(project.id)}
    if not saved:
        return None
    return st.selectbox(
        "What I kept on Curate, as an arm",
        list(saved),
        index=None,
        placeholder="none",
        format_func=lambda name: f"{name} ({counted(saved[name]['kept'], 'text')})",
        key="train_compare_saved",
        persist_state="session",
        width=340,
    )


def _judges(store: Store, project: Project) -> None:
    """Who will judge, before anything is started, and the way to judges where there are none."""
    jury = fair.jury(store, project)
    texts = len(jury.rows)
    if jury.kind == "gold":
        st.caption(f":material/gavel: Judged by {counted(texts, 'held-out text')} with gold.")
        return
    if jury.kind == "people":
        chosen = (
            "They are a random sample, since they were given in random order."
            if jury.chosen == "at random"
            else "Unless they came from a random audit they are no random sample: of texts that "
            "somebody picked, the figures will speak for these alone."
        )
        st.caption(
            f":material/gavel: Judged by {counted(texts, 'label')} that people gave; they will not "
            f"train. {chosen}"
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            ":material/gavel: No text has a known class that could judge: a comparison can say how "
            "far each student agrees with the teacher, and nothing about accuracy. It takes "
            f"{curation.LEAST_LABELS} labels of people, of two classes ({count(jury.given)} can be "
            "used so far), or a file with gold.",
            width="stretch",
        )
        if st.button(
            "Label a random sample", icon=":material/arrow_forward:", key="train_label_sample"
        ):
            audit_on_curate()


def audit_on_curate() -> NoReturn:
    """To Curate, with every text in random order, one by one."""
    for name, value in AUDIT.items():
        st.session_state[name] = value
    go_to("Curate")


def _about(runs: Sequence[Run], number: int) -> str:
    """How long so many runs take, from those that have been trained here."""
    known = [
        sum(run.summary.get(f"{part}_seconds") or 0.0 for part in ("training", "evaluation"))
        + (run.summary.get("logging_seconds") or 0.0)
        for run in runs
        if run.summary is not None
    ]
    if not known:
        return "How long it takes is not known yet: no run has finished here."
    usual = sum(known) / len(known)
    return (
        f"About {duration(number * usual).removeprefix('about ')}, if each takes as long as the "
        f"{counted(len(known), 'run')} trained here so far. It can be stopped and resumed."
    )


def missing_controls(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The controls that a finished llkd run still lacks, one click away; nothing if none does."""
    lacking = [
        (run, missing)
        for run in runs
        if run.summary is not None and run.config.selection.strategy == "llkd"
        if (missing := fairness.missing_controls(run, runs))
    ]
    live = jobs.live_jobs(store)
    if not lacking:
        return
    with st.expander("Controls for a single llkd run", icon=":material/add:"):
        st.markdown(
            "The controls **random** and **teacher_then_random** draw as many texts as an llkd "
            "run, in the same batches: only what llkd gains over them is due to its selection."
        )
        for run, missing in reversed(lacking):
            if not fair.labels_as_now(store, project, run):
                st.caption(
                    f"The labels have changed since run {run.id}: controls for it would learn "
                    "from other labels. Train llkd again to compare."
                )
                continue
            arms = [fairness.rival_config(run, name) for name in missing]
            commanded = [
                commands.train(project.name, arm, calibration=run.labels["calibration"])
                for arm in arms
            ]
            if all(fair.waiting(live, one) for one in commanded):
                st.caption(f"The controls for run {run.id} are on their way.")
                continue
            what = "the two controls" if len(missing) == 2 else f"the control {missing[0]}"
            if st.button(
                f"Add {what} for run {run.id}",
                icon=":material/add:",
                key=f"train_controls_{run.id}",
            ):
                for arm in arms:
                    fair.start_training(store, project, arm, run)
                st.rerun()
