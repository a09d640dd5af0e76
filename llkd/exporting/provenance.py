"""What a curated set was made from, as sums: recorded by an export, compared by a rebuild."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from llkd import curation, exporting
from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.exporting.manifest_document import (
    EditFacts,
    Inputs,
    NeedFacts,
    RefinementFacts,
    ScoreFacts,
)
from llkd.store import LabelingRun, Project, Run, Scores, Store
from llkd.store.files.run_files import number_of
from llkd.store.files.score_files import usable

LISTED_EDITS = 1000
"""More edits than these are counted and summed up, not listed."""


def inputs(
    store: Store,
    plane: curation.Plane,
    scores: Scores,
    run: Run | None,
    times: pd.Series | None,
    moment: float,
) -> Inputs:
    """The sums of everything that decides the rows, for the manifest.

    ``scores`` as :func:`usable_scores` gives it, ``times`` how often the run trained on each row.
    """
    project = plane.project
    rows = np.zeros(project.rows, dtype=np.bool_)
    rows[scores.row] = True
    return Inputs(
        as_of=moment,
        gold_sha256=gold_sha256(store, project),
        scores=ScoreFacts(texts=len(scores.row), rows=packed(rows), sha256=scores_sha256(scores)),
        bias=plane.bias,
        temperature=plane.temperature,
        information_need=_need(store, plane, run),
        edits=edits(store, project, moment, plane.classes),
        decisions_sha256=None if times is None else times_sha256(times),
        refinement=_refinement(store, plane),
    )


def usable_scores(store: Store, labeling_run: LabelingRun, rows: np.ndarray) -> Scores:
    """The usable answers of the teacher about these rows (sorted), as they lie in the store.

    A usable answer is never replaced, so labelling that goes on changes nothing here.
    """
    scores = store.labeling_runs.scores(labeling_run)
    wanted = np.isin(scores.row, rows) & usable(scores.scores, scores.answer)
    parts = (scores.row, scores.scores, scores.answer, scores.source, scores.raw)
    return Scores(*(part[wanted] for part in (*parts, scores.disagreement)))


def scores_sha256(scores: Scores) -> str:
    """Over rows, scores, classes named outright and where each confidence comes from."""
    total = hashlib.sha256()
    total.update(scores.row.astype("<i8").tobytes())
    total.update(np.nan_to_num(scores.scores, nan=-1e30).astype("<f4").tobytes())
    total.update(scores.answer.astype("<i8").tobytes())
    _add_words(total, scores.source)
    return total.hexdigest()


def gold_sha256(store: Store, project: Project) -> str:
    """Over gold labels and which texts are held out."""
    texts = store.projects.texts(project, ["gold", "split"])
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


def edits(store: Store, project: Project, moment: float, classes: LabelSet) -> EditFacts:
    """People's labels and exclusions that stood at that moment: how many, their sum, and each.

    Listed under the names that ``classes`` have; the sum is over their keys, which never change.
    """
    places, names = classes.places, classes.names
    entries = store.decisions.edits(project.id, moment)
    ids = store.projects.texts(project, ["id"])["id"] if entries else None
    listed = [
        {
            "id": str(ids.iloc[entry["row"]]),
            "action": entry["action"],
            "label": names[places[entry["label"]]] if entry["label"] in places else entry["label"],
            "who": entry["who"],
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["created"])),
        }
        for entry in entries[:LISTED_EDITS]
        if ids is not None
    ]
    return EditFacts(
        count=len(entries),
        sha256=edits_sha256(entries),
        listed=listed if len(entries) <= LISTED_EDITS else None,
    )


def edits_sha256(entries: Sequence[Mapping[str, Any]]) -> str:
    """Over row, action, label, who and when of each, in the order they were made."""
    total = hashlib.sha256()
    for entry in entries:
        values = [entry[key] for key in ("row", "action", "label", "who", "created")]
        total.update((json.dumps(values) + "\n").encode())
    return total.hexdigest()


def _need(store: Store, plane: curation.Plane, run: Run | None) -> NeedFacts:
    """Where information need comes from, and the sum of its file.

    A probe's file goes when more texts are labelled, so one that an export rests on is kept aside.
    """
    if plane.need_file is None or plane.student_probabilities is None:
        return NeedFacts(source=plane.need_source, sha256=None, epoch=None)
    try:
        total = exporting.sha256(plane.need_file)
        if run is None:
            store.probes.keep(plane.project.id, total, plane.need_file)
    except FileNotFoundError:
        raise UserError(
            "The labels changed while they were exported, and information need with them. "
            "Export again in a moment."
        ) from None
    epoch = None if run is None else number_of(plane.need_file)
    return NeedFacts(source=plane.need_source, sha256=total, epoch=epoch)


def _refinement(store: Store, plane: curation.Plane) -> RefinementFacts | None:
    """How the labels were refined; the search that this rests on is kept for good."""
    if plane.refinement is None:
        return None
    store.nearest_texts.rest_on(plane.project.id, plane.refinement.search)
    total = labels_sha256(plane.labeling_run, plane.frame["row"].to_numpy(), plane.probabilities)
    return RefinementFacts(**plane.refinement.document(), labels_sha256=total)


def labels_sha256(labeling_run: LabelingRun, rows: np.ndarray, probabilities: np.ndarray) -> str:
    """Over the rows that have probabilities, and these to six decimals, as exported rows have them.

    Of ``probabilities [m, C]`` those of the classes that the teacher was asked about count.
    """
    probabilities = probabilities[:, : labeling_run.width]
    labelled = np.isfinite(probabilities).all(axis=1)
    total = hashlib.sha256(rows[labelled].astype("<i8").tobytes())
    total.update((np.round(probabilities[labelled], 6) + 0.0).astype("<f8").tobytes())
    return total.hexdigest()


def refined_otherwise(
    recorded: RefinementFacts, labels: curation.TeacherLabels, rows: np.ndarray
) -> list[str]:
    """Why the refined labels of ``rows`` are not those recorded; nothing where they are."""
    then = np.isin(labels.row, rows)
    kept_sum = labels_sha256(labels.labeling_run, labels.row[then], labels.probabilities[then])
    if kept_sum == recorded.labels_sha256:
        return []
    now = labels.refinement
    same = now is not None and now.embeddings_sha256 == recorded.embeddings_sha256
    reason = (
        "the search for the nearest texts came out otherwise when it was made again"
        if same
        else "the embeddings of the texts are others now"
    )
    return [f"The refined labels are not what they were: {reason}."]


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
        raise ValueError(f"{len(bits)} rows are recorded, and there are {count}")
    return bits[:count].astype(np.bool_)
