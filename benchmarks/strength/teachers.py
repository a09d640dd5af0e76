"""Teachers from weak to strong: those of the product, and simulated ones of a given accuracy.

A simulated teacher is a logistic regression fitted to few gold texts outside of pool and held-out
texts. How many texts and how much its logits then lean to gold (or away from it) is set so that its
accuracy is the wanted one; which texts it errs on and how sure it is are its own. ``n`` texts,
``C`` classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.label_evidence.arms import Sources, raw_probabilities
from benchmarks.label_evidence.cache import LLM, SIMILARITY, teacher_scores
from benchmarks.label_evidence.draws import Draw
from benchmarks.strength.problems import JOINED, LLM_TEXTS, Problem, one_at_a_time
from llkd.curation.refinement import neighbours_for, refined_logits
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints

REAL = ("LLM", "similarity", "committee")
TARGETS = (50, 60, 70, 80, 90, 95)
SIMULATED = ("words", "overconfident", "embeddings", "random")
"""By its words; the same with a third of its temperature; by the student's own embeddings; errors
and confidences at random."""
FITTED = (10, 20, 40, 80, 160, 320, 500)
OVERCONFIDENT = 1 / 3
LARGEST_LEAN = 60.0


@dataclass(frozen=True)
class Teacher:
    """Calibrated probabilities ``[n, C]`` of a pool's texts."""

    name: str
    probabilities: Floats

    @property
    def label(self) -> Ints:
        """Pseudo-labels ``[n]``."""
        return signals.pseudo_label(self.probabilities)


def teacher_of(problem: Problem, name: str, cache: Path) -> Teacher | None:
    """By name: one of REAL, or ``kind accuracy``, such as ``words 70``. None where it is not had.

    The LLM labels no pool of more than LLM_TEXTS texts and none of joined classes.
    """
    if name in REAL:
        scores = _real_scores(problem, cache, with_llm=name != "similarity")
        if scores is None:
            return None
        draw = Draw(problem.as_text_set(), problem.draw, np.arange(len(problem.texts)))
        return Teacher(name, raw_probabilities(draw, Sources(scores, problem.points))[name])
    kind, accuracy = name.split()
    if kind not in SIMULATED:
        raise ValueError(f"A simulated teacher is one of {', '.join(SIMULATED)}, not {kind!r}.")
    return Teacher(name, simulated(problem, kind, int(accuracy) / 100))


def _real_scores(problem: Problem, cache: Path, with_llm: bool) -> dict[str, Floats] | None:
    if with_llm and (len(problem.texts) > LLM_TEXTS or problem.set_name == JOINED):
        return None
    specs = {"LLM": LLM, "similarity": SIMILARITY} if with_llm else {"similarity": SIMILARITY}
    data = problem.as_text_set()
    with one_at_a_time(cache, f"{data.name}-{data.half}"):
        return {
            name: teacher_scores(cache, data, spec, problem.points) for name, spec in specs.items()
        }


def refined(problem: Problem, teacher: Teacher) -> Teacher:
    """The same teacher with labels refined as the product refines them, whoever advises it."""
    count = neighbours_for(int(problem.voter.max()) + 1, problem.classes)
    nearest = problem.nearest[:, :count]
    logits = refined_logits(teacher.probabilities, teacher.label, nearest, problem.voter)
    return Teacher(teacher.name, signals.softmax(logits))


def simulated(problem: Problem, kind: str, accuracy: float) -> Floats:
    """Probabilities of a teacher of this kind that is right in ``accuracy`` of the pool."""
    rng = np.random.default_rng([problem.seed, round(1000 * accuracy)])
    if kind == "random":
        return _random_errors(problem.gold, problem.classes, accuracy, rng)
    features = _words(problem) if kind != "embeddings" else (problem.fit_points, problem.points)
    logits = _fitted(problem, *features, accuracy, rng)
    logits = _leaning(logits, problem.gold, accuracy, rng)
    temperature = signals.fit_temperature(logits, 0.0, problem.gold) or 1.0
    if kind == "overconfident":
        temperature *= OVERCONFIDENT
    return signals.teacher_probabilities(logits, 0.0, temperature)


