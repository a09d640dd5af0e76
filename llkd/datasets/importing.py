"""Checked texts into a new project, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.config.labels import MAX_NAME
from llkd.datasets import File, TextSet, hold_out, hub, release
from llkd.datasets.annotations import PeopleLabels
from llkd.datasets.checks.class_names import by_frequency, classes, matched
from llkd.datasets.object_files import FetchedObjects, fetch_objects
from llkd.datasets.people_labels import store_labels
from llkd.datasets.wording import Note, count, quoted
from llkd.errors import DataError, UserError
from llkd.installation import app_folder
from llkd.store import Project, Store
from llkd.store.objects.address import is_object_address

SAMPLE_FOLDER = app_folder() / "sample_data"
SAMPLE_TEXTS = "city_messages.csv"
SAMPLE_GOLD = "city_messages_gold.csv"
SAMPLE_LABELS = "labels.json"


@dataclass(frozen=True)
class Sources:
    """The files of one import, what they are called together, and what to tell about them.

    ``fetched`` keeps files of object storage there until this is let go of.
    """

    files: tuple[File, ...]
    name: str
    warnings: tuple[str, ...] = ()
    fetched: tuple[FetchedObjects, ...] = ()

    def with_notes(self, text_set: TextSet) -> TextSet:
        """The text set with these warnings before its own."""
        return replace(text_set, warnings=(*self.warnings, *text_set.warnings))


def sources_of(named: Sequence[str]) -> Sources:
    """Files, folders, data sets of the hub (``hf:NAME``) and ``s3://…``, by what a person typed.

    The last two are fetched. Raises NotFound or DataError where the hub has no such data set or
    cannot be reached; UserError, NotFound and StoreError of object storage.
    """
    files: list[File] = []
    warnings: list[str] = []
    names: list[str] = []
    objects: list[FetchedObjects] = []
    for source_name in named:
        if is_object_address(source_name):
            objects.append(fetch_objects(source_name))
            files.append(objects[-1].file)
            names.append(objects[-1].name)
        elif hub.is_hub(source_name):
            fetched = hub.fetch(source_name)
            files += fetched.files
            warnings += fetched.warnings
            names.append(
                source_name
                if not Path(hub.parse(source_name).name).is_dir()
                else Path(source_name[3:]).name
            )
        else:
            files.append(File(source_name))
            names.append(Path(source_name).name or Path(source_name).resolve().name)
    return Sources(tuple(files), joined(names), tuple(warnings), tuple(objects))


def joined(names: Sequence[str]) -> str:
    """What several files are called in one line: the first three, and how many more."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Prepared:
    """A text set as it will be stored: ``texts`` with their split, the classes and the report.

    ``people``: labels of people from an annotation tool, by the text's row.
    """

    texts: pd.DataFrame
    label_set: LabelSet | None
    report: dict[str, Any]
    people: PeopleLabels | None = None


def prepare(
    text_set: TextSet,
    *,
    label_set: LabelSet | None = None,
    holdout: float = 0.25,
    seed: int = 0,
) -> Prepared:
    """What :func:`import_texts` would store, and its report; nothing is stored.

    Raises UserError for a share outside 0 to 0.9.
    """
    from llkd.datasets.near_search import NEAR_LATER, with_near

    if not 0.0 <= holdout <= 0.9:
        raise UserError(f"The held-out share is from 0 to 0.9, but it was {holdout}.")
    if text_set.near_later and text_set.labels:  # gold came from elsewhere: now a hold-out needs it
        text_set = with_near(text_set)
    if label_set is None and len(names := classes(text_set.labels)) >= 2:
        refuse_long(text_set)
        label_set = LabelSet.of(names)
    if label_set is None and text_set.people is not None:
        names = classes(by_frequency(text_set.people.label))
        label_set = LabelSet.of(names) if len(names) >= 2 else None
    warnings = list(text_set.warnings)
    if text_set.unused_label is not None:
        warnings.append(Note(text_set.unused_label))
    texts = text_set.texts.copy()
    gold = [label if isinstance(label, str) else None for label in texts["gold"]]
    if label_set is not None:
        gold, with_notes = matched(gold, label_set.names)
        warnings += with_notes
    texts["gold"] = pd.Series(gold, dtype=object, index=texts.index)
    split = hold_out(gold, holdout, seed, text_set.groups) if holdout else None
    texts["split"] = "pool" if split is None else split
    held_out = int(np.sum(texts["split"] == "eval"))
    warnings += _split_warnings(text_set, gold, holdout, held_out)
    report: dict[str, Any] = {
        "rows": text_set.rows,
        "kept": text_set.kept_count,
        "dropped": dict(text_set.dropped),
        "labels": list(label_set.names) if label_set else [],
        "warnings": warnings,
        "gold": sum(label is not None for label in gold),
        "held_out": held_out,
        # Texts that are added later are held out at the same share.
        "holdout": holdout if any(label is not None for label in gold) else None,
        "near_duplicates": None if text_set.near is None else asdict(text_set.near),
        "files": [file.document() for file in text_set.files],
        "statistics": text_set.statistics.document(),
    }
    if text_set.near_later:
        report[NEAR_LATER] = True
    return Prepared(texts, label_set, report, text_set.people if label_set else None)


