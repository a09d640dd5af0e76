"""The map of a project as pages and reports read it: where texts stand, and the topics there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.curation.embeddings import newest_embeddings
from llkd.curation.labels import quoted
from llkd.curation.maps.groups import cut_tree
from llkd.curation.maps.words import typical_words
from llkd.errors import StoreError, UserError
from llkd.store import Project, Store
from llkd.store.derived.embeddings import embeddings_student
from llkd.store.derived.maps import StoredMap

MAP_VERSION = 1
"""Of how maps are made."""
USUAL_TOPICS = 12
NAME_WORDS = 3
_JOIN = " / "  # commas part names on the command line
"""Words of which a topic's name is made."""


@dataclass(frozen=True)
class Topic:
    """One topic of a map: ``name`` and ``words`` are its most typical words.

    ``texts`` counts those on the map, ``share`` is their share; ``examples`` are rows near the
    middle of its groups; ``x`` and ``y`` are where a name stands best: at a text in its middle.
    """

    number: int
    name: str
    words: tuple[str, ...]
    texts: int
    share: float
    examples: tuple[int, ...]
    x: float
    y: float

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "topic": self.number,
            "name": self.name,
            "words": list(self.words),
            "texts": self.texts,
            "share": round(self.share, 4),
        }


@dataclass(frozen=True)
class PoolMap:
    """Where the first ``m`` of ``texts`` texts stand, ``coordinates [m, 2]`` within -1 to 1.

    ``topic [m]`` is the place of each text's topic in ``topics``. ``missing`` were added since and
    stand nowhere yet. ``fitted`` texts made the map, the others were placed among them.
    """

    coordinates: np.ndarray
    topic: np.ndarray
    topics: tuple[Topic, ...]
    texts: int
    fitted: int
    student: str | None
    seed: int
    seconds: dict[str, float]

    @property
    def rows(self) -> int:
        """How many texts stand on it."""
        return len(self.coordinates)

    @property
    def missing(self) -> int:
        """How many texts stand nowhere yet."""
        return self.texts - self.rows


def load_map(store: Store, project: Project, topics: int | None = None) -> PoolMap | None:
    """The map of a project, with as many ``topics`` as wanted, by default as it proposes.

    None where none was made, or it is of other texts. Raises StoreError where it is damaged;
    :func:`map_notice` says all of this in a sentence.
    """
    stored = store.maps.read(project.id)
    if stored is None or mapped_texts(project, stored) is None:
        return None
    group_topic = topics_of_groups(stored, stored.topics if topics is None else topics)
    topic = group_topic[stored.group] if len(group_topic) else np.zeros(0, dtype=np.int32)
    return PoolMap(
        stored.coordinates,
        topic,
        _topics(stored, group_topic, topic),
        project.rows,
        len(stored.fitted),
        stored.student,
        stored.seed,
        dict(stored.seconds),
    )


def mapped_texts(project: Project, stored: StoredMap) -> int | None:
    """How many of the project's texts a map knows, from the first on; None: it is of others."""
    for stage in project.every_stage():
        if stage.digest == stored.texts and stage.rows == stored.rows:
            return stage.rows
    return None


def map_notice(store: Store, project: Project) -> str | None:
    """What to say of a project's map, and what to do; None where it knows every text."""
    command = f"llkd map {quoted(project.name)}"
    try:
        stored = store.maps.read(project.id)
    except StoreError:
        return f"The map is damaged. Make it again with: {command} --again"
    if stored is None:
        return f"There is no map yet. Make it with: {command}"
    known = mapped_texts(project, stored)
    if known is None:
        return f"The map is of other texts than these. Make it again with: {command} --again"
    if stored.version != MAP_VERSION:
        return f"An older version made the map. Make it again with: {command} --again"
    if known < project.rows:
        new = project.rows - known
        texts, stand = ("text", "stands") if new == 1 else ("texts", "stand")
        return (
            f"{new:,} {texts} that came later {stand} nowhere on the map yet. Place them with: "
            f"{command}"
        )
    path = newest_embeddings(store, project)
    if path is not None and stored.student_sha256 not in (None, embeddings_student(path)):
        return (
            "The map was made by another student's embeddings than are in use now. To make it by "
            f"these: {command} --again"
        )
    return None


def needed_map(store: Store, project: Project, topics: int | None = None) -> PoolMap:
    """The map, also without texts that came later. Raises UserError where there is none."""
    pool_map = load_map(store, project, topics)
    if pool_map is None:
        raise UserError(map_notice(store, project) or "There is no map.")
    return pool_map


def proposed_topics(tree: np.ndarray) -> int:
    """How many topics are proposed unless somebody says otherwise, by how the groups join."""
    return min(USUAL_TOPICS, len(tree) + 1)


def topics_of_groups(stored: StoredMap, topics: int) -> np.ndarray:
    """The topic of each group, ``[g]``: the largest topic is 0."""
    if not len(stored.centres):
        return np.zeros(0, dtype=np.int32)
    cut = cut_tree(stored.tree, max(1, topics))
    texts = np.bincount(cut, weights=stored.group_texts)
    rank = np.empty(len(texts), dtype=np.int32)
    rank[np.argsort(-texts, kind="stable")] = np.arange(len(texts))
    return rank[cut]


def _topics(stored: StoredMap, group_topic: np.ndarray, topic: np.ndarray) -> tuple[Topic, ...]:
    count = int(group_topic.max(initial=-1)) + 1
    counts = np.zeros((count, len(stored.vocabulary)), dtype=np.int64)
    np.add.at(counts, group_topic, stored.counts)
    counted = np.bincount(group_topic, weights=stored.counted, minlength=count)
    words = typical_words(counts, counted, stored.vocabulary)
    names = topic_names(words)
    texts = np.bincount(topic, minlength=count)
    topics = []
    for number in range(count):
        x, y = _middle(stored.coordinates[topic == number])
        topics.append(
            Topic(
                number=number,
                name=names[number],
                words=tuple(words[number]),
                texts=int(texts[number]),
                share=float(texts[number] / max(len(topic), 1)),
                examples=_examples(stored, np.flatnonzero(group_topic == number)),
                x=x,
                y=y,
            )
        )
    return tuple(topics)


def topic_names(words: Sequence[Sequence[str]]) -> list[str]:
    """A name for each topic of its first words, each name once."""
    names: list[str] = []
    for number, typical in enumerate(words):
        name = _JOIN.join(typical[:NAME_WORDS]) or f"topic {number + 1}"
        longer = NAME_WORDS
        while name in names and longer < len(typical):
            longer += 1
            name = _JOIN.join(typical[:longer])
        names.append(name if name not in names else f"{name} ({number + 1})")
    return names


def _examples(stored: StoredMap, groups: np.ndarray, most: int = 5) -> tuple[int, ...]:
    """Rows near the middle: one of each group in turn, of the largest groups first."""
    largest = groups[np.argsort(-stored.group_texts[groups], kind="stable")]
    in_turn = stored.examples[largest].T.ravel()
    return tuple(int(row) for row in in_turn[in_turn >= 0][:most])


def _middle(standing: np.ndarray) -> tuple[float, float]:
    """The text nearest to the median of where texts stand."""
    if not len(standing):
        return 0.0, 0.0
    median = np.median(standing, axis=0)
    nearest = standing[np.argmin(((standing - median) ** 2).sum(axis=1))]
    return float(nearest[0]), float(nearest[1])
