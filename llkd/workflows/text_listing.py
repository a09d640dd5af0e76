"""The texts of a project as a list: filtered, searched, sorted, to be read or written to a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import curation, exporting
from llkd.config.text_view import TextView
from llkd.curation import Plane
from llkd.errors import UserError
from llkd.exporting.tables import table_writer
from llkd.store import Project, Store

AT_ONCE = 20_000
"""Texts that are written at once."""
COLUMNS = (
    "row", "id", "text", "label", "labelled_by", "confidence", "information_need",
    "student_label", "gold", "split", "excluded", "flagged", "length",
)  # fmt: skip


@dataclass(frozen=True)
class TextList:
    """What a view shows: ``positions [m]`` of a plane that holds every text, in their order.

    ``scores [n]``: how near the texts are to the meaning that was asked for; None without one.
    """

    plane: Plane
    positions: np.ndarray
    texts: pd.Series
    authors: np.ndarray
    scores: np.ndarray | None = None

    def frame(self, first: int = 0, most: int | None = None) -> pd.DataFrame:
        """The texts from ``first`` on, ``most`` of them (all), one line each, under COLUMNS."""
        stop = None if most is None else first + most
        places = self.positions[first:stop]
        part = self.plane.frame.iloc[places]
        rows = part["row"].to_numpy()
        names = np.array([*self.plane.names, None], dtype=object)
        text = self.texts.iloc[rows]
        nearness = {} if self.scores is None else {"nearness": self.scores[places]}
        frame = pd.DataFrame(
            {
                "row": rows,
                "id": part["id"].to_numpy(),
                "text": text.to_numpy(dtype=object),
                "label": names[part["label"].to_numpy()],
                "labelled_by": [self._author(place) for place in places],
                "confidence": part["confidence"].to_numpy(np.float64),
                "information_need": part["information_need"].to_numpy(np.float64),
                "student_label": names[part["student_label"].to_numpy()],
                "gold": names[part["gold"].to_numpy()],
                "split": part["split"].to_numpy(dtype=object),
                "excluded": part["excluded"].to_numpy(bool),
                "flagged": part["flagged"].to_numpy(bool),
                "length": text.str.len().fillna(0).to_numpy(np.int64),
            },
            columns=list(COLUMNS),
        )
        return frame.assign(**nearness)

    def _author(self, place: int) -> str | None:
        """The teacher, or a person's name."""
        author = str(self.authors[place])
        return None if author == "nobody" else author.removeprefix("@")


def list_texts(store: Store, project: Project, view: TextView) -> TextList:
    """The texts that a view shows, held-out ones among them unless it filters by split.

    Raises UserError before the first teacher label, and for an order that only Curate has.
    """
    if view.order == "why":
        raise UserError("Why a text is kept depends on thresholds: sort by it on Curate.")
    plane = curation.load_plane(store, project, held_out=True)
    columns = store.projects.texts(project, ["text", "split"])
    texts = columns["text"]
    plane.frame["split"] = columns["split"]
    mask = curation.filtered_rows(store, plane, view.filters, texts)
    places = np.flatnonzero(mask)
    query = curation.word_query(view.words)
    places = places[curation.matching(texts.iloc[places], query)]
    scores = None
    if view.meaning.strip():
        from llkd.embedding.queries import nearest_in_meaning

        scores = nearest_in_meaning(store, project, view.meaning)
        mask = np.zeros(len(mask), dtype=bool)
        mask[places] = True
        places = curation.nearest_places(scores, mask)
    if scores is not None and view.order in ("row", "meaning"):
        places = curation.in_order(places, scores[places], not view.descending)
    elif view.order not in ("row", "meaning"):
        values = curation.sort_values(store, plane, places, texts, view.order)
        places = curation.in_order(places, values, view.descending)
    elif view.descending:
        places = places[::-1]
    return TextList(plane, places, texts, curation.authors(store, plane), scores)


def list_document(
    store: Store, project: Project, view: TextView, limit: int, out: str | None = None
) -> dict[str, Any]:
    """The first ``limit`` texts of a view and how many there are; all of them written to ``out``.

    Raises UserError for an ending that no table has.
    """
    path = None if out is None else Path(out).expanduser().resolve()
    if path is not None and path.suffix.lower() not in exporting.ENDINGS:
        raise UserError(
            f"The ending of --out says its format: {', '.join(exporting.ENDINGS)}; it was "
            f"{path.name!r}."
        )
    texts = list_texts(store, project, view)
    document: dict[str, Any] = {
        "project": project.name,
        "texts": project.rows,
        "matches": len(texts.positions),
        "filters": curation.filter_sentence(project, texts.plane.classes, view.filters),
        "words": view.words,
        "like": view.meaning,
    }
    if path is not None:
        _write(texts, path)
        return {**document, "out": str(path)}
    listed = texts.frame(0, limit).astype(object)
    return {**document, "listed": listed.where(listed.notna(), None).to_dict("records")}


def _write(texts: TextList, path: Path) -> None:
    with table_writer(path) as write:
        for first in range(0, max(1, len(texts.positions)), AT_ONCE):
            frame = texts.frame(first, AT_ONCE)
            numbers = [name for name in _NUMBERS if name in frame]
            marks = {name: frame[name].map({True: "yes", False: "no"}) for name in _MARKS}
            write(frame.assign(**marks).astype(dict.fromkeys(numbers, np.float64)))


_MARKS = ("excluded", "flagged")
_NUMBERS = ("row", "confidence", "information_need", "length", "nearness")
