"""One training run as charts: how it goes, or how it went."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import charts
from llkd.store import Project, Run, Store
from llkd.store.run_summary import RunSummary
from ui.runs import reads
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import count, plain, score, share

THRESHOLD_CLASSES = 20


def figures(run: Run) -> str:
    """The result in one line."""
    summary = run.summary or RunSummary()
    parts = [
        f"accuracy {share(summary.accuracy)}" if summary.accuracy is not None else "",
        f"macro-F1 {score(summary.macro_f1)}" if summary.macro_f1 is not None else "",
        f"{count(summary.backpropagated or 0)} samples back-propagated "
        f"({share(summary.selected_share)})",
        f"{count(summary.unique or 0)} different texts",
    ]
    return " · ".join(part for part in parts if part)


def progress_charts(store: Store, project: Project, run: Run, key: str) -> None:
    """Loss, share selected, both thresholds, and the evaluation of each epoch so far."""
    steps = reads.steps(store, run)
    if steps.empty:
        st.caption("The first steps are on their way: a run writes its log every few seconds.")
        return
    names = run.class_names
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss** – how wrong the student is on what it trains on; lower is better.")
        _chart(finished(charts.loss, steps), f"{key}_loss", "Loss by training step")
    with right:
        st.markdown("**Share selected** – how much of each batch the student trains on.")
        shares = finished(charts.share_selected, steps)
        _chart(shares, f"{key}_share", "Share of each batch selected")
    for column, side, meaning in (
        (left, "teacher", "the confidence a text needs at least, by class."),
        (right, "student", "the information need a text needs at least, by class."),
    ):
        if max(steps[f"{side}_threshold"].iloc[-1]) > 0 and len(names) <= THRESHOLD_CLASSES:
            with column:
                st.markdown(f"**{side.capitalize()} threshold** – {meaning}")
                figure = finished(charts.thresholds, steps, side, names)
                _chart(figure, f"{key}_{side}", f"{side.capitalize()} threshold by step")
    epochs = reads.by_epoch(store, project, run)
    if epochs:
        with left:
            st.markdown("**Quality** – measured on held-out texts after each epoch.")
            quality = finished(charts.evaluation, epochs)
            _chart(quality, f"{key}_quality", "Accuracy and macro-F1 by epoch")
    for warning in () if run.summary is None else run.summary.warnings:
        st.warning(plain(warning), icon=":material/warning:")


def _chart(figure: Any, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt)
