"""The fair comparison on Train: start it, or add the controls of a single run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llkd import jobs
from llkd.config import AUTO_STRATEGY, TrainingConfig, build
from llkd.evaluation import evaluation_set
from llkd.evaluation.advice import TrainingAdvice
from llkd.evaluation.comparison import conclusion, rivals
from llkd.evaluation.comparison.arms import (
    CONTROLS,
    arm_label,
    arms_that_need_a_name,
    check_arms,
)
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.evaluation.wording import listed
from llkd.jobs.requests import CompareRequest
from llkd.selection.registry import METHOD, SAVED, label_of
from llkd.store import Project, Run, Store
from ui.shell.executors import chosen_executor, executor_fields
from ui.shell.unbroken import press_once
from ui.shell.wording import count, counted, duration, plain
from ui.train import proposal
from ui.train import start as train_start
from ui.train.tracking import tracking

SEEDS = (1, 3, 5)
EXECUTOR_KEY = "compare_executor"
ARMS_KEY, PROPOSED_KEY = "train_compare_arms", "_train_arms_proposed"


def start(
    store: Store, project: Project, runs: Sequence[Run], settings: Callable[[], TrainingConfig]
) -> None:
    """A whole comparison in one click, with the settings of the form (``settings`` checks them)."""
    with st.expander("Compare fairly", icon=":material/balance:", expanded=True, key="compare_box"):
        st.markdown(
            "Trains each arm from the same start over the same batches. **Results** then says what "
            "each selection is worth on your data."
        )
        _evaluated_on(store, project)
        chosen_arms = _arms(proposal.for_comparison(store, project))
        seeds = st.segmented_control(
            "Seeds",
            SEEDS,
            default=conclusion.USUAL_SEEDS,
            required=True,
            key="train_compare_seeds",
            persist_state="session",
            help="One is a first look that claims nothing of the selections; more make the "
            "intervals narrower.",
        )
        saved = _saved(store, project)
        executor_fields(EXECUTOR_KEY)
        arms = [*chosen_arms, *([SAVED] if saved else [])]
        number = conclusion.runs_a_seed(arms) * seeds
        with st.container(horizontal=True, vertical_alignment="center"):
            begin = press_once(
                f"Compare: {counted(number, 'run')}",
                icon=":material/balance:",
                key="train_compare",
            )
            st.caption(_about(runs, number))
        if begin:
            arms = list(check_arms(arms, saved))
            config = settings()
            own = {"strategy": AUTO_STRATEGY, "saved": saved}
            selection = {**config.selection.model_dump(), **own}
            config = build(TrainingConfig, {**config.model_dump(), "selection": selection})
            request = build(
                CompareRequest,
                project=project.name,
                training=config,
                seeds=seeds,
                arms=arms,
                executor=chosen_executor(EXECUTOR_KEY),
                **tracking(),
            )
            if train_start.under_way(store, request):
                st.toast("This very comparison is on its way.", icon=":material/hourglass_top:")
                return
            jobs.start(store, request)
            st.rerun()


def _arms(advice: TrainingAdvice) -> list[str]:
    """The arms that are chosen; those proposed until somebody chooses others."""
    proposed = list(advice.arms)
    if st.session_state.get(ARMS_KEY) in (None, st.session_state.get(PROPOSED_KEY)):
        st.session_state[ARMS_KEY] = proposed
    st.session_state[PROPOSED_KEY] = proposed
    arms = st.pills(
        "Arms",
        [name for name in all_arms() if name not in arms_that_need_a_name()],
        selection_mode="multi",
        format_func=arm_label,
        key=ARMS_KEY,
        persist_state="session",
        help="Whether a selection gains by its choice, only the two controls show "
        f"({listed(label_of(name) for name in CONTROLS)}): they draw as many texts at random as "
        f"{label_of(METHOD)}, or without it as the first selection.",
    )
    st.caption(f":material/lightbulb: {plain(advice.compare_sentence)}")
    return list(arms)


def _saved(store: Store, project: Project) -> str | None:
    """A saved selection that is to be an arm; None where there is none or none is chosen."""
    saved = {record.name: record.counts for record in store.selections.all(project.id)}
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


def _evaluated_on(store: Store, project: Project) -> None:
    """What will evaluate, before anything starts, and how to get labels where there are none."""
    evaluation = train_start.evaluation_set_now(store, project)
    texts = len(evaluation.rows)
    if evaluation.kind == "gold":
        st.caption(
            f":material/fact_check: Evaluated on {counted(texts, 'held-out text')} with gold."
        )
        return
    if evaluation.kind == "people":
        sample = (
            "They are a random sample, since they were given in random order."
            if evaluation.sampling == "at random"
            else "Unless they came from a random audit they are no random sample: of texts that "
            "somebody picked, the figures will speak for these alone."
        )
        st.caption(
            f":material/fact_check: Evaluated on {counted(texts, 'label')} that people gave; "
            "they will not "
            f"train. {sample}"
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            ":material/fact_check: No text has a known class to evaluate on: a comparison can say "
            "how "
            "far each student agrees with the teacher, and nothing about accuracy. It takes "
            f"{evaluation_set.LEAST_LABELS} labels of people, of two classes "
            f"({count(evaluation.usable_labels)} "
            "can be used so far), or a file with gold.",
            width="stretch",
        )
        if st.button(
            "Label a random sample", icon=":material/arrow_forward:", key="train_label_sample"
        ):
            train_start.audit_on_curate(project)


def _about(runs: Sequence[Run], number: int) -> str:
    """How long so many runs take, from those that have been trained here."""
    known = [run.summary.total_seconds for run in runs if run.summary is not None]
    if not known:
        return "How long it takes is not known yet: no run has finished here."
    usual = sum(known) / len(known)
    return (
        f"About {duration(number * usual).removeprefix('about ')}, if each takes as long as the "
        f"{counted(len(known), 'run')} trained here so far. It can be stopped and resumed."
    )


def missing_controls(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The controls that a finished LLKD run still lacks, one click away; nothing if none does."""
    lacking = [
        (run, missing)
        for run in runs
        if run.summary is not None and run.config.selection.strategy == METHOD
        if (missing := rivals.missing_controls(run, runs))
    ]
    if not lacking:
        return
    with st.expander("Controls for a single LLKD run", icon=":material/add:", key="controls_box"):
        st.markdown(
            f"The controls {listed(f'**{label_of(name)}**' for name in CONTROLS)} draw as many "
            "texts as an LLKD run, in the same batches: only what LLKD gains over them is due to "
            "its selection."
        )
        for run, missing in reversed(lacking):
            if not train_start.labels_as_now(store, project, run):
                st.caption(
                    f"The labels have changed since run {run.id}: controls for it would learn "
                    "from other labels. Train LLKD again to compare."
                )
                continue
            arms = [rivals.rival_config(run, name) for name in missing]
            if all(
                train_start.under_way(store, train_start.train_request(project, arm, run))
                for arm in arms
            ):
                st.caption(f"The controls for run {run.id} are on their way.")
                continue
            what = (
                "the two controls" if len(missing) == 2 else f"the control {label_of(missing[0])}"
            )
            if st.button(
                f"Add {what} for run {run.id}",
                icon=":material/add:",
                key=f"train_controls_{run.id}",
            ):
                for arm in arms:
                    train_start.start_training(store, project, arm, run)
                st.rerun()
