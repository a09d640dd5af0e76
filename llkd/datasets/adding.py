"""Checked texts behind those of a project, all or nothing: what is new of them, and how it stands.

No row, id, gold or split that is there changes. New texts that repeat one that is there are left
out unless they are to be kept; the others are held out, or not, by a hash of their own words at the
project's own share, and never stand on another side than a text that they nearly repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.datasets import Reading, TextSet, release
from llkd.datasets.checks.class_names import classes, matched
from llkd.datasets.checks.known_texts import (
    Likeness,
    equal_rows,
    free_ids,
    likeness,
    split_by_hash,
)
from llkd.datasets.checks.statistics import measure
from llkd.datasets.importing import refuse_long
from llkd.datasets.limits import MAX_ROWS
from llkd.datasets.wording import Note, count
from llkd.errors import DataError
from llkd.store import Project, Store

USUAL_SHARE = 0.25
"""Of the texts with gold that is held out, where a project had none to hold out before."""


@dataclass(frozen=True)
class PreparedAddition:
    """Texts as they will be added to ``project``, with id and split, and what was found.

    ``label_set`` are classes for a project that has none yet. ``report`` has the entries of an
    import's, for these texts: ``rows`` read, ``kept`` (that will be added), ``dropped`` by reason
    (``known``: the text is there already, ``near_known``: almost), ``gold``, ``held_out``.
    """

    project: Project
    texts: pd.DataFrame
    label_set: LabelSet | None
    report: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """As the command line and the Python API tell it."""
        return {
            "project": self.project.name,
            "added": len(self.texts),
            "texts": self.project.rows + len(self.texts),
            "known": int(self.report["dropped"].get("known", 0)),
            "first_row": self.project.rows,
            **self.report,
        }


def share_held_out(project: Project) -> float:
    """The share of texts with gold that a project holds out: as it was imported with."""
    stored = project.report.get("holdout")
    if stored is not None:
        return float(stored)
    gold = int(project.report.get("gold") or 0)
    return int(project.report.get("held_out") or 0) / gold if gold else USUAL_SHARE


def prepare_addition(
    store: Store, project: Project, text_set: TextSet, reading: Reading | None = None
) -> PreparedAddition:
    """What :func:`add_texts` would store, and its report; nothing is stored.

    ``reading`` says what becomes of repeats and near-duplicates of texts that are there, as it does
    of those among the new ones. Raises DataError where the project would have too many texts.
    """
    reading = reading or Reading()
    known = store.projects.texts(project, ["id", "text", "gold", "split"])
    new_texts = [str(text) for text in text_set.texts["text"]]
    dropped = dict(text_set.dropped)
    warnings = list(text_set.warnings)
    if text_set.unused_label is not None:
        warnings.append(Note(text_set.unused_label))
    if text_set.people is not None:
        warnings.append(
            Note(
                "Labels of people in an annotation tool are not added with texts. Afterwards: llkd "
                "annotations PROJECT FILE"
            )
        )
    label_set, gold, gold_warnings = _classes_and_gold(project, text_set)
    warnings += gold_warnings

    same = equal_rows(new_texts, known["text"])
    warnings += _gold_of_repeats(same, gold, known["gold"], reading.keep_duplicates)
    keep = (same < 0) | reading.keep_duplicates
    dropped["known"] = int((~keep).sum())
    like = _likeness(new_texts, keep, same, known, reading)
    if reading.near == "drop":
        gone = keep & like.any & (same < 0)
        dropped["near_known"] = int(gone.sum())
        keep &= ~gone
    elif (near := int((like.any & keep & (same < 0)).sum())) > 0:
        warnings.append(Note(_near_sentence(near)))
    places = np.flatnonzero(keep)
    if project.rows + len(places) > MAX_ROWS:
        raise DataError(
            f"With these texts {project.name!r} would have "
            f"{count(project.rows + len(places), 'text')}, and at most {MAX_ROWS:,} are possible. "
            "Add fewer, or make another project of them."
        )
    kept_texts = [new_texts[place] for place in places.tolist()]
    kept_gold = [gold[place] for place in places.tolist()]
    frame = text_set.texts.iloc[places].reset_index(drop=True)
    names = _file_names(text_set, frame)
    ids, id_warnings = free_ids([str(ident) for ident in frame["id"]], known["id"], names)
    groups = _groups(text_set, places)
    like = Likeness(like.pool[places], like.held_out[places])
    split = split_by_hash(kept_texts, kept_gold, groups, like, share_held_out(project))
    frame = frame.assign(
        id=pd.Series(ids, dtype=object),
        gold=pd.Series(kept_gold, dtype=object),
        split=pd.Series(split, dtype=object),
        source=pd.Series(names, dtype=object),
    )
    statistics = text_set.statistics
    if len(places) < len(new_texts):
        statistics = measure(frame["text"] if len(frame) else text_set.texts["text"])
    report: dict[str, Any] = {
        "rows": text_set.rows,
        "kept": len(frame),
        "dropped": {why: number for why, number in dropped.items() if number},
        "labels": list(label_set.names) if label_set else [],
        "warnings": [*warnings, *id_warnings],
        "gold": sum(label is not None for label in kept_gold),
        "held_out": int((split == "eval").sum()),
        "near_duplicates": None if text_set.near is None else asdict(text_set.near),
        "files": [file.document() for file in text_set.files],
        "statistics": statistics.document(),
    }
    return PreparedAddition(project, frame, None if project.label_set else label_set, report)


def add_texts(
    store: Store,
    project: Project,
    text_set: TextSet,
    *,
    source: str,
    reading: Reading | None = None,
) -> Project:
    """Add the texts that are new to a project; the project with them, unchanged without any.

    Raises UserError where a job works on the project or texts were added meanwhile, DataError for
    too many texts, StoreError when the disk is full; then nothing is changed.
    """
    return store_addition(store, prepare_addition(store, project, text_set, reading), source)


def store_addition(store: Store, prepared: PreparedAddition, source: str) -> Project:
    """Store what :func:`prepare_addition` made; raises as :func:`add_texts`."""
    if not len(prepared.texts):
        return prepared.project
    return store.projects.append(
        prepared.project,
        prepared.texts,
        source=source,
        report=prepared.report,
        label_set=prepared.label_set,
        between=release,
    )


def _classes_and_gold(
    project: Project, text_set: TextSet
) -> tuple[LabelSet | None, list[str | None], list[str]]:
    """The classes, the gold labels under their keys, and what to tell."""
    gold = [label if isinstance(label, str) else None for label in text_set.texts["gold"]]
    label_set = project.label_set
    if label_set is None:
        names = classes(text_set.labels)
        if len(names) < 2:
            return None, gold, []
        refuse_long(text_set)
        label_set = LabelSet.of(names)
    matched_gold, warnings = matched(gold, label_set.names, label_set.spellings)
    lost = sum(a is not None and b is None for a, b in zip(gold, matched_gold, strict=True))
    if lost and warnings:
        warnings[-1] += " To use them, add the classes first: llkd classes PROJECT --add NAME"
    keys = dict(zip(label_set.names, label_set.keys, strict=True))
    return label_set, [None if label is None else keys[label] for label in matched_gold], warnings


def _likeness(
    texts: Sequence[str],
    keep: np.ndarray,
    same: np.ndarray,
    known: pd.DataFrame,
    reading: Reading,
) -> Likeness:
    """Which new texts nearly repeat known ones; where nobody is to look, which repeat them."""
    pool, held_out = np.zeros((2, len(texts)), dtype=bool)
    if reading.near != "ignore":
        places = np.flatnonzero(keep)
        like = likeness([texts[place] for place in places.tolist()], known[["text", "split"]])
        pool[places], held_out[places] = like.pool, like.held_out
    of = (known["split"] == "eval").to_numpy()[same]  # of -1 the last, which is left aside below
    held_out |= (same >= 0) & of
    pool |= (same >= 0) & ~of
    return Likeness(pool, held_out)


def _near_sentence(near: int) -> str:
    return (
        f"{count(near, 'new text')} nearly {'repeats' if near == 1 else 'repeat'} a text of the "
        f"project; {'it was' if near == 1 else 'they were'} kept, on its side of the hold-out."
    )


def _gold_of_repeats(
    same: np.ndarray, gold: Sequence[str | None], known_gold: pd.Series, kept_too: bool
) -> list[str]:
    """About repeats of known texts that carry another label than these, or one that they lack."""
    stored = known_gold.to_numpy(dtype=object)
    other = missing = 0
    for place in np.flatnonzero(same >= 0).tolist():
        label, there = gold[place], stored[same[place]]
        if label is not None:
            missing += not isinstance(there, str)
            other += isinstance(there, str) and there != label
    warnings = []
    if other:
        warnings.append(
            f"{count(other, 'text')} that {'is' if other == 1 else 'are'} there already "
            f"{'comes' if other == 1 else 'come'} again with another label; that of before counts."
        )
    if missing and not kept_too:
        warnings.append(
            f"{count(missing, 'text')} that {'is' if missing == 1 else 'are'} there already "
            f"without gold {'comes' if missing == 1 else 'come'} again with a gold label, which is "
            "not taken over: gold of texts that are there does not change."
        )
    return warnings


def _file_names(text_set: TextSet, frame: pd.DataFrame) -> list[str]:
    """The name of the file that each text came from."""
    if "source" in frame.columns:
        return [str(name) for name in frame["source"]]
    name = text_set.files[0].name if text_set.files else "added"
    return [name] * len(frame)


def _groups(text_set: TextSet, places: np.ndarray) -> np.ndarray:
    """For each text at these places the place, among them, of the first of its group."""
    if text_set.groups is None:
        return np.arange(len(places))
    groups = text_set.groups[places]
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()], dtype=np.int64)
