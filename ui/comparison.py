"""The fair comparison on the pages: start it on Train, read what it shows on Results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llkd import commands, comparisons, fairness, jobs
from llkd.config import TrainingConfig
from llkd.store import Project, Run, Store
from ui import comparison_report, fair, results_view
from ui.page import next_step
from ui.wording import counted, duration, plain

SEEDS = (1, 3, 5)


def judgement(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """Whether the selection helped: a comparison's report, or what single runs show."""
    made = comparison_report.finished(store, project)
    if made:
        comparison_report.show(store, project, made)
    else:
        _of_single_runs(store, project, runs)


def _of_single_runs(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The newest llkd run and its rivals, with the figures behind the sentence."""
    methods = [run for run in runs if run.config.selection.strategy == "llkd"]
    st.subheader("Did the selection help?", anchor=False)
    if not methods:
        st.markdown(
            "There is no finished run of **llkd** in this project, so there is nothing to judge."
        )
        return
    run = methods[-1]
    if len(methods) > 1:
        names = {one.id: f"{one.name}, seed {one.config.seed}" for one in methods}
        chosen = st.selectbox(
            "The llkd run to judge (its other seeds count with it)",
            list(reversed(names)),
            format_func=names.__getitem__,
            key="results_judged",
            persist_state="session",
            width=340,
        )
        run = next(one for one in methods if one.id == chosen)
    with st.spinner("Comparing the runs on the held-out texts …", show_time=False):
        found = {
            rival: results_view.comparison(store, project, run, rival) for rival in fairness.RIVALS
        }
    st.info(plain(fairness.sentence(found)), icon=":material/balance:")
    rows = results_view.comparison_table(found)
    if len(rows):
        st.dataframe(
            rows,
            hide_index=True,
            alt="llkd against each rival, with intervals",
        )
        st.caption(
            "Each figure is llkd minus the rival on the same texts, in points, with its 95 % "
            "interval (a paired bootstrap over texts and seeds). Where that holds 0, chance may be "
            "all there is."
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
            "many texts at random in the same batches, with the settings above; what ends early "
            "is off. **Results** then says what the selection is worth on your data."
        )
        seeds = st.segmented_control(
            "Seeds",
            SEEDS,
            default=SEEDS[0],
            required=True,
            key="train_compare_seeds",
            persist_state="session",
            help="One is a first look; five make the judgement firm.",
        )
        others = st.pills(
            "Compare also",
            [name for name in fairness.ARMS if name not in fairness.USUAL_ARMS],
            selection_mode="multi",
            default=["neighbours"],
            format_func=lambda name: f"{name}: {fairness.ARMS[name].words}",
            key="train_compare_arms",
            persist_state="session",
        )
        arms = [*fairness.USUAL_ARMS, *others]
        number = comparisons.runs_a_seed(arms) * seeds
        with st.container(horizontal=True, vertical_alignment="center"):
            begin = st.button(
                f"Compare: {counted(number, 'run')}",
                icon=":material/balance:",
                key="train_compare",
            )
            st.caption(_about(runs, number))
        if begin:
            arguments = commands.compare(project.name, settings(), seeds=seeds, arms=arms)
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
        f"About {duration(number * usual)}, if each takes as long as the "
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
