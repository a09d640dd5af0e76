"""Labels that people give before any teacher: the plane without one, and orders to read in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from llkd.config import TeacherConfig
from llkd.curation.evaluation_rows import held_out_rows
from llkd.curation.labels import TeacherLabels, label_set_of
from llkd.curation.plane import Plane, plane_of
from llkd.curation.random_order import random_order
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Store

NO_RUN = 0
"""The number of the labelling run that stands for none."""
SPREAD = 200
"""Texts that the spread order chooses; after them it goes on at random."""
AMONG = 5_000
"""The texts among which it chooses, a beginning of the random order."""


def first_plane(store: Store, project: Project) -> Plane:
    """The plane of a project that no teacher has labelled: rows, gold and people's labels alone.

    Its labelling run is number NO_RUN, which is stored nowhere. Raises UserError without classes.
    """
    classes = label_set_of(project)
    run = LabelingRun(
        id=NO_RUN,
        project_id=project.id,
        created=project.created,
        label_set=classes,
        config=TeacherConfig(),
        fingerprint="",
        teacher={},
        calibration="none",
        content_free=None,
        tokens_in=0,
        tokens_out=0,
        seconds=0.0,
        project_classes=classes,
    )
    width = len(run.classes.labels)
    nothing = np.zeros(0, dtype=np.int64)
    labels = TeacherLabels(
        labeling_run=run,
        calibration="none",
        row=nothing,
        probabilities=np.zeros((0, width)),
        label=nothing,
        confidence=np.zeros(0),
        source=np.zeros(0, dtype=object),
        bias=np.zeros(width),
        version="",
    )
    return plane_of(store, project, labels, None, store.decisions.current(project.id))


def random_rows(store: Store, project: Project) -> Ints:
    """The pool's rows in the one random order: whoever labels along it labels a random sample."""
    return random_order(project.stages, _pool(store, project))


def spread_rows(store: Store, project: Project) -> Ints:
    """The pool's rows so that the first differ much: up to SPREAD of AMONG, then the random order.

    Drawn as k-means++ draws its first centres, by the words that texts share (tf-idf): seconds, and
    no model. The same for the same texts. No random sample: what is labelled so audits nothing.
    """
    from sklearn.cluster import kmeans_plusplus
    from sklearn.feature_extraction.text import TfidfVectorizer

    order = random_rows(store, project)
    among = order[:AMONG]
    texts = store.projects.texts(project, ["text"])["text"].iloc[among]
    try:
        points = TfidfVectorizer(sublinear_tf=True, max_features=20_000).fit_transform(
            [str(text)[:2_000] for text in texts]
        )
    except ValueError:  # no words in any of them
        return order
    points = points.astype(np.float32)
    filled = np.flatnonzero(np.diff(points.indptr))
    count = min(SPREAD, len(filled))
    _, places = kmeans_plusplus(points[filled], count, random_state=0)
    first = among[filled[pd.unique(places)]]
    return np.concatenate([first, order[~np.isin(order, first)]])


def _pool(store: Store, project: Project) -> np.ndarray:
    texts = store.projects.texts(project, ["split"])
    pool = np.ones(project.rows, dtype=bool)
    pool[held_out_rows(texts)] = False
    return pool
