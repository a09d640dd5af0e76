"""The settings of a training run as widgets, and back as checked settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config import AUTO_STRATEGY, SelectionConfig, TrainingConfig, build
from llkd.config.selection_rule import ThresholdRule, rule_on_grid
from llkd.evaluation import evaluation_set
from llkd.evaluation.advice import TrainingAdvice, advised_config
from llkd.evaluation.comparison.arms import is_control
from llkd.selection.registry import STRATEGIES, check_strategy, spec_of
from llkd.selection.strategy_spec import DEFAULT_SHARE
from llkd.selection.usual_settings import epochs_of
from llkd.store import Project, Run, Store
from ui.curate import view
from ui.curate.view import Threshold
from ui.runs.choice import choose_run
from ui.shell.text_notices import student_notice
from ui.shell.wording import TERMS, count, counted
from ui.train import proposal, start
from ui.train.advanced import advanced_settings
from ui.train.tracking import tracking_fields
from ui.train.window import window_notice

EMBEDDED, OTHER = "MiniLM (built in)", "A folder or hub id"
SHARE, REFERENCE = "A share of each batch", "As many as another run"
FROM_CURATE, FROM_SAVED, BY_HAND = "Curate, as it stands", "A saved selection", "Two numbers"


def training_form(store: Store, project: Project, finished: Sequence[Run]) -> dict[str, Any]:
    """Draw the form; returns the settings as :func:`checked` takes them, not yet checked."""
    usual = TrainingConfig()
    advice = proposal.for_training(store, project)
    left, right = st.columns(2, gap="large")
    with left:
        strategy = st.selectbox(
            "Strategy",
            [AUTO_STRATEGY, *STRATEGIES],
            format_func=lambda name: proposal.option(name, advice),
            key="train_strategy",
            persist_state="session",
            help="Which texts each training step uses.",
        )
        spec = spec_of(advice.strategy if strategy == AUTO_STRATEGY else strategy)
        st.caption(spec.summary)
        proposal.reason(project, advice, strategy)
        takes = frozenset() if strategy == AUTO_STRATEGY else spec.takes
        selection: dict[str, Any] = {"strategy": strategy}
        values: dict[str, Any] = {}
        if "share" in takes:
            _share(finished, selection, values)
        if "thresholds" in takes:
            _fixed(store, project, selection)
        if "saved" in takes:
            _saved(store, project, selection)
        values["student"] = _student(usual)
    usual_epochs = _usual_epochs(
        advice, strategy, selection.get("share"), finished, values.get("reference_run")
    )
    with right:
        first, second = st.columns(2)
        values["epochs"] = first.number_input(
            "Epochs",
            1,
            1000,
            None,
            step=1,
            placeholder=f"{usual_epochs}, as usual",
            key="train_epochs",
            persist_state="session",
            help="How often training goes through all texts. Left empty: once where a head that "
            "begins from the probe learns all labels that similar texts bear out, else three "
            "times, unless the proposal says otherwise.",
        )
        values["batch_size"] = second.number_input(
            "Batch size",
            1,
            4096,
            usual.batch_size,
            key="train_batch",
            persist_state="session",
            help="Texts looked at in one step.",
        )
        values["learning_rate"] = first.number_input(
            "Learning rate",
            0.0,
            1.0,
            usual.learning_rate,
            step=1e-5,
            format="%.6f",
            key="train_rate",
            persist_state="session",
            help="How far each step moves the student.",
        )
        values["seed"] = second.number_input(
            "Seed",
            0,
            2**31 - 1,
            usual.seed,
            key="train_seed",
            persist_state="session",
            help="The same seed gives the same order and start; use several to see the spread.",
        )
    notice = st.container()
    with st.expander("Advanced settings", key="train_advanced_box"):
        advanced_settings(selection, values)
        _eval_source(store, project, values)
        tracking_fields()
    with notice:
        window_notice(store, project, values)
        student_notice(store, project, values["student"])
    return {**values, "selection": selection}


def checked(values: dict[str, Any]) -> TrainingConfig:
    """The settings, or a ConfigError that says in one sentence what is wrong."""
    selection = build(SelectionConfig, values["selection"])
    config = build(TrainingConfig, {**values, "selection": selection.model_dump()})
    check_strategy(config)
    return config


def _student(usual: TrainingConfig) -> str:
    kind = st.segmented_control(
        "Student",
        [EMBEDDED, OTHER],
        default=EMBEDDED,
        required=True,
        key="train_student_kind",
        persist_state="session",
        help="The small model that is trained. MiniLM comes with the product.",
    )
    if kind != OTHER:
        return usual.student
    name = st.text_input(
        "Folder or hub id",
        key="train_student",
        persist_state="session",
        placeholder="for example: /models/my-encoder",
    )
    return name.strip()


def _usual_epochs(
    advice: TrainingAdvice,
    strategy: str,
    share: float | None,
    finished: Sequence[Run],
    reference: int | None,
) -> int:
    """The epochs where nobody sets another number, by what else is set (further down, too)."""
    copied = next((run.config.epochs for run in finished if run.id == reference), None)
    if copied is not None:
        return copied
    state = st.session_state
    config = build(
        TrainingConfig,
        selection={"strategy": strategy, "share": share},
        head_start=state.get("train_head_start") or "probe",
        early_stopping="auto" if state.get("train_early_stopping") else "none",
    )
    return epochs_of(advised_config(config, advice) if strategy == AUTO_STRATEGY else config)


def _share(finished: Sequence[Run], selection: dict[str, Any], values: dict[str, Any]) -> None:
    """How many texts a step takes; a control copies a run first, the others have a share."""
    strategy = str(selection["strategy"])
    control = is_control(strategy)
    references = [run for run in finished if not is_control(run.config.selection.strategy)]
    how = SHARE
    if references:
        how = st.segmented_control(
            "How many to take",
            [REFERENCE, SHARE],
            default=REFERENCE if control else SHARE,
            required=True,
            key="train_random_how" if control else "train_share_how",
            persist_state="session",
        )
    if how == REFERENCE:
        values["reference_run"] = choose_run(
            "Reference run",
            references[::-1],
            key="train_reference",
            width="stretch",
            note="Each step draws as many texts as this run selected in that step. Epochs, batch "
            "size and seed must be the same.",
        ).id
    else:
        selection["share"] = st.slider(
            "Share drawn",
            0.01,
            1.0,
            spec_of(strategy).default_share or DEFAULT_SHARE,
            step=0.01,
            format="percent",
            key=f"train_share_{strategy}",
            persist_state="session",
        )


def _fixed(store: Store, project: Project, selection: dict[str, Any]) -> None:
    classes = curation.active_labeling_run(store, project).classes
    saved = {
        selection.name: selection.rule
        for selection in store.selections.all(project.id)
        if isinstance(selection.rule, ThresholdRule)
    }
    choices = [FROM_CURATE, *([FROM_SAVED] if saved else []), BY_HAND]
    source = st.segmented_control(
        "Thresholds from",
        choices,
        default=FROM_CURATE,
        required=True,
        key="train_thresholds_from",
        persist_state="session",
    )
    teacher: Threshold
    student: Threshold
    if source == BY_HAND:
        first, second = st.columns(2)
        teacher = first.number_input(
            "Teacher threshold",
            0.0,
            1.0,
            0.0,
            step=0.01,
            key="train_teacher_threshold",
            persist_state="session",
            help=TERMS["teacher confidence"],
        )
        student = second.number_input(
            "Student threshold",
            0.0,
            1.0,
            0.0,
            step=0.01,
            key="train_student_threshold",
            persist_state="session",
            help=f"{TERMS['information need']} While training it is that of the student being "
            "trained, so a threshold keeps fewer texts the more the student has learned.",
        )
    else:
        if source == FROM_SAVED and saved:
            name = st.selectbox("Saved selection", list(saved), key="train_saved")
            thresholds = rule_on_grid(saved[name], classes)
        else:
            thresholds = view.in_use(project, classes)
        teacher, student = thresholds.teacher_threshold, thresholds.student_threshold
        st.dataframe(
            pd.DataFrame(
                {
                    "Class": classes.names,
                    "Teacher threshold": [view.value_of(teacher, key) for key in classes.keys],
                    "Student threshold": [view.value_of(student, key) for key in classes.keys],
                }
            ),
            hide_index=True,
            alt="The two thresholds of each class",
        )
    selection["teacher_threshold"], selection["student_threshold"] = teacher, student


def _saved(store: Store, project: Project, selection: dict[str, Any]) -> None:
    saved = {record.name: record.counts for record in store.selections.all(project.id)}
    if not saved:
        selection["saved"] = None
        st.caption(
            "Nothing is saved in this project yet: keep what you want on **Curate**, and save it "
            "there under a name."
        )
        return
    selection["saved"] = st.selectbox(
        "What I kept on Curate",
        list(saved),
        format_func=lambda name: f"{name} ({counted(saved[name]['kept'], 'text')})",
        key="train_saved_rows",
        persist_state="session",
        help="What it keeps when training starts, in the batches of the whole pool, each text with "
        "weight 1.",
    )


def _eval_source(store: Store, project: Project, values: dict[str, Any]) -> None:
    """Whether labels that people gave judge the student instead of training it."""
    evaluation = start.evaluation_set_now(store, project)
    possible = evaluation.kind == "people"
    wanted = st.toggle(
        "Evaluate on my own labels, which then do not train",
        key=proposal.BY_PEOPLE,
        persist_state="session",
        disabled=not possible,
        help=f"Without held-out gold, from {evaluation_set.LEAST_LABELS} labels of two classes on; "
        f"{count(evaluation.usable_labels)} can be used so far.",
    )
    values["judged_by"] = "people" if wanted and possible else "gold"
