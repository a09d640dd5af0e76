"""The map of the pool: which labels the student came to believe, doubted or wavered on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import charts
from llkd.curation import cartography
from llkd.store import Project, Run, Store
from ui.curate.titles import MARKED
from ui.decision_plane.geometry import even_odd
from ui.results.open_in_curate import open_on_curate
from ui.results.tables import TEXT_COLUMNS, shown_text
from ui.runs import reads as run_reads
from ui.runs.reads import Mapped
from ui.shell import reads
from ui.shell.page import next_step
from ui.shell.wording import count, counted, share

MOST_MARKS = 20_000
MOST_TEXTS = 200


def dataset_map(store: Store, project: Project, run: Run) -> None:
    """The map, and the texts of a region of it."""
    epochs = store.runs.epochs(run)
    if len(epochs) < cartography.LEAST_EPOCHS:
        st.info(
            "A map shows how the student's opinion of each label moved from epoch to epoch, and "
            f"this run has {counted(len(epochs), 'epoch')}. Train with 2 epochs or more.",
            icon=":material/map:",
        )
        next_step("Train", "Train with more epochs", primary=False, key="results_map_train")
        return
    mapped = run_reads.mapped(store, run)
    mapping = mapped.map
    sample = cartography.shown(len(mapped.rows), MOST_MARKS)
    st.caption(
        "Each mark is a text of the pool: how probable the student found its label, on average "
        f"over {counted(mapping.epochs, 'epoch')}, and how much that moved. "
        + (
            f"Drawn are {count(len(sample))} of {counted(len(mapped.rows), 'text')}, always the "
            "same at random; what you mark counts all."
            if len(sample) < len(mapped.rows)
            else ""
        )
    )
    key = f"results_map_{run.id}"
    event: Any = st.plotly_chart(
        charts.cartography(
            mapping.variability[sample],
            mapping.confidence[sample],
            mapping.correctness[sample],
        ),
        key=key,
        on_select="rerun",
        selection_mode=("box", "lasso"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["toImage"]},
        alt="Every text by how much the student's opinion moved and how sure it is of the label",
    )
    places, title = _selected_texts(mapped, event.selection)
    _texts(store, project, run, mapped, places, title)


def _selected_texts(mapped: Mapped, selection: Any) -> tuple[np.ndarray, str]:
    """Positions on the map and what they are: those marked, or the most typical of a region."""
    inside = marked(mapped, selection)
    options = [*([MARKED] if inside is not None else []), *cartography.REGIONS]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        region = st.segmented_control(
            "Texts",
            options,
            default=options[0],
            required=True,
            # Another widget once something is marked, so that it shows what was marked.
            key=f"results_region_{len(options)}",
            persist_state="session",
            help="Where a student stays far from the label (hard to learn) it is often wrong; what "
            "it wavers on (ambiguous) often teaches it most.",
        )
        most = len(mapped.rows)
        number = 100
        if region != MARKED:
            number = st.number_input(
                "How many",
                1,
                most,
                min(100, most),
                key=f"results_region_many_{most}",
                persist_state="session",
                width=150,
                help="The most typical first.",
            )
    if region == MARKED and inside is not None:
        return inside[np.argsort(mapped.map.confidence[inside], kind="stable")], MARKED
    region_name = str(region)
    return cartography.ranked(mapped.map, region_name)[: int(number)], region_name


def marked(mapped: Mapped, selection: Any) -> np.ndarray | None:
    """Positions, of all texts, inside the boxes and lassos of a chart; None without any."""
    x, y = mapped.map.variability, mapped.map.confidence
    inside = np.zeros(len(x), dtype=bool)
    shapes = [*selection.get("box", []), *selection.get("lasso", [])]
    for shape in shapes:
        xs, ys = np.asarray(shape["x"], np.float64), np.asarray(shape["y"], np.float64)
        if len(xs) == 2:
            inside |= (x >= xs.min()) & (x <= xs.max()) & (y >= ys.min()) & (y <= ys.max())
        else:
            inside |= even_odd(x, y, np.column_stack([xs, ys]))
    return np.flatnonzero(inside) if shapes else None


def _right(store: Store, project: Project, run: Run, mapped: Mapped, places: np.ndarray) -> str:
    """How many of these labels are right, and of the whole map, where gold is known."""
    gold = run_reads.gold(store, project, run)[mapped.rows]
    shares = []
    for part in (places, np.arange(len(gold))):
        with_gold = part[gold[part] >= 0]
        if not len(with_gold):
            return "How many of these labels are right nobody knows: they have no gold."
        shares.append((float((gold[with_gold] == mapped.label[with_gold]).mean()), len(with_gold)))
    (mine, known_here), (whole, _) = shares
    return (
        f"By gold, {share(mine)} of these labels are right ({counted(known_here, 'text')} with "
        f"gold), and {share(whole)} of all on the map."
    )


def _texts(
    store: Store, project: Project, run: Run, mapped: Mapped, places: np.ndarray, title: str
) -> None:
    """These texts with their three numbers, and a way to Curate."""
    names = np.array(run.class_names, dtype=object)
    rows = mapped.rows[places]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{counted(len(rows), 'text')} {title}**", width="stretch")
        if st.button(
            "Open them on Curate",
            icon=":material/scatter_plot:",
            key="results_map_curate",
            disabled=not len(rows),
        ):
            open_on_curate(project, run, title, rows)
    if not len(rows):
        st.caption("No text lies there.")
        return
    st.caption(_right(store, project, run, mapped, places))
    if len(rows) > MOST_TEXTS:
        st.caption(f"The first {MOST_TEXTS} are listed; Curate lists them all.")
    listed = places[:MOST_TEXTS]
    here = mapped.rows[listed]
    table = pd.DataFrame(
        {
            "Id": reads.texts(store, project, ["id"])["id"].iloc[here].to_numpy(),
            "Text": reads.texts(store, project, ["text"])["text"].iloc[here].to_numpy(),
            "Label": names[mapped.label[listed]],
            "Mean": 100 * mapped.map.confidence[listed],
            "Deviation": 100 * mapped.map.variability[listed],
            "Correct": 100 * mapped.map.correctness[listed],
        }
    )
    shown_text(
        table,
        "Text",
        TEXT_COLUMNS,
        key=f"results_map_texts_{run.id}_{title}_{len(places)}",
        alt="Texts of the chosen region with their label and the three numbers of the map",
    )
