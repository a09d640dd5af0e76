"""The settings of a training run as widgets, and back as checked settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.store import Project, Run, Store
from llkd.strategies import EXPLAINED, TAKE_A_SHARE, USUAL_STRATEGY
from ui import fair, view
from ui.run_choice import choose_run
from ui.view import Threshold
from ui.window import window_notice
from ui.wording import TERMS, count, counted

RANDOM = ("random", "teacher_then_random")
EMBEDDED, OTHER = "MiniLM (built in)", "A folder or hub id"
SHARE, REFERENCE = "A share of each batch", "As many as another run"
FROM_CURATE, FROM_SAVED, BY_HAND = "Curate, as it stands", "A saved selection", "Two numbers"


def training_form(store: Store, project: Project, finished: Sequence[Run]) -> dict[str, Any]:
    """Draw the form; returns the settings as :func:`checked` takes them, not yet checked."""
    usual = TrainingConfig()
    left, right = st.columns(2, gap="large")
    with left:
        strategy = st.selectbox(
            "Strategy",
            list(EXPLAINED),
            index=list(EXPLAINED).index(USUAL_STRATEGY),
            key="train_strategy",
            persist_state="session",
            help="Which texts each training step uses.",
        )
        st.caption(EXPLAINED[strategy])
        selection: dict[str, Any] = {"strategy": strategy}
        values: dict[str, Any] = {}
        if strategy in TAKE_A_SHARE:
            _share(finished, selection, values)
        if strategy == "fixed":
            _fixed(store, project, selection)
        if strategy == "saved":
            _saved(store, project, selection)
        values["student"] = _student(usual)
    with right:
        first, second = st.columns(2)
        values["epochs"] = first.number_input(
            "Epochs",
            1,
            1000,
            usual.epochs,
            key="train_epochs",
            persist_state="session",
            help="How often training goes through all texts.",
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
    with st.expander("Advanced settings"):
        _advanced(selection, values)
        _judged_by(store, project, values)
    with notice:
        window_notice(store, project, values)
    return {**values, "selection": selection}


def checked(values: dict[str, Any]) -> TrainingConfig:
    """The settings, or a ConfigError that says in one sentence what is wrong."""
    selection = build(SelectionConfig, values["selection"])
    return build(TrainingConfig, {**values, "selection": selection.model_dump()})


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


def _share(finished: Sequence[Run], selection: dict[str, Any], values: dict[str, Any]) -> None:
    """How many texts a step takes; a control copies a run first, the others have a share."""
    control = selection["strategy"] in RANDOM
    references = [run for run in finished if run.config.selection.strategy not in RANDOM]
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
            0.2,
            step=0.01,
            format="percent",
            key="train_share",
            persist_state="session",
        )


def _fixed(store: Store, project: Project, selection: dict[str, Any]) -> None:
    classes = curation.current_labelling(store, project).classes
    saved = {one["name"]: one["view"] for one in store.people.selections(project.id)}
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
            help=TERMS["information need"],
        )
    else:
        if source == FROM_SAVED and saved:
            name = st.selectbox("Saved selection", list(saved), key="train_saved")
            chosen = view.View.from_json(saved[name], classes)
        else:
            chosen = view.in_use(project, classes)
        teacher, student = chosen.teacher, chosen.student
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
    st.caption(
        "While training, information need is that of the student being trained, so a threshold "
        "keeps fewer texts the more the student has learned."
    )
    selection["teacher_threshold"], selection["student_threshold"] = teacher, student


def _saved(store: Store, project: Project, selection: dict[str, Any]) -> None:
    saved = {one["name"]: one["counts"] for one in store.people.selections(project.id)}
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
    )
    st.caption(
        "The texts are those that the selection keeps when training starts. They train in the "
        "batches of the whole pool, each with weight 1."
    )


def _judged_by(store: Store, project: Project, values: dict[str, Any]) -> None:
    """Whether labels that people gave judge the student instead of training it."""
    found = fair.jury(store, project)
    possible = found.kind == "people"
    wanted = st.toggle(
        "My own labels judge the student and do not train it",
        key="train_judged_by_people",
        persist_state="session",
        disabled=not possible,
        help=f"Without held-out gold, from {curation.LEAST_LABELS} labels of two classes on; "
        f"{count(found.given)} can be used so far.",
    )
    values["judged_by"] = "people" if wanted and possible else "gold"


def _advanced(selection: dict[str, Any], values: dict[str, Any]) -> None:
    usual, training = SelectionConfig(), TrainingConfig()
    first, second, third = st.columns(3)
    selection["momentum"] = first.number_input(
        "Momentum",
        0.0,
        0.999,
        usual.momentum,
        step=0.01,
        format="%.3f",
        key="train_momentum",
        persist_state="session",
        help="How slowly the thresholds follow the batches; near 1 is slow.",
    )
    for side, column in (("teacher", second), ("student", third)):
        selection[f"{side}_scale"] = column.number_input(
            f"{side.capitalize()} scale",
            0.0,
            10.0,
            getattr(usual, f"{side}_scale"),
            step=0.05,
            key=f"train_{side}_scale",
            persist_state="session",
            help="Multiplies this side's threshold: above 1 selects fewer texts.",
        )
    selection["weighting"] = first.selectbox(
        "Weights",
        ["product", "mean", "none", "softmatch"],
        key="train_weighting",
        persist_state="session",
        help="How much a selected text counts: confidence times need, their mean, all the same, or "
        "less the further its confidence lies below the average (SoftMatch).",
    )
    values["max_tokens"] = second.number_input(
        "Tokens per text",
        4,
        8192,
        training.max_tokens,
        key="train_tokens",
        persist_state="session",
        help="Longer texts are cut here.",
    )
    rate = third.number_input(
        "Wanted share (0: off)",
        0.0,
        1.0,
        0.0,
        step=0.05,
        key="train_target",
        persist_state="session",
        help="Steers the student's scale so that about this share of each batch is selected.",
    )
    selection["target_rate"] = rate or None
    values["targets"] = first.selectbox(
        "Targets",
        ["hard", "soft"],
        key="train_targets",
        persist_state="session",
        help="Hard: the teacher's label. Soft: its probabilities for all classes.",
    )
    values["human_weight"] = second.number_input(
        "Weight of your own labels",
        0.0,
        100.0,
        training.human_weight,
        step=0.5,
        key="train_human_weight",
        persist_state="session",
        help="Texts that people labelled always train; this is how much each counts.",
    )
    selection["warmup_steps"] = third.number_input(
        "First steps on all texts",
        0,
        10**6,
        usual.warmup_steps,
        key="train_warmup_steps",
        persist_state="session",
        help="So many steps train on every text before the selection begins.",
    )
    values["early_stopping"] = (
        "auto"
        if st.toggle(
            "Stop when the student no longer gets better",
            key="train_early_stopping",
            persist_state="session",
            help="Judged after each epoch on a part of the pool that then does not train: your own "
            "labels, else its gold, else the teacher's surest labels. Held-out gold only judges "
            "the finished student. The best student is kept.",
        )
        else "none"
    )
    selection["class_specific"] = st.toggle(
        "Thresholds of their own for each class",
        value=usual.class_specific,
        key="train_class_specific",
        persist_state="session",
    )
    selection["class_shrinkage"] = first.number_input(
        "Class shrinkage (0: off)",
        0.0,
        1e6,
        usual.class_shrinkage,
        step=5.0,
        key="train_class_shrinkage",
        persist_state="session",
        disabled=not selection["class_specific"],
        help="Draws each class's threshold towards the common one, as if so many average texts "
        "were among its own. With many classes a text is otherwise compared with itself.",
    )
