"""The second axis before the first training: embed all texts once, then fit the probe."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from llkd import curation
from llkd.errors import UserError
from llkd.jobs.progress import Progress
from llkd.models.sources import student_digest
from llkd.selection import signals
from llkd.store import LabelingRun, Project, Store
from llkd.store.derived.embeddings import (
    embedding_seconds,
    made_by,
    read_embeddings,
    save_embeddings,
)

PART_ROWS = 4096


def embed_and_probe(
    store: Store,
    project: Project,
    job: Progress,
    *,
    student: str = "embedded",
) -> dict[str, Any]:
    """Embed every text with the untrained student, then fit the probe to the current labels.

    Embeddings are kept in parts as they come, so a stopped job goes on from the last part.
    """
    began = time.monotonic()
    labeling_run = curation.active_labeling_run(store, project)
    values = kept_embeddings(store, project, student, job)
    refinable(store, project, labeling_run, labeling_run.calibration, job)
    labels = curation.teacher_labels(store, labeling_run)
    job.progress(project.rows, project.rows, "Fitting the probe", always=True)
    if curation.probe_signals(store, project, labels) is None:
        raise UserError(
            "The probe needs teacher labels of at least two classes. Label more texts, or look at "
            "the class names: the teacher gave all texts the same one."
        )
    return {
        "project": project.name,
        "rows": len(labels.row),
        "dimensions": int(values.shape[1]),
        "seconds": round(time.monotonic() - began, 2),
    }


def refinable(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    calibration: str,
    job: Progress,
    student: str = "embedded",
) -> None:
    """See to it that labels under ``calibration`` can be refined, where it refines them.

    What is missing is made: embeddings by ``student`` where there are none, and the search for the
    nearest labelled texts. Raises JobCancelled when asked to.
    """
    if not signals.is_refined(calibration):
        return
    rows = curation.labelled_rows(store.labeling_runs.scores(labeling_run))
    in_use = curation.newest_embeddings(store, project)
    if in_use is None:
        embed_texts(store, project, student, job)
    elif curation.embedded_texts(project, in_use) < project.holding(rows).rows:
        # Of labels of texts that were added since: by the student that made the others.
        embed_texts(store, project, curation.student_in_use(store, project) or student, job)
    if len(rows) and not curation.has_search(store, labeling_run):
        curation.make_search(store, project, rows, job)


def refine_in_use(store: Store, project: Project, calibration: str | None, job: Progress) -> None:
    """The same for the labels in use, under ``calibration``, by default theirs."""
    labeling_run = curation.active_labeling_run(store, project)
    refinable(store, project, labeling_run, calibration or labeling_run.calibration, job)


def kept_embeddings(store: Store, project: Project, student: str, job: Progress) -> np.ndarray:
    """The untrained student's embeddings of every text ``[n, d]``: kept ones, or made now."""
    path = curation.embeddings_path(store, project, student)
    if made_by(path, student, student_digest(student, store.home.root)):
        store.embeddings.use(path)
        return read_embeddings(path)
    return embed_texts(store, project, student, job)


def student_embeddings(store: Store, project: Project, student: str, job: Progress) -> np.ndarray:
    """The untrained ``student``'s embeddings of every text ``[n, d]``: kept ones, or made now.

    Those that the probe uses stay in use, whichever these are.
    """
    path = curation.embeddings_path(store, project, student)
    if made_by(path, student, student_digest(student, store.home.root)):
        return read_embeddings(path)
    in_use = curation.newest_embeddings(store, project)
    values = embed_texts(store, project, student, job)
    if in_use is not None and in_use.exists():  # not where it was taken over
        store.embeddings.use(in_use, after=path)
    return values


def embed_texts(store: Store, project: Project, student: str, job: Progress) -> np.ndarray:
    """Embed every text with the untrained student and keep it; ``[n, d]`` in row order.

    Embeddings of the texts that there were before others were added are taken over.
    """
    from llkd.students import load_student

    path = curation.embeddings_path(store, project, student)
    digest = student_digest(student, store.home.root)
    job.progress(0, None, "Loading the student", always=True)
    model = load_student(student, ["a", "b"], seed=0)
    texts = store.projects.texts(project, ["text"])["text"]
    mark = digest[:8] if digest else "hub"
    earlier = curation.embeddings_made(store, project, student, digest, 1)
    first = 0 if earlier is None else earlier[1]
    if first == project.rows:  # asked for although they are there
        earlier, first = None, 0
    starts = range(first, project.rows, PART_ROWS)
    parts = {start: store.embeddings.part(path, mark, start) for start in starts}
    ready = sum(part.exists() for part in parts.values())
    job.begin(min(first + ready * PART_ROWS, project.rows), project.rows)
    for start in starts:
        if parts[start].exists():
            continue
        piece, began = [], time.monotonic()
        for low in range(start, min(start + PART_ROWS, project.rows), 256):
            high = min(low + 256, start + PART_ROWS, project.rows)
            piece.append(model.embed([str(text) for text in texts.iloc[low:high]]))
            job.progress(high, project.rows, "Embedding")
            job.check()
        seconds = time.monotonic() - began
        save_embeddings(parts[start], np.concatenate(piece), seconds=seconds)
    files = [*([] if earlier is None else [earlier[0]]), *parts.values()]
    values = np.concatenate([read_embeddings(file) for file in files])
    seconds_of_parts = [embedding_seconds(file) for file in files]
    measured = [seconds for seconds in seconds_of_parts if seconds is not None]
    # A part that an older version left does not say.
    whole = len(measured) == len(seconds_of_parts)
    save_embeddings(path, values, digest, sum(measured) if whole else None, student)
    store.embeddings.remove_parts(path, mark)
    if earlier is not None:
        earlier[0].unlink(missing_ok=True)  # the new file begins with it
    return values
