"""Blind second labels: a random sample of labelled texts, and what others say of them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

import numpy as np

from llkd.config import ClassKey
from llkd.errors import NotFound, UserError
from llkd.store import LabelSample, Project, SecondLabel, Store
from llkd.store.people.browser_names import person_name
from llkd.store.people.class_keys import same_class
from llkd.store.people.samples import FirstLabel, SampleDesign, population_sha256
from llkd.store.people.standing import SOMEBODY

LARGEST = 5_000
"""Texts in one sample: more say nothing more of two people."""


def draw_sample(
    store: Store,
    project: Project,
    count: int,
    *,
    who: str = SOMEBODY,
    of: str | None = None,
    seed: int | None = None,
) -> LabelSample:
    """Draw ``count`` labelled texts at random, for other people to label blindly.

    It draws, each text with the same chance and none twice, from the texts with a person's label
    (``of`` one person, if named) that is not disputed, and are not excluded. The first label of
    each is noted as it is now. ``seed`` None is drawn at random; it is stored.

    Raises UserError for a count out of range, and where fewer texts are labelled.
    """
    if not 1 <= count <= LARGEST:
        raise UserError(f"A blind sample has 1 to {LARGEST:,} texts, but it was {count:,}.")
    firsts = _first_labels(store, project, of)
    if len(firsts) < count:
        by = f" by {of}" if of else ""
        raise UserError(
            f"{len(firsts):,} texts have a label{by} that can be checked, so {count:,} cannot be "
            "drawn. Label more texts first, or draw fewer."
        )
    drawn_seed = secrets.randbits(32) if seed is None else int(seed)
    order = np.random.default_rng(drawn_seed).permutation(len(firsts))[:count]
    design = SampleDesign(
        population=len(firsts),
        of=of,
        texts=tuple(firsts[place] for place in order.tolist()),
        population_sha256=population_sha256([first.row for first in firsts]),
    )
    sample = store.label_samples.create(project.id, who, drawn_seed, design)
    detail = {"label_sample": sample.id, "texts": count, "seed": drawn_seed, "who": who}
    store.events.record(project.id, "blind sample", detail)
    return sample


def latest_sample(store: Store, project: Project, number: int | None = None) -> LabelSample:
    """The sample of that number, else the newest. Raises NotFound where there is none."""
    if number is not None:
        return store.label_samples.get(project.id, number)
    samples = store.label_samples.all(project.id)
    if not samples:
        raise NotFound(
            f"There is no blind sample of {project.name!r} yet. Draw one of the texts that people "
            "labelled first."
        )
    return samples[0]


def next_rows(store: Store, sample: LabelSample, who: str, most: int = 1) -> list[int]:
    """The next ``most`` rows that this person has not labelled, in the order of drawing."""
    done = {entry.row for entry in store.label_samples.labels(sample, who)}
    return [row for row in sample.rows_for(who) if row not in done][:most]


def second_label(
    store: Store,
    sample: LabelSample,
    row: int,
    key: ClassKey | None,
    who: str,
    batch: str | None = None,
) -> SecondLabel:
    """Store what a second person says of a text: a class by its key, None for none of them.

    Raises as ``LabelSamples.label``, and UserError for a name that is none.
    """
    name = uuid.uuid4().hex if batch is None else batch
    return store.label_samples.label(sample, row, key, checked_person(who), name)


def second_labels(
    store: Store, sample: LabelSample, labels: Iterable[tuple[int, ClassKey | None, str]]
) -> list[SecondLabel]:
    """Store second labels, each ``(row, key, who)``, all of them or none."""
    entries = [(row, key, checked_person(who), uuid.uuid4().hex) for row, key, who in labels]
    return store.label_samples.label_all(sample, entries)


def undo_second(
    store: Store, sample: LabelSample, who: str, batch: str | None = None
) -> SecondLabel | None:
    """Take back the last second label of a person, or that ``batch``; None where there is none."""
    return store.label_samples.undo(sample, who, batch)


def checked_person(who: str) -> str:
    """The name as it signs; one from a login may be longer. Raises UserError for none."""
    return who if "<" in who and len(who) <= 200 else person_name(who)


def _first_labels(store: Store, project: Project, of: str | None) -> list[FirstLabel]:
    """The labels that can be checked, by row."""
    state = store.decisions.current(project.id)
    usable = state.index[state["human_key"].notna() & ~state["excluded"].astype(bool)]
    same = same_class(project.label_set)
    wanted = set(usable.tolist())
    firsts = []
    for row, opinions in store.disputes.opinions(project.id).items():
        own = [o for o in opinions if not o.blind and o.key is not None]
        if row not in wanted or not own or same(str(own[-1].key)) is None:
            continue
        by = [o for o in own if of is None or o.who == of]
        if by:
            firsts.append(FirstLabel(row=row, key=str(by[-1].key), who=by[-1].who))
    return firsts
