"""The nearest labelled texts of every labelled text: what refined labels are made with.

Texts of the pool vote, held-out ones only ask: each then stands to those that vote as a new text
would. The search depends on which texts have a label and on the embeddings in use, never on what
the labels are, so every teacher that labelled the same texts shares it. It is kept in the store;
small ones are made when they are read, large ones in a job (``embedding.pool``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from llkd.curation.embeddings import embedded_texts, embeddings_key
from llkd.curation.knn import nearest_voters, voting_groups
from llkd.curation.refinement.formula import NEIGHBOURS, neighbours_for, refined_logits
from llkd.datasets.checks.near_duplicates import near_groups
from llkd.jobs.progress import Progress, SilentProgress
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.store.derived.embeddings import (
    embeddings_end,
    embeddings_name,
    embeddings_student,
    embeddings_sum,
    read_rows,
)
from llkd.store.derived.nearest_texts import LABELS, LabelSearch
from llkd.store.files.score_files import usable

AT_ONCE = 5_000
"""For up to so many texts the search is made when labels are read: a second or two."""
_VERSION = 1
_CHUNK = 4096


def labelled_rows(evidence: Scores) -> Ints:
    """The rows whose answer is a label, sorted: those that ask, and of the pool those that vote."""
    return np.asarray(evidence.row[usable(evidence.scores, evidence.answer)], dtype=np.int64)


def search_of(store: Store, project: Project, rows: Ints) -> LabelSearch | None:
    """The search for these labelled rows: a kept one, or a small one made now.

    None where it takes a job: there are no embeddings yet, or too many texts.
    """
    path = store.embeddings.newest(project.id)
    if path is None:
        return None
    kept_search = store.nearest_texts.label_search(project.id, _key(store, project, path, rows))
    if kept_search is not None or len(rows) > AT_ONCE:
        return kept_search
    return make_search(store, project, rows)


def has_search(store: Store, labeling_run: LabelingRun) -> bool:
    """Whether this pass's labels can be refined at once, without a job."""
    path = store.embeddings.newest(labeling_run.project_id)
    if path is None:
        return False
    project = store.projects.by_id(labeling_run.project_id)
    rows = labelled_rows(store.labeling_runs.scores(labeling_run))
    key = _key(store, project, path, rows)
    return len(rows) <= AT_ONCE or store.nearest_texts.holds(project.id, key)


def neighbours_of(
    store: Store,
    labeling_run: LabelingRun,
    evidence: Scores,
    calibration: str,
    search: str | None = None,
) -> LabelSearch | None:
    """The search that labels are refined by under this calibration, or the kept one of that key.

    None where they are not refined, or where it is not there.
    """
    if not signals.is_refined(calibration) or not len(evidence.row):
        return None
    if search is not None:
        return store.nearest_texts.label_search(labeling_run.project_id, search)
    project = store.projects.by_id(labeling_run.project_id)
    return search_of(store, project, labelled_rows(evidence))


def refined_scores(evidence: Scores, probabilities: Floats, search: LabelSearch) -> Floats:
    """Refined logits ``[m, C]`` of the rows of ``evidence``; those not in the search stay."""
    both = np.isin(search.rows, evidence.row)
    place = np.searchsorted(evidence.row, search.rows[both])
    stated = signals.pseudo_label(probabilities[place])
    label = np.where(stated < 0, evidence.answer[place], stated)
    logits = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    count = neighbours_used(search, probabilities.shape[1])
    if count:
        nearest = search.nearest[both, :count]
        logits[place] = refined_logits(probabilities[place], label, nearest, search.voter[both])
    return logits


def neighbours_used(search: LabelSearch, classes: int) -> int:
    """How many of a search's neighbours are asked where there are so many classes; 0: none."""
    voters = int(search.voter.max(initial=-1)) + 1
    return min(neighbours_for(voters, classes), search.nearest.shape[1])


def make_search(
    store: Store,
    project: Project,
    rows: Ints,
    job: Progress | None = None,
    embeddings: Path | None = None,
) -> LabelSearch | None:
    """Look for the nearest texts of these labelled rows and keep the search.

    By ``embeddings``, by default those in use. None where there are no embeddings of the project's
    texts. Raises JobCancelled when asked to.
    """
    job = job or SilentProgress()
    path = embeddings or store.embeddings.newest(project.id)
    known = project.holding(rows)
    if path is None or embedded_texts(project, path) < max(1, known.rows):
        return None
    # Of the texts of that time: embeddings of texts that are added later change nothing here.
    digest = embeddings_sum(path, job.check, known.rows)
    key = _key(store, project, path, rows)
    began = time.monotonic()
    texts = store.projects.texts(project, ["text", "split"])
    words = texts["text"].to_numpy()[rows]
    job.progress(0, None, "Looking for near-duplicates", always=True)
    group = near_groups(
        _chunks(words, job), len(rows), lambda wanted: [str(text) for text in words[wanted]]
    )
    pool = (texts["split"] == "pool").to_numpy()[rows]
    voter, own = voting_groups(np.where(pool, 0, -1), group)
    points = read_rows(path, rows)
    job.progress(0, None, "Comparing each text with those most like it", always=True)
    nearest = nearest_voters(points, voter, own, NEIGHBOURS, job.check)
    search = LabelSearch(key, rows, nearest, voter, digest, embeddings_student(path))
    store.nearest_texts.write_label_search(project.id, search, time.monotonic() - began)
    return search


def _key(store: Store, project: Project, embeddings: Path, rows: Ints) -> str:
    """What a search depends on: texts, hold-out, embeddings, rows and method.

    The texts are those of the time when the last of the rows came, and embeddings of texts that
    were added later make no other search of it.
    """
    known = project.holding(rows)
    student, end = embeddings_student(embeddings), embeddings_end(embeddings, known.rows)
    name, stem = embeddings_name(embeddings), embeddings.stem
    if name is not None:
        stem = embeddings_key({"student": name}, known)
    facts = f"{_VERSION} {NEIGHBOURS} {known.digest} {stem} {student} {end}"
    split = store.projects.texts(project, ["split"])["split"]
    voting = np.packbits((split == "pool").to_numpy()[rows]).tobytes()
    digest = hashlib.sha256(facts.encode() + rows.astype(np.int64).tobytes() + voting)
    return f"{LABELS}{digest.hexdigest()[:16]}"


def _chunks(texts: np.ndarray, job: Progress) -> Iterator[list[str]]:
    for start in range(0, len(texts), _CHUNK):
        job.check()
        yield [str(text) for text in texts[start : start + _CHUNK]]
