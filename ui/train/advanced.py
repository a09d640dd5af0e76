"""The settings of a training run that most people leave as they are."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.config import SelectionConfig, TrainingConfig
from llkd.jobs.workers import likely_most_workers

HEAD_STARTS = {"probe": "Fitted to the labels", "random": "Random"}


def advanced_settings(selection: dict[str, Any], values: dict[str, Any]) -> None:
    """Draw what most people leave as it is, and put it into the settings."""
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
        None,
        step=1,
        placeholder="by the texts",
        key="train_tokens",
        persist_state="session",
        help="Longer texts are cut here. Left empty, it is chosen from the lengths of the texts.",
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
    values["head_start"] = first.selectbox(
        "First head",
        list(HEAD_STARTS),
        format_func=HEAD_STARTS.__getitem__,
        key="train_head_start",
        persist_state="session",
        help="What the student's last layer begins as: a logistic regression on the untrained "
        "student's embeddings, fitted to the labels that it trains on, or random numbers, which "
        "have to learn everything. With many classes and few texts the difference is large.",
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
    most = likely_most_workers()
    if most > 1:
        values["workers"] = third.number_input(
            "Workers",
            1,
            most,
            training.workers,
            step=1,
            key="train_workers",
            persist_state="session",
            help="So many processes train the student together: each on a GPU of its own, without "
            "GPUs on a part of the processors. They select what one would select. Small students "
            "on a few processors gain nothing by it.",
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
    values["evaluate_at"] = (
        "epoch"
        if st.toggle(
            "Read held-out texts and pool after every epoch",
            value=True,
            key="train_evaluate_at",
            persist_state="session",
            help="Off: at the end alone. It makes the same student in less time, where few texts "
            "train in much less; the course over the epochs is then not shown.",
        )
        else "end"
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
