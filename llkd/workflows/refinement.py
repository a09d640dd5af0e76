"""Refined labels switched on and off, and what they changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import Calibration
from llkd.curation.refinement import RefinementAdvice, refinement_advice
from llkd.embedding.pool import embed_texts, refinable
from llkd.errors import UserError
from llkd.evaluation.refinement_effect import RefinementEffect, refinement_effect
from llkd.exporting.manifest_document import RefinementFacts
from llkd.jobs.progress import Progress, SilentProgress
from llkd.models.sources import student_digest
from llkd.selection import signals
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Store
from llkd.store.derived.embeddings import embeddings_student

EMBEDDED = "embedded"
LISTED = 20
"""Changed texts that are listed, unless somebody says how many."""


def switch(store: Store, project: Project, refined: bool) -> LabelingRun:
    """Refine the labels in use from now on, or no longer; the stored scores stay as they are."""
    labeling_run = curation.active_labeling_run(store, project)
    wanted: Calibration = signals.with_refinement(  # type: ignore[assignment]
        labeling_run.calibration, refined
    )
    if wanted != labeling_run.calibration:
        store.labeling_runs.set_calibration(labeling_run.id, wanted)
    return store.labeling_runs.get(labeling_run.id)


def refine_by_default(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    first: LabelingRun,
    second: LabelingRun,
) -> RefinementAdvice:
    """Refine the labels of a pass from now on, if the rule for whom nobody has chosen says so.

    ``first`` and ``second`` are two teachers of the same texts that know nothing of one another, as
    a committee's members; the texts of the pool on which both gave a label are compared (see
    ``refinement_advice``). Nothing is searched or embedded here.
    """
    pool = (store.projects.texts(project, ["split"])["split"] == "pool").to_numpy()
    keys = labeling_run.label_set.keys
    places = labeling_run.label_set.places
    label, other = (_pool_labels(store, each, places, pool) for each in (first, second))
    voters = int(pool[curation.labelled_rows(store.labeling_runs.scores(labeling_run))].sum())
    advice = refinement_advice(label, other, len(keys), voters)
    if advice.refine:
        store.labeling_runs.set_calibration(
            labeling_run.id,
            signals.with_refinement(labeling_run.calibration, True),  # type: ignore[arg-type]
        )
    return advice


def _pool_labels(
    store: Store, labeling_run: LabelingRun, places: Mapping[str, int], pool: np.ndarray
) -> Ints:
    """The label of each pool text ``[n]`` as the place of its key, -1 where there is none."""
    labels = curation.teacher_labels(store, labeling_run)
    index = np.array([*(places.get(key, -1) for key in labeling_run.classes.keys), -1])
    label = np.full(len(pool), -1, dtype=np.int64)
    label[labels.row] = index[labels.label]
    return label[pool]


def refine(
    store: Store, project: Project, job: Progress, *, refined: bool = True, listed: int = LISTED
) -> dict[str, Any]:
    """Refine the labels in use, or no longer, and say what refinement changes in them.

    Embeddings and the search for the nearest texts are made where they are missing. Returns
    ``refined``, ``texts``, ``changed``, ``pairs`` (class before, class after, texts), ``judged``
    (None without known classes) and the first ``listed`` changed texts.
    Raises UserError before the first label, JobCancelled when asked to stop.
    """
    labeling_run = curation.active_labeling_run(store, project)
    if refined:
        refinable(store, project, labeling_run, signals.REFINED, job)
        effect = refinement_effect(store, project, labeling_run)
        if effect is None:
            raise UserError(curation.not_refined(project))
    else:
        effect = None
    labeling_run = switch(store, project, refined)
    document = {
        "project": project.name,
        "refined": refined,
        "calibration": labeling_run.calibration,
    }
    return (
        document
        if effect is None
        else {**document, **effect_document(store, project, effect, listed)}
    )


def recorded_search(
    store: Store, project: Project, facts: RefinementFacts, rows: Ints
) -> tuple[str | None, str | None]:
    """The search that an export's labels rest on: the kept one, or made again for these rows.

    Its key, or what stands in the way, as a sentence. Embeddings that are gone are made again where
    the student is the embedded one with the same weights.
    """
    if store.nearest_texts.label_search(project.id, facts.search) is not None:
        return facts.search, None
    made_alike = [
        path
        for path in store.embeddings.all(project.id)
        if embeddings_student(path) == facts.student_sha256
    ]
    if not made_alike and facts.student_sha256 == student_digest(EMBEDDED, store.home.root):
        embed_texts(store, project, EMBEDDED, SilentProgress())
        made_alike = [curation.embeddings_path(store, project, EMBEDDED)]
    for path in made_alike[::-1]:
        search = curation.make_search(store, project, rows, embeddings=path)
        if search is not None:
            return search.key, None
    return None, (
        "The search for the nearest texts that refined the labels is not there, nor are the "
        "embeddings of its student. Make them with: llkd probe "
        f"{curation.quoted(project.name)} --student STUDENT"
    )


def effect_document(
    store: Store, project: Project, effect: RefinementEffect, listed: int = LISTED
) -> dict[str, Any]:
    """What refinement changed, as JSON values; the surest of the new labels first."""
    names = effect.labels.labeling_run.classes.names
    labels = np.array([*names, None], dtype=object)
    order = np.argsort(-np.nan_to_num(effect.confidence_after), kind="stable")[:listed]
    texts = store.projects.texts(project, ["id", "text"])
    judged = effect.judged
    return {
        "texts": effect.texts,
        "changed": len(effect.rows),
        "pairs": [
            {"before": labels[before], "after": labels[after], "texts": count}
            for before, after, count in effect.pairs
        ],
        "judged": None
        if judged is None
        else {
            "texts": judged.texts,
            "source": judged.source,
            "held_out": judged.held_out,
            "before": judged.before,
            "after": judged.after,
            "difference": judged.difference.value,
            "low": judged.difference.low,
            "high": judged.difference.high,
        },
        "listed": [
            {
                "id": str(texts["id"].iloc[effect.rows[i]]),
                "text": str(texts["text"].iloc[effect.rows[i]]),
                "before": labels[effect.before[i]],
                "after": labels[effect.after[i]],
                "confidence_before": float(effect.confidence_before[i]),
                "confidence_after": float(effect.confidence_after[i]),
            }
            for i in order
        ],
    }
