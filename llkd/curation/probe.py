"""Information need before any training: a cross-fitted probe on the student's frozen embeddings.

A fresh student's entropy says nothing. A logistic regression on its embeddings, fitted to the
pseudo-labels and asked only about rows it did not see, says which texts such a student finds hard
(docs/method.md, section 4). ``n`` rows, ``d`` dimensions, ``C`` classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError, DataError
from llkd.selection.signals import Floats, Ints

FIT_LIMIT = 20_000
KEPT_PER_CLASS = 50
# For unit vectors: of 0.3 to 100 the range 3 to 10 was best calibrated on 200 and on 1,000 texts of
# a news set; smaller makes every text look hard, larger makes none.
INVERSE_REGULARISATION = 5.0


def probe(
    embeddings: npt.ArrayLike,
    pseudo_label: npt.ArrayLike,
    classes: int,
    folds: int = 5,
    seed: int = 0,
    fit_limit: int = FIT_LIMIT,
) -> Floats:
    """Student probabilities ``[n, C]``; each row by a model that did not see it.

    ``embeddings [n, d]`` have unit length; ``pseudo_label [n]`` is -1 where the teacher gave none:
    such rows get the mean of all fold models. Each fold fits on at most ``fit_limit`` rows, drawn
    with ``seed``, rare classes first. A class without rows has probability 0.
    Raises DataError for other shapes, values that are no numbers, or a single class.
    """
    points = np.asarray(embeddings, dtype=np.float32)
    labels = np.asarray(pseudo_label, dtype=np.int64)
    _check(points, labels, classes, folds)
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(labels >= 0)
    unknown = np.flatnonzero(labels < 0)
    folds = min(folds, len(known))
    fold = assign_folds(labels[known], folds, rng)
    result = np.zeros((len(points), classes))
    for k in range(folds):
        others = known[fold != k]
        fitting = others[fitting_rows(labels[others], classes, fit_limit, rng)]
        model = Fitted(points[fitting], labels[fitting], classes)
        held_out = known[fold == k]
        result[held_out] = model.probabilities(points[held_out])
        result[unknown] += model.probabilities(points[unknown]) / folds
    return result / result.sum(axis=1, keepdims=True)


def fit_probe(
    embeddings: npt.ArrayLike,
    pseudo_label: npt.ArrayLike,
    classes: int,
    seed: int = 0,
    fit_limit: int = FIT_LIMIT,
) -> Fitted:
    """One model from the rows with a label (0 or more), to ask about other texts.

    Arguments and errors are those of :func:`probe`; its answers about the rows it saw are of no
    use. Fitted on at most ``fit_limit`` rows.
    """
    points = np.asarray(embeddings, dtype=np.float32)
    labels = np.asarray(pseudo_label, dtype=np.int64)
    _check(points, labels, classes)
    known = np.flatnonzero(labels >= 0)
    rng = np.random.default_rng(seed)
    fitting = known[fitting_rows(labels[known], classes, fit_limit, rng)]
    return Fitted(points[fitting], labels[fitting], classes)


def _check(points: npt.NDArray[np.float32], labels: Ints, classes: int, folds: int = 2) -> None:
    if folds < 2:
        raise ConfigError(f"A probe needs at least 2 folds, but it was {folds}.")
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise DataError(
            f"A probe needs one embedding and one label per text, but the embeddings have the "
            f"shape {list(points.shape)} and the labels {list(labels.shape)}."
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise DataError(f"The embedding of text {bad[0]} holds a value that is not a number.")
    if len(labels) and labels.max() >= classes:
        raise DataError(f"A label is class {labels.max()}, but there are {classes} classes.")
    known = labels[labels >= 0]
    if not len(known):
        raise DataError("The teacher has labelled no text yet, so there is nothing to probe.")
    if (known == known[0]).all():
        raise DataError(
            f"All {len(known):,} labelled texts have the same label (class {known[0]}), so a probe "
            "has nothing to tell apart. Label more texts, or change the calibration or the prompt."
        )


def assign_folds(label: npt.ArrayLike, folds: int, rng: np.random.Generator) -> Ints:
    """A fold 0 to ``folds - 1`` for each row: equal sizes, each class spread evenly."""
    labels = np.asarray(label)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    # Dealing the rows out class after class keeps counting on, so that classes of one or two
    # rows do not all land in fold 0.
    fold[order] = np.arange(len(labels)) % folds
    return fold


def fitting_rows(labels: Ints, classes: int, limit: int, rng: np.random.Generator) -> Ints:
    """Positions of at most ``limit`` rows: some of every class, then whatever the draw brings."""
    if len(labels) <= limit:
        return np.arange(len(labels))
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    ranked = labels[by_class]
    rank = np.arange(len(ranked)) - np.searchsorted(ranked, ranked, side="left")
    first = by_class[rank < min(KEPT_PER_CLASS, limit // classes)]
    rest = order[~np.isin(order, first)]
    return np.sort(np.concatenate([first, rest])[:limit])


class Fitted:
    """A logistic regression over the classes it saw; a single class is predicted outright."""

    def __init__(self, points: npt.NDArray[np.float32], labels: Ints, classes: int) -> None:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        self.classes = classes
        self.only = int(labels[0]) if (labels == labels[0]).all() else None
        if self.only is None:
            self.model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=200, tol=1e-3)
            # The products are small: on a busy machine of two cores, waiting for the second
            # thread made a fit 5 to 70 times slower.
            with threadpool_limits(1):
                self.model.fit(points, labels)

    def probabilities(self, points: npt.NDArray[np.float32]) -> Floats:
        """``[n, C]``; 0 for a class that the fit did not see."""
        result = np.zeros((len(points), self.classes))
        if self.only is not None:
            result[:, self.only] = 1.0
        elif len(points):
            result[:, self.model.classes_] = self.model.predict_proba(points)
        return result
