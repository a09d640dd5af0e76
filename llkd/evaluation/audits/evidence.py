"""The answers that count: a beginning of the order of drawing without a gap, each right or wrong.

Only such a beginning is a uniform draw; what was answered beyond it waits until the gap is closed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llkd.config import ClassKey, LabelSet
from llkd.selection.signals import Ints
from llkd.store import Audit, AuditAnswer, Store
from llkd.store.audits.answers import settled


@dataclass(frozen=True)
class AuditEvidence:
    """The ``n`` answers that count, in the order of drawing, and those that wait.

    ``right [n]`` says whether the teacher's label is that answer, ``level [n]`` is the strictest
    set that holds the text. ``pairs`` are the classes that two people gave to the same text.
    ``taken_back`` counts answers that were undone. ``settled`` is the answer of every row that has
    one, also of those that wait.
    """

    answers: tuple[AuditAnswer, ...]
    right: np.ndarray
    level: Ints
    waiting: int
    pairs: tuple[tuple[ClassKey | None, ClassKey | None], ...]
    answered_by: dict[str, int]
    taken_back: int
    settled: dict[int, ClassKey | None]

    @property
    def cannot_tell(self) -> int:
        """Answers that name none of the classes: they count as wrong labels."""
        return sum(answer.key is None for answer in self.answers)

    @property
    def people(self) -> tuple[str, ...]:
        """Who gave them, and who settled what two people disagreed on."""
        return tuple(sorted({*self.answered_by, *(answer.who for answer in self.answers)}))

    def sha256(self, count: int) -> str:
        """The digest of the first ``count`` answers: rows and classes in their order."""
        total = hashlib.sha256()
        for answer in self.answers[:count]:
            total.update(f"{answer.row}\t{answer.key!r}\n".encode("utf-8", "surrogatepass"))
        return total.hexdigest()


def evidence_of(store: Store, audit: Audit) -> AuditEvidence:
    """What the answers given so far say. Raises StoreError where the frozen texts are damaged.

    An answer that was given before classes were merged counts by the classes of then: no merge that
    was chosen after a look at the answers makes a wrong label right (docs/decisions).
    """
    population = store.audits.population(audit)
    every = store.audits.answers(audit, undone=True)
    here: dict[int, list[AuditAnswer]] = defaultdict(list)
    answered_by: dict[str, int] = defaultdict(int)
    for answer in every:
        if not answer.undone:
            here[answer.place].append(answer)
            answered_by[answer.who] += not answer.final
    counted: list[AuditAnswer] = []
    for place in range(len(population.row)):
        entry = settled(audit.people, here.get(place, ()))
        if entry is None:
            break
        counted.append(entry)
    known = [settled(audit.people, answers) for answers in here.values()]
    n = len(counted)
    same = same_class(store, audit.project_id)
    earlier = [
        (moment, _class_by_key(classes))
        for moment, classes in store.classes.before_merges(audit.project_id)
    ]
    right = [
        entry.key is not None
        and same(entry.key) == same(key)
        and all(then(entry.key) == then(key) for moment, then in earlier if entry.created < moment)
        for entry, key in zip(counted, population.label[:n].tolist(), strict=True)
    ]
    both = [[a.key for a in answers if not a.final] for _, answers in sorted(here.items())]
    return AuditEvidence(
        tuple(counted),
        np.array(right, dtype=bool),
        population.level[:n],
        sum(place >= n for place in here),
        tuple((keys[0], keys[1]) for keys in both if len(keys) == 2),
        dict(answered_by),
        sum(answer.undone for answer in every),
        {entry.row: entry.key for entry in known if entry is not None},
    )


def same_class(store: Store, project_id: int) -> Callable[[ClassKey], ClassKey]:
    """What stands for a class, whichever of its keys is asked about (see ``store.classes``)."""
    label_set = store.projects.by_id(project_id).label_set
    return (lambda key: key) if label_set is None else _class_by_key(label_set)


def _class_by_key(label_set: LabelSet) -> Callable[[ClassKey], ClassKey]:
    keys = {key: label_set.keys[place] for key, place in label_set.places.items()}
    return lambda key: keys.get(key, key)
