"""What a curated set was made from, as sums: recorded by an export, compared by a rebuild."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import curation, exporting
from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.store import Labelling, Project, Run, Scores, Store
from llkd.store.home import atomic_file
from llkd.store.labellings import usable

LISTED_EDITS = 1000
"""More edits than these are counted and summed up, not listed."""


def inputs(
    store: Store,
    plane: curation.Plane,
    evidence: Scores,
    run: Run | None,
    times: pd.Series | None,
    at: float,
) -> dict[str, Any]:
    """The sums of everything that decides the rows, for the manifest.

    ``evidence`` as :func:`evidence_of` gives it, ``times`` how often the run trained on each row.
    """
    project = plane.project
    rows = np.zeros(project.rows, dtype=np.bool_)
    rows[evidence.row] = True
    return {
        "as_of": at,
        "gold_sha256": gold_sha256(store, project),
        "scores": {
            "texts": len(evidence.row),
            "rows": packed(rows),
            "sha256": scores_sha256(evidence),
        },
        "bias": list(plane.bias),
        "temperature": plane.temperature,
        "information_need": _need(store, plane, run),
        "edits": edits(store, project, at, plane.classes),
        "decisions_sha256": None if times is None else times_sha256(times),
    }


def evidence_of(store: Store, labelling: Labelling, rows: np.ndarray) -> Scores:
    """The usable answers of the teacher about these rows (sorted), as they lie in the store.

    A usable answer is never replaced, so labelling that goes on changes nothing here.
    """
    found = store.labellings.scores(labelling)
    chosen = np.isin(found.row, rows) & usable(found.scores, found.answer)
    parts = (found.row, found.scores, found.answer, found.source, found.raw)
    return Scores(*(part[chosen] for part in parts))


def scores_sha256(evidence: Scores) -> str:
    """Over rows, scores, classes named outright and where each confidence comes from."""
    total = hashlib.sha256()
    total.update(evidence.row.astype("<i8").tobytes())
    total.update(np.nan_to_num(evidence.scores, nan=-1e30).astype("<f4").tobytes())
    total.update(evidence.answer.astype("<i8").tobytes())
    _add_words(total, evidence.source)
    return total.hexdigest()


def gold_sha256(store: Store, project: Project) -> str:
    """Over gold labels and which texts are held out."""
    texts = store.projects.texts(project.id, ["gold", "split"])
    total = hashlib.sha256()
    for name in ("gold", "split"):
        _add_words(total, texts[name])
    return total.hexdigest()


def times_sha256(times: pd.Series) -> str:
    """Over the rows that a run trained on and how often."""
    ordered = times.sort_index()
    total = hashlib.sha256(ordered.index.to_numpy(dtype="<i8").tobytes())
    total.update(ordered.to_numpy(dtype="<i8").tobytes())
    return total.hexdigest()


def _add_words(total: Any, values: Any) -> None:
    codes, words = pd.factorize(pd.Series(values), use_na_sentinel=True)
    total.update(codes.astype("<i8").tobytes())
    total.update(json.dumps([str(word) for word in words]).encode())


def edits(store: Store, project: Project, at: float, classes: LabelSet) -> dict[str, Any]:
    """People's labels and exclusions that stood at that moment: how many, their sum, and each.

    Listed under the names that ``classes`` have; the sum is over their keys, which never change.
    """
    places, names = classes.places, classes.names
    found = store.people.edits(project.id, at)
    ids = store.projects.texts(project.id, ["id"])["id"] if found else None
    listed = [
        {
            "id": str(ids.iloc[one["row"]]),
            "action": one["action"],
            "label": names[places[one["label"]]] if one["label"] in places else one["label"],
            "who": one["who"],
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one["created"])),
        }
        for one in found[:LISTED_EDITS]
        if ids is not None
    ]
    return {
        "count": len(found),
        "sha256": edits_sha256(found),
        "listed": listed if len(found) <= LISTED_EDITS else None,
    }


def edits_sha256(found: Sequence[Mapping[str, Any]]) -> str:
    """Over row, action, label, who and when of each, in the order they were made."""
    total = hashlib.sha256()
    for one in found:
        values = [one[key] for key in ("row", "action", "label", "who", "created")]
        total.update((json.dumps(values) + "\n").encode())
    return total.hexdigest()


def _need(store: Store, plane: curation.Plane, run: Run | None) -> dict[str, Any]:
    """Where information need comes from, and the sum of its file.

    A probe's file goes when more texts are labelled, so one that an export rests on is kept aside.
    """
    told: dict[str, Any] = {"source": plane.need_source, "sha256": None, "epoch": None}
    if plane.need_file is None or plane.student_probabilities is None:
        return told
    try:
        told["sha256"] = exporting.sha256(plane.need_file)
        if run is not None:
            told["epoch"] = int(plane.need_file.stem.rpartition("-")[2])
            return told
        kept = kept_signals(store, plane.project, told["sha256"])
        if not kept.exists():
            with atomic_file(kept) as temporary:
                temporary.write_bytes(plane.need_file.read_bytes())
    except FileNotFoundError:
        raise UserError(
            "The labels changed while they were exported, and information need with them. "
            "Export again in a moment."
        ) from None
    return told


def kept_signals(store: Store, project: Project, total: str) -> Path:
    """Where a probe's signals that an export rests on are kept, by their sum."""
    return store.runs.probe_file(project.id, f"kept-{total}")


def packed(rows: np.ndarray) -> str:
    """Which rows of all (a mask) in few letters: bits, compressed, in base64."""
    return base64.b64encode(zlib.compress(np.packbits(rows).tobytes(), 9)).decode()


def unpacked(letters: str, count: int) -> np.ndarray:
    """The mask ``[count]`` of :func:`packed`. Raises ValueError for letters that are none."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(letters, validate=True), count // 8 + 2)
    except zlib.error as error:
        raise ValueError(f"the rows cannot be unpacked ({error})") from None
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    if not count <= len(bits) < count + 8:
        raise ValueError(f"{len(bits)} rows are told of, and there are {count}")
    return bits[:count].astype(np.bool_)
