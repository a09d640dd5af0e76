"""Few-shot examples: which labelled texts stand in a teacher's prompt.

Only texts of the pool are ever examples: what is held out measures, and is never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import TeacherConfig
from llkd.curation.embeddings import embeddings_path
from llkd.curation.evaluation_rows import gold_indices, key_indices
from llkd.curation.labels import label_set_of
from llkd.errors import UserError
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot

# The nearest examples are looked for among at most so many labelled texts.
NEAREST_POOL = 2000
SEED = 0


def few_shot(
    store: Store,
    project: Project,
    config: TeacherConfig,
    *,
    snapshot: Sequence[Sequence[int]] | None = None,
    student: str = "embedded",
) -> FewShot:
    """The examples that ``config`` asks for; the same ones for the same labels.

    ``snapshot`` holds the [row, class] pairs of an earlier attempt, which are taken again. Kind
    ``nearest`` compares the embeddings of ``student``, which must be there. Raises UserError where
    there are too few labels or no embeddings.
    """
    if config.examples == "none":
        return NO_EXAMPLES
    if snapshot is None:
        rows, labels = check_examples(store, project, config)
        pairs = _draw(config, rows, labels)
    else:
        pairs = [(int(row), int(label)) for row, label in snapshot]
    texts = [str(text) for text in store.projects.texts(project, ["text"])["text"]]
    examples = tuple(Example(row, texts[row], label) for row, label in pairs)
    identity: dict[str, Any] = {
        "kind": config.examples,
        "count": config.example_count,
        "source": config.example_source,
        "rows": [[row, label] for row, label in pairs],
    }
    if config.examples != "nearest":
        return FewShot(config.examples, examples, identity=identity)
    # The prompt does not show them, and rows are a project's; texts that are added move none.
    identity["texts"] = project.origin
    path = embeddings_path(store, project, student)
    if not path.exists():
        raise UserError(
            f"The nearest examples are found by embeddings, and the texts of {project.name!r} have "
            "none yet: start the labelling, which makes them."
        )
    nearest = Nearest(examples, texts, path, config.example_count)
    return FewShot("nearest", choose=nearest, identity=identity)


def check_examples(store: Store, project: Project, config: TeacherConfig) -> tuple[Ints, Ints]:
    """The rows [m] and classes [m] to take examples from. Raises UserError where they are few."""
    rows, labels = labelled_pool(store, project, config)
    if len(rows) < config.example_count:
        raise UserError(
            f"{project.name!r} has {len(rows):,} {config.example_source} labels in its pool, and "
            f"{config.example_count} examples are wanted: {_way_out(config, rows)}."
        )
    return rows, labels


def _way_out(config: TeacherConfig, rows: Ints) -> str:
    fewer = "ask for fewer, or " if len(rows) else ""
    human = config.example_source == "human"
    return f"{fewer}label texts on the Curate page{'' if human else ' and take the human labels'}"


def labelled_pool(store: Store, project: Project, config: TeacherConfig) -> tuple[Ints, Ints]:
    """Rows [m] of the pool that carry a class, ascending, and the class indices [m].

    By people's labels or by gold, as ``example_source`` says; excluded rows are left out.
    """
    label_set = label_set_of(project)
    frame = store.projects.texts(project, ["gold", "split"])
    decisions = store.decisions.current(project.id)
    if config.example_source == "gold":
        classes = gold_indices(frame, label_set)
    else:
        classes = np.full(project.rows, -1, dtype=np.int64)
        rows = decisions.index.to_numpy(dtype=np.int64)
        classes[rows] = key_indices(decisions["human_key"], label_set)
    usable = (frame["split"] == "pool").to_numpy() & (classes >= 0)
    usable[decisions.index[decisions["excluded"].astype(bool)].to_numpy(dtype=np.int64)] = False
    rows = np.flatnonzero(usable)
    return rows, classes[rows]


def balanced(labels: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Positions of ``count`` labels, as equal per class as can be, the classes well mixed.

    Each class is spread evenly over the order: a model leans towards what it read last.
    """
    members = [rng.permutation(np.flatnonzero(labels == k)) for k in np.unique(labels)]
    quota = np.zeros(len(members), dtype=int)
    while quota.sum() < min(count, len(labels)):
        open_classes = [k for k in rng.permutation(len(members)) if quota[k] < len(members[k])]
        for k in open_classes[: min(count, len(labels)) - int(quota.sum())]:
            quota[k] += 1
    places = [
        (float((i + rng.random()) / n), int(group[i]))
        for group, n in zip(members, quota, strict=True)
        for i in range(n)
    ]
    return np.array([position for _, position in sorted(places)], dtype=np.int64)


def _draw(config: TeacherConfig, rows: Ints, labels: Ints) -> list[tuple[int, int]]:
    rng = np.random.default_rng(SEED)
    if config.examples == "fixed":
        places = rng.permutation(len(rows))[: config.example_count]
    elif config.examples == "balanced":
        places = balanced(labels, config.example_count, rng)
    else:
        places = np.sort(balanced(labels, NEAREST_POOL, rng))
    return [(int(rows[i]), int(labels[i])) for i in places]


class Nearest:
    """Chooses a text's examples: the labelled ones nearest to it in meaning, the nearest last.

    By the cosine between embeddings. The text itself, or one that reads the same, is never among
    them. A text that is none of the project's gets a balanced draw. Safe to call from threads.
    """

    def __init__(
        self, pool: Sequence[Example], texts: Sequence[str], embeddings: Path, count: int
    ) -> None:
        """``embeddings``: a safetensors file ``[n, d]``, one row for each of ``texts``."""
        from safetensors import safe_open

        self._pool = list(pool)
        self._folded = [_folded(example.text) for example in pool]
        self._row = {text: row for row, text in enumerate(texts)}
        self._count = count
        # Rows are read from the file one at a time: all of them may be gigabytes.
        with safe_open(embeddings, framework="np") as file:
            values = file.get_slice("embeddings")
            self._units = np.concatenate([_unit(values[e.row : e.row + 1]) for e in pool])
        self._embeddings = embeddings
        labels = np.array([example.label for example in pool])
        self._neutral = balanced(labels, len(pool), np.random.default_rng(SEED))

    def __call__(self, text: str) -> list[Example]:
        """At most ``count`` examples for this text."""
        row = self._row.get(text)
        order = self._neutral if row is None else self._by_distance(row)
        own = _folded(text)
        examples: list[Example] = []
        for i in order:
            if len(examples) == self._count:
                break
            if self._folded[i] != own:
                examples.append(self._pool[i])
        return examples[::-1]

    def _by_distance(self, row: int) -> Ints:
        from safetensors import safe_open

        with safe_open(self._embeddings, framework="np") as file:
            wanted = _unit(file.get_slice("embeddings")[row : row + 1])[0]
        return np.argsort(-(self._units @ wanted), kind="stable")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _unit(values: Floats) -> Floats:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
