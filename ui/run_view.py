"""One training run as charts: how it goes, or how it went."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import charts
from llkd.store import Project, Run, Store
from ui import run_reads
from ui.figures import finished
from ui.wording import count, plain, score, share

PLAIN = {"displayModeBar": False}
THRESHOLD_CLASSES = 20


def figures(run: Run) -> str:
    """The result in one line."""
    made = run.summary or {}
    parts = [
        f"accuracy {share(made.get('accuracy'))}" if made.get("accuracy") is not None else "",
        f"macro-F1 {score(made.get('macro_f1'))}" if made.get("macro_f1") is not None else "",
        f"{count(made.get('backpropagated', 0))} samples back-propagated "
        f"({share(made.get('selected_share'))})",
        f"{count(made.get('unique', 0))} different texts",
    ]
    return " · ".join(part for part in parts if part)


def progress_charts(store: Store, project: Project, run: Run, key: str) -> None:
    """Loss, share selected, both thresholds, and the evaluation of each epoch so far."""
    steps = run_reads.steps(store, run)
    if steps.empty:
        st.caption("The first steps are on their way: a run writes its log every few seconds.")
        return
    names = run_reads.class_names(run)
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
    epochs = run_reads.by_epoch(store, project, run)
    if epochs:
        with left:
            st.markdown("**Quality** – measured on held-out texts after each epoch.")
            quality = finished(charts.evaluation, epochs)
            _chart(quality, f"{key}_quality", "Accuracy and macro-F1 by epoch")
    for warning in (run.summary or {}).get("warnings", []):
        st.warning(plain(warning), icon=":material/warning:")


def _chart(figure: Any, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=PLAIN, alt=alt)