def refuse_long(text_set: TextSet) -> None:
    """Raise DataError for labels that are too long to be classes: often another column's texts."""
    long = {label for label in text_set.labels if len(label) > MAX_NAME}
    if not long:
        return
    rows = text_set.texts[text_set.texts["gold"].isin(long)]
    example, ident = str(rows["gold"].iloc[0]), str(rows["id"].iloc[0])
    others = f", and {count(len(long) - 1, 'other')} as long" if len(long) > 1 else ""
    column = f" {quoted(text_set.label_column)}" if text_set.label_column else ""
    raise DataError(
        f"The label column{column} holds a class name of {len(example):,} characters, "
        f"{quoted(example, 40)} (the text with the id {quoted(ident)}){others}; at most "
        f"{MAX_NAME} are possible. Shorten it in the file, or choose another label column."
    )


def _split_warnings(
    text_set: TextSet, gold: Sequence[str | None], holdout: float, held_out: int
) -> list[str]:
    """About texts that could not be held out because their like would have stayed in the pool."""
    if not holdout or text_set.groups is None or not any(gold):
        return []
    wished = int(np.sum(hold_out(gold, holdout) == "eval"))
    if held_out >= wished:
        return []
    held = f"{count(held_out, 'text')} {'is' if held_out == 1 else 'are'} held out"
    return [
        f"{held} and not {wished:,}: repeated and nearly repeated texts stay together, so that no "
        "held-out text has its like in the pool."
    ]


def import_texts(
    store: Store,
    name: str,
    text_set: TextSet,
    *,
    source: str,
    label_set: LabelSet | None = None,
    holdout: float = 0.25,
    seed: int = 0,
) -> Project:
    """Store ``text_set`` as project ``name``; gold texts are held out at the share ``holdout``.

    Without ``label_set`` the classes are the gold labels found, where there are at least two.
    A held-out text is labelled by the teacher and evaluated on, never trained on; texts that repeat
    or nearly repeat each other land on the same side. Raises UserError for a name in use or a share
    outside 0 to 0.9, StoreError when the disk is full; then nothing is changed.
    """
    prepared = prepare(text_set, label_set=label_set, holdout=holdout, seed=seed)
    return store_prepared(store, name, prepared, source=source)


def store_prepared(store: Store, name: str, prepared: Prepared, *, source: str) -> Project:
    """Store what :func:`prepare` made as project ``name``; raises as :func:`import_texts`."""
    project = store.projects.create(
        name,
        prepared.texts,
        source=source,
        report=prepared.report,
        label_set=prepared.label_set,
        between=release,
    )
    store.events.record(project.id, "import", {"source": source, **prepared.report})
    if prepared.people is not None:
        store_labels(store, project, prepared.people, prepared.people.position)
    return project


def sample_label_set() -> LabelSet:
    """The classes of the sample, with what each means."""
    import json

    from llkd.config import build

    content = (SAMPLE_FOLDER / SAMPLE_LABELS).read_text(encoding="utf-8")
    return build(LabelSet, labels=json.loads(content))


def sample_texts() -> TextSet:
    """The sample's texts, with gold from a second file for evaluation."""
    from llkd.datasets import read_texts, with_gold

    texts = read_texts(SAMPLE_FOLDER / SAMPLE_TEXTS, text_column="text", id_column="id")
    return with_gold(texts, SAMPLE_FOLDER / SAMPLE_GOLD, id_column="id", label_column="label")


def import_sample(store: Store, name: str) -> Project:
    """The sample as a project."""
    return import_texts(
        store, name, sample_texts(), source=SAMPLE_TEXTS, label_set=sample_label_set()
    )
