"""Classes suggested by the topics of a map: used, renamed, merged or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llkd.config import Label, entries
from llkd.curation.maps.pool_map import Topic
from llkd.errors import ConfigError, UserError
from llkd.store import Project

DESCRIBED_BY = 6
"""Typical words that stand in a class's description."""


def suggested_classes(
    project: Project, topics: Sequence[Topic], names: Mapping[int, str]
) -> list[Label]:
    """The classes a project would have: those it has, and one for each new name in ``names``.

    ``names`` maps numbers of topics to names of classes; topics of one name (whatever its capitals)
    are one class, those that are not named are dropped. A class that is there stays as it is, also
    where a topic is called like it. A new one is described by typical words of its topics, of the
    larger ones first.

    Raises ConfigError for a topic that is none or a name that no class can have, UserError where
    no class would be new, or the project would have one class alone.
    """
    known = {topic.number: topic for topic in topics}
    for number in names:
        if number not in known:
            raise ConfigError(
                f"There is no topic {number + 1}. There are {len(topics)}, from 1 to {len(topics)}."
            )
    there = [] if project.label_set is None else [*project.label_set.labels]
    names_there = {label.name.casefold() for label in there}
    merged: dict[str, tuple[str, list[Topic]]] = {}
    for topic in sorted(topics, key=lambda each: (-each.texts, each.number)):
        name = names.get(topic.number)
        if name is None:
            continue
        name = " ".join(name.split())
        if not name:
            raise ConfigError(f"Topic {topic.number + 1} has no name. Give it one, or drop it.")
        if name.casefold() not in names_there:
            merged.setdefault(name.casefold(), (name, []))[1].append(topic)
    if not merged:
        raise UserError("No class would be new. Choose topics, and give them names.")
    new = entries([{"name": name, "description": described(of)} for name, of in merged.values()])
    if len(there) + len(new) < 2:
        raise UserError("A project needs two classes or more. Choose another topic.")
    return [*(label.model_copy(update={"key": label.identity}) for label in there), *new]


def described(topics: Sequence[Topic]) -> str:
    """The typical words of several topics in turn, each once; empty where they have none."""
    words: list[str] = []
    for place in range(max((len(topic.words) for topic in topics), default=0)):
        words += [topic.words[place] for topic in topics if place < len(topic.words)]
    return ", ".join(list(dict.fromkeys(words))[: max(DESCRIBED_BY, 2 * len(topics))])
