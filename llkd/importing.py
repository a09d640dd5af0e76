"""Checked texts into a new project, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import LabelSet
from llkd.datasets import TextSet, hold_out
from llkd.errors import UserError
from llkd.store import Project, Store

SAMPLE_FOLDER = Path(__file__).resolve().parents[1] / "sample_data"
SAMPLE_TEXTS = "city_messages.csv"
SAMPLE_GOLD = "city_messages_gold.csv"
SAMPLE_LABELS = "labels.json"


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
    A held-out text is labelled by the teacher and evaluated on, never trained on.
    Raises UserError for a name in use or a share outside 0 to 0.9.
    """
    if not 0.0 <= holdout <= 0.9:
        raise UserError(f"The held-out share is from 0 to 0.9, but it was {holdout}.")
    if label_set is None and len(text_set.labels) >= 2:
        label_set = LabelSet.of(list(text_set.labels))
    warnings = list(text_set.warnings)
    texts = text_set.texts.copy()
    gold = texts["gold"].astype(object).where(texts["gold"].notna(), None)
    if label_set is not None:
        known = gold.isin(label_set.names)
        strange = sorted({str(value) for value in gold[~known].dropna()})
        if strange:
            shown = ", ".join(strange[:5]) + (", …" if len(strange) > 5 else "")
            warnings.append(
                f"{int((~known & gold.notna()).sum())} gold labels are none of the classes and "
                f"are not used: {shown}."
            )
            gold = gold.where(known, None)
    texts["gold"] = gold
    texts["split"] = hold_out(gold.tolist(), holdout, seed) if holdout else "pool"
    report: dict[str, Any] = {
        "rows": text_set.rows,
        "kept": text_set.kept,
        "dropped": dict(text_set.dropped),
        "labels": list(label_set.names) if label_set else [],
        "warnings": warnings,
        "gold": int(gold.notna().sum()),
        "held_out": int(np.sum(texts["split"] == "eval")),
    }
    project = store.projects.create(name, texts, source=source, report=report, label_set=label_set)
    store.people.record(project.id, "import", {"source": source, **report})
    return project


def sample_label_set() -> LabelSet:
    """The classes of the sample, with what each means."""
    import json

    from llkd.config import build

    content = (SAMPLE_FOLDER / SAMPLE_LABELS).read_text(encoding="utf-8")
    return build(LabelSet, labels=json.loads(content))


def import_sample(store: Store, name: str) -> Project:
    """The sample as a project: unlabeled texts, with gold from a second file for evaluation."""
    from llkd.datasets import read_texts, with_gold

    texts = read_texts(SAMPLE_FOLDER / SAMPLE_TEXTS, text_column="text", id_column="id")
    texts = with_gold(texts, SAMPLE_FOLDER / SAMPLE_GOLD, id_column="id", label_column="label")
    return import_texts(store, name, texts, source=SAMPLE_TEXTS, label_set=sample_label_set())