def _words(problem: Problem) -> tuple[Floats, Floats]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    words.fit([*problem.fit_texts, *problem.texts])
    return words.transform(problem.fit_texts), words.transform(problem.texts)


def _fitted(
    problem: Problem, fit: Floats, pool: Floats, accuracy: float, rng: np.random.Generator
) -> Floats:
    """Logits ``[n, C]`` of the model on so many texts that it comes nearest to the accuracy."""
    from sklearn.linear_model import LogisticRegression

    order = rng.permutation(len(problem.fit_gold))
    best: tuple[float, Floats] | None = None
    for count in FITTED:
        rows = _some_of_each(problem.fit_gold[order], count)
        label = problem.fit_gold[order][rows]
        if len(np.unique(label)) < 2:
            continue
        model = LogisticRegression(C=10.0, max_iter=200, tol=1e-3).fit(fit[order][rows], label)
        logits = np.full((len(problem.gold), problem.classes), np.log(1e-6))
        logits[:, model.classes_] = np.log(np.maximum(model.predict_proba(pool), 1e-9))
        distance = abs(float((logits.argmax(axis=1) == problem.gold).mean()) - accuracy)
        if best is not None and distance > best[0]:
            break  # it has passed the accuracy, and more texts make it better still
        best = (distance, logits)
    if best is None:
        raise ValueError(f"{problem.set_name} has too few texts to fit a teacher to.")
    return best[1]


def _some_of_each(gold: Ints, count: int) -> Ints:
    """The first of every class, then the first that are left: ``count``, or one of every class."""
    _, first = np.unique(gold, return_index=True)
    rest = np.setdiff1d(np.arange(len(gold)), first)
    return np.concatenate([first, rest[: max(0, count - len(first))]])


def _leaning(logits: Floats, gold: Ints, accuracy: float, rng: np.random.Generator) -> Floats:
    """Logits that lean to gold, each text's by another amount, until so many are right.

    s + lean * z with z ~ Exp(1): the least certain mistakes go first, so confidence keeps its
    meaning; with a lean below 0 the least certain right labels do.
    """
    amount = rng.exponential(size=len(gold))
    low, high = -LARGEST_LEAN, LARGEST_LEAN
    for _ in range(40):
        lean = (low + high) / 2
        moved = logits.copy()
        moved[np.arange(len(gold)), gold] += lean * amount
        if (moved.argmax(axis=1) == gold).mean() < accuracy:
            low = lean
        else:
            high = lean
    moved = logits.copy()
    moved[np.arange(len(gold)), gold] += high * amount
    return moved


def _random_errors(gold: Ints, classes: int, accuracy: float, rng: np.random.Generator) -> Floats:
    """Wrong labels of every class alike, and confidences that know nothing of it.

    In the mean they are as high as labels are right.
    """
    n = len(gold)
    label = gold.copy()
    wrong = rng.permutation(n)[: n - round(accuracy * n)]
    label[wrong] = (gold[wrong] + rng.integers(1, classes, len(wrong))) % classes
    mean = max(0.05, (accuracy - 1 / classes) / (1 - 1 / classes))
    above = np.clip(rng.beta(8 * mean, 8 * (1 - mean), n), 0.001, 0.999)
    sure = 1 / classes + (1 - 1 / classes) * above
    probs = np.repeat((1 - sure)[:, None] / (classes - 1), classes, axis=1)
    probs[np.arange(n), label] = sure
    return probs


def names_of(kinds: Sequence[str], targets: Sequence[int]) -> list[str]:
    """Every simulated teacher of these kinds and accuracies."""
    return [f"{kind} {target}" for kind in kinds for target in targets]
