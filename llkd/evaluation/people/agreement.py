"""How far people agree on a blind sample, and what that means for everything they judge."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np

from llkd.evaluation.certificate import Alpha, cohen_kappa, krippendorff_alpha
from llkd.evaluation.people.records import (
    ClassAgreement,
    Confusion,
    PairAgreement,
    SampleAgreement,
)
from llkd.evaluation.people.wording import agreement_sentence, meaning
from llkd.store import LabelSample, Project, Store
from llkd.store.people.class_keys import names_by_key, same_class

NONE_OF_THEM = "none of these"
Labels = dict[str, dict[int, str]]
"""Of each person what they say of a row: a class's name of today."""


def sample_agreement(store: Store, project: Project, sample: LabelSample) -> SampleAgreement:
    """Compare the first labels of a sample with the second ones, under the classes of today.

    First labels are those of the moment of drawing, before anybody could see a second one.
    """
    labels = _labels(store, project, sample)
    seconds = {entry.who for entry in store.label_samples.labels(sample)}
    progress = {
        who: (
            len(labels.get(who, {}).keys() & set(sample.rows_for(who))),
            len(sample.rows_for(who)),
        )
        for who in sorted(seconds)
    }
    pairs = tuple(
        _pair(first, second, labels)
        for first, second in combinations(_in_order(labels, seconds), 2)
        if labels[first].keys() & labels[second].keys()
    )
    alpha = _alpha(labels) if len(labels) > 2 else None
    return SampleAgreement(
        sample=sample.id,
        texts=len(sample.rows),
        population=sample.design.population,
        seed=sample.seed,
        progress=progress,
        pairs=pairs,
        alpha=alpha,
        sentence=agreement_sentence(pairs, alpha),
        meaning=meaning(pairs, alpha),
    )


def _labels(store: Store, project: Project, sample: LabelSample) -> Labels:
    label_set = store.projects.by_id(project.id).label_set
    called, same = names_by_key(label_set), same_class(label_set)
    labels: Labels = defaultdict(dict)
    for text in sample.design.texts:
        if same(text.key) is not None:
            labels[text.who][text.row] = called.get(text.key, text.key)
    for entry in store.label_samples.labels(sample):
        if entry.key is None:
            labels[entry.who][entry.row] = NONE_OF_THEM
        elif same(entry.key) is not None:
            labels[entry.who][entry.row] = called.get(entry.key, entry.key)
    return dict(labels)


def _in_order(labels: Labels, seconds: set[str]) -> list[str]:
    """Who labelled first before who labelled blindly, each by name."""
    return sorted(labels, key=lambda who: (who in seconds, who))


def _pair(first: str, second: str, labels: Labels) -> PairAgreement:
    rows = sorted(labels[first].keys() & labels[second].keys())
    a = [labels[first][row] for row in rows]
    b = [labels[second][row] for row in rows]
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for pair in zip(a, b, strict=True):
        cells[pair] += 1
    names = sorted({*a, *b})
    per_class = [
        ClassAgreement(
            name=name,
            labels=a.count(name) + b.count(name),
            agreement=2 * cells.get((name, name), 0) / (a.count(name) + b.count(name)),
        )
        for name in names
    ]
    apart = sorted(
        ((x, y, n) for (x, y), n in cells.items()), key=lambda c: (c[0] == c[1], -c[2], c[:2])
    )
    return PairAgreement(
        first=first,
        second=second,
        kappa=cohen_kappa(a, b),
        per_class=tuple(sorted(per_class, key=lambda c: (c.agreement, c.name))),
        confusion=tuple(Confusion(first=x, second=y, texts=n) for x, y, n in apart),
    )


def _alpha(labels: Labels) -> Alpha:
    rows = sorted({row for of_person in labels.values() for row in of_person})
    names = {
        name: k for k, name in enumerate(sorted({n for g in labels.values() for n in g.values()}))
    }
    table = np.full((len(rows), len(labels)), -1)
    place = {row: k for k, row in enumerate(rows)}
    for person, of_person in enumerate(labels.values()):
        for row, name in of_person.items():
            table[place[row], person] = names[name]
    return krippendorff_alpha(table)
