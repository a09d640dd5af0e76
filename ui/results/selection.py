"""What a run selected, epoch by epoch and class by class, and how right it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from llkd import charts
from llkd.curation import run_selection
from llkd.curation.run_selection import Truth
from llkd.errors import NotFound
from llkd.evaluation.intervals import wilson
from llkd.store import Project, Run, Store
from ui.runs import reads
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import counted, share

ALL_EPOCHS = 0
MOST_LINES = 12
"""More classes than this are read in the table, not in the chart of how right they were."""


def what_was_selected(store: Store, project: Project, run: Run) -> None:
    """Shares by epoch and class; against whoever knows the right labels, how right they were."""
    names = run.class_names
    try:
        counts, truth = reads.selection(store, project, run)
    except NotFound:
        st.caption("This run kept no record of it.")
        return
    whole = counts[counts["label"] < 0]
    if truth is None:
        st.info(
            "How right the selected labels are cannot be known: fewer than "
            f"{run_selection.LEAST_KNOWN} texts of the pool have a gold label or one of a person. "
            f"Correct {run_selection.LEAST_KNOWN} on Curate to find out.",
            icon=":material/info:",
        )
    else:
        st.info(sentence(whole, truth), icon=":material/rule:")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**How much of each class** was selected, epoch by epoch.")
        st.plotly_chart(
            finished(charts.selected_when, _shares(counts, names), names),
            key="results_when",
            config=CHART_CONFIG,
            alt="Share of each class selected in each epoch",
        )
    with right:
        if truth is not None:
            st.markdown("**How right** the selected labels were, epoch by epoch.")
            _right(counts, names)
    _table(counts, names, truth)


def sentence(whole: pd.DataFrame, truth: Truth) -> str:
    """How right the selected labels were beside those of the whole pool; ``whole`` by epoch.

    A text that is taken in every epoch is one text, however often it counts: the interval is that
    of an average epoch's number.
    """
    with_class, right = int(whole["known"].sum()), int(whole["right"].sum())
    pool = float(whole["pool_right"].sum() / max(1, whole["pool_known"].sum()))
    by = (
        "judged by the gold labels of the pool"
        if truth.source == "gold"
        else f"judged by the {counted(truth.rows, 'label')} that people gave (they chose which "
        "texts, so this speaks of those)"
    )
    if not with_class:
        return f"None of the selected texts has a known class; of the pool {share(pool)} are right."
    mine = right / with_class
    if int(whole["selected"].sum()) == int(whole["offered"].sum()):
        return f"It was trained on every label; {share(mine)} of them are right, {by}."
    epochs = max(1, int((whole["known"] > 0).sum()))
    each = max(1, round(with_class / epochs))
    low, high = wilson(round(mine * each), each) or (0.0, 1.0)
    if low > pool:
        verdict = f"better by {100 * (mine - pool):.1f} points"
    elif high < pool:
        verdict = f"worse by {100 * (pool - mine):.1f} points"
    else:
        verdict = "no clear difference"
    return (
        f"Of the labels it was trained on {share(mine)} were right, of those of the whole pool "
        f"{share(pool)}: {verdict}, {by}."
    )


def _shares(counts: pd.DataFrame, names: list[str]) -> list[dict[str, object]]:
    """By epoch, as :func:`llkd.charts.selected_when` takes them."""
    by_epoch = []
    for epoch, part in counts[counts["label"] >= 0].groupby("epoch"):
        offered, selected = part["offered"].to_numpy(), part["selected"].to_numpy()
        shares = {
            name: float(t / o) if o else None
            for name, o, t in zip(names, offered, selected, strict=True)
        }
        by_epoch.append({"epoch": int(str(epoch)), "selected_share_per_class": shares})
    return by_epoch


def _right(counts: pd.DataFrame, names: list[str]) -> None:
    epochs = sorted(counts["epoch"].unique().tolist())
    few = names if len(names) <= MOST_LINES else []
    series = []
    for label, name in ((-1, "all classes"), *enumerate(few)):
        part = counts[counts["label"] == label].set_index("epoch").loc[epochs]
        series.append(
            (name, [_ratio(r, k) for r, k in zip(part["right"], part["known"], strict=True)])
        )
    whole = counts[counts["label"] < 0]
    st.plotly_chart(
        charts.right_by_epoch(
            epochs, series, _ratio(whole["pool_right"].sum(), whole["pool_known"].sum())
        ),
        key="results_right",
        config=CHART_CONFIG,
        alt="Share of the selected labels that were right in each epoch, and of the whole pool's",
    )


def _table(counts: pd.DataFrame, names: list[str], truth: Truth | None) -> None:
    """One line a class, of one epoch or of all."""
    epochs = sorted(counts["epoch"].unique().tolist())
    which = ALL_EPOCHS
    if len(epochs) > 1:
        which = st.selectbox(
            "Of which epoch",
            [ALL_EPOCHS, *epochs],
            format_func=lambda k: f"epoch {k}" if k else "all epochs",
            key=f"results_selected_epoch_{len(epochs)}",
            persist_state="session",
            width=180,
        )
    part = counts if which == ALL_EPOCHS else counts[counts["epoch"] == which]
    summed = part.groupby("label").sum(numeric_only=True)
    lines = {
        "Class": ["all classes", *names],
        "Offered": summed["offered"].to_numpy(),
        "Selected": summed["selected"].to_numpy(),
        "Share": _percent(summed["selected"], summed["offered"]),
    }
    columns = {
        "Offered": st.column_config.NumberColumn(
            format="localized", help="How often a text of this class was decided on."
        ),
        "Selected": st.column_config.NumberColumn(format="localized"),
        "Share": st.column_config.NumberColumn(format="%.1f %%"),
    }
    if truth is not None:
        mine = _percent(summed["right"], summed["known"])
        pool = _percent(summed["pool_right"], summed["pool_known"])
        lines |= {"Selected right": mine, "Pool right": pool, "Gain": mine - pool}
        lines["Known"] = summed["known"].to_numpy()
        for name in ("Selected right", "Pool right"):
            columns[name] = st.column_config.NumberColumn(format="%.1f %%")
        columns["Gain"] = st.column_config.NumberColumn(format="%+.1f", help="In points.")
        columns["Known"] = st.column_config.NumberColumn(
            format="localized", help="Selected texts whose right class is known, as often as taken."
        )
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        column_config=columns,
        placeholder="–",
        alt="Each class: how often offered and selected, and how right its labels are",
    )


def _percent(top: pd.Series, bottom: pd.Series) -> np.ndarray:
    counts = bottom.to_numpy(dtype=np.float64)
    shares = np.full(len(counts), np.nan)
    return np.divide(100 * top.to_numpy(dtype=np.float64), counts, out=shares, where=counts > 0)


def _ratio(top: float, bottom: float) -> float | None:
    return float(top / bottom) if bottom else None
