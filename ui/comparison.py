"""The fair comparison on the pages: start it on Train, read what it shows on Results."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llkd import commands, fairness, jobs
from llkd.store import Project, Run, Store
from ui import fair, results_view
from ui.page import next_step
from ui.wording import plain


def judgement(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """Whether the selection helped, said plainly, with the figures behind it."""
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


def compare_fairly(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The controls that a finished llkd run still lacks, one click away."""
    lacking = [
        (run, missing)
        for run in runs
        if run.summary is not None and run.config.selection.strategy == "llkd"
        if (missing := fairness.missing_controls(run, runs))
    ]
    live = jobs.live_jobs(store)
    with st.expander("Compare fairly", icon=":material/balance:", expanded=bool(lacking)):
        st.markdown(
            "Fewer samples alone can make a student better, and so can the teacher's confidence "
            "alone. The controls **random** and **teacher_then_random** draw as many texts as an "
            "llkd run, in the same batches: only what llkd gains over them is due to its "
            "selection. They need a finished llkd run to copy the numbers from."
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
        if not lacking:
            st.caption("No finished llkd run lacks its controls.")
