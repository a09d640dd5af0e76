"""What a change of the classes would do to labels, gold, passes and the rest, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llkd.config import ClassEdit, LabelSet
from llkd.config.labels import ClassKey
from llkd.config.selection_rule import ThresholdRule
from llkd.curation.labels import TeacherLabels
from llkd.curation.split_texts import split_texts
from llkd.errors import LLKDError
from llkd.store import Carried, Project, Store
from llkd.store.class_history import ClassChange, undo_edit, undoable


@dataclass(frozen=True)
class ClassEffect:
    """What becomes of one class, or of those that become one.

    ``kind``: renamed, described, merged, split, removed, added, or back. ``carried``: what texts
    carry of ``before``, or, of one that is added, bring along.
    """

    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    carried: Carried


@dataclass(frozen=True)
class ChangePreview:
    """A change that is not made: the ``edit``, its ``effects``, and how much each concerns.

    ``labels`` and ``gold`` count those of some class now and then; ``waiting`` texts of the pool
    would go to the list of a split class. Labelling runs, training runs, saved selections (with a
    threshold of its own for such a class), audits and certificates count where a class that is
    merged, split or removed is one of theirs, labelling runs also where one is added.
    ``broken``: certificates that would not hold.
    """

    edit: ClassEdit
    effects: tuple[ClassEffect, ...]
    labels: tuple[int, int]
    gold: tuple[int, int]
    waiting: int
    labeling_runs: int
    runs: int
    selections: int
    audits: int
    certificates: int
    broken: int
    undoes: ClassChange | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "what": self.lines(),
            "labels": {"now": self.labels[0], "then": self.labels[1]},
            "gold": {"now": self.gold[0], "then": self.gold[1]},
            "waiting": self.waiting,
            "labelling_runs": self.labeling_runs,
            "runs": self.runs,
            "selections": self.selections,
            "audits": self.audits,
            "certificates": self.certificates,
            "certificates_broken": self.broken,
            "classes": self.edit.label_set.names,
        }

    def lines(self) -> list[str]:
        """In sentences, what concerns most first; names as they are typed, quoted."""
        lines = [_sentence(effect) for effect in self.effects]
        kinds = {effect.kind for effect in self.effects}
        if self.waiting:
            lines.append(f"{_texts(self.waiting)} would wait on a list on Curate.")
        if self.labeling_runs:
            lines.append(_of_passes(self.labeling_runs, kinds))
        if self.runs:
            lines.append(
                f"{_number(self.runs, 'training run')} keep{_s(self.runs)} the classes that "
                f"{'it' if self.runs == 1 else 'they'} learnt."
            )
        if self.selections:
            lines.append(_of_selections(self.selections, kinds))
        if self.audits:
            lines.append(_of_audits(self.audits, self.certificates, self.broken))
        return lines or ["Nothing would change."]


def preview_classes(
    store: Store,
    project: Project,
    change: Callable[[LabelSet], ClassEdit],
    labels: TeacherLabels | None = None,
) -> ChangePreview:
    """What this change of the classes would do. Raises what the change raises.

    ``labels`` of the pass in use are derived where they are needed and not given.
    """
    before, edit = store.classes.plan(project.id, change)
    return _preview(store, project, before, edit, labels)


def preview_undo(
    store: Store, project: Project, labels: TeacherLabels | None = None
) -> ChangePreview:
    """What undoing the last change would do. Raises UserError where there is none to undo."""
    change = undoable(store.classes.history(project.id))
    before, edit = store.classes.plan(project.id, lambda now: undo_edit(change, now)[0])
    return replace(_preview(store, project, before, edit, labels), undoes=change)


def _preview(
    store: Store,
    project: Project,
    before: LabelSet,
    edit: ClassEdit,
    labels: TeacherLabels | None,
) -> ChangePreview:
    after = edit.label_set
    carried = store.classes.carried(project.id)
    effects = tuple(_effects(before, after, carried))
    regrouped = {
        key
        for label in before.labels
        for key in (label.identity, *label.also)
        if _group(before, key) != _group(after, key)
    }
    fresh = {label.identity for label in after.labels} - set(before.places)
    audits, certificates, broken = _audits(store, project, before, after, regrouped)
    lists = split_texts(store, replace(project, label_set=after), labels)
    known = {old.identity for old in before.split_classes}
    return ChangePreview(
        edit,
        effects,
        (_counted(carried, before).people, _counted(carried, after).people),
        (_counted(carried, before).gold, _counted(carried, after).gold),
        sum(len(entry.rows) for entry in lists if entry.label.identity not in known),
        sum(
            _concerns(labeling_run.label_set, after, fresh, regrouped, effects)
            for labeling_run in store.labeling_runs.all(project.id)
        ),
        sum(bool(regrouped & set(run.classes.places)) for run in store.runs.all(project.id)),
        sum(
            isinstance(entry.rule, ThresholdRule) and bool(_named(entry.rule, before) & regrouped)
            for entry in store.selections.all(project.id)
        ),
        audits,
        certificates,
        broken,
    )


def _group(label_set: LabelSet, key: str) -> frozenset[str]:
    """Every key that stands for the same class as this one; empty where it is of no class."""
    place = label_set.places.get(key)
    if place is None:
        return frozenset()
    label = label_set.labels[place]
    return frozenset((label.identity, *label.also))


def _effects(
    before: LabelSet, after: LabelSet, carried: Mapping[str, Carried]
) -> list[ClassEffect]:
    effects = []
    places = after.places
    then = {label.identity: label for label in before.labels}
    earlier = {label.identity for label in before.retired}
    parts_now = {part for old in after.split_classes if old.identity in then for part in old.parts}
    parts_now -= earlier
    for label in after.labels:
        keys = (label.identity, *label.also)
        sources = [old for old in before.labels if old.identity in keys]
        counts = _sum(carried, keys)
        if len(sources) > 1:
            names = tuple(old.name for old in sources)
            effects.append(ClassEffect("merged", names, (label.name,), counts))
        elif not sources and label.identity in parts_now:
            continue  # said with the class that is split
        elif not sources:
            kind = "back" if label.identity in earlier else "added"
            effects.append(ClassEffect(kind, (), (label.name,), counts))
        elif sources[0].name != label.name:
            effects.append(ClassEffect("renamed", (sources[0].name,), (label.name,), counts))
        elif label.identity in then and (label.description, label.verbaliser) != (
            then[label.identity].description,
            then[label.identity].verbaliser,
        ):
            effects.append(ClassEffect("described", (label.name,), (label.name,), counts))
    for old in before.labels:
        if old.identity in places:
            continue
        keys = (old.identity, *old.also)
        counts = _sum(carried, [key for key in keys if key not in places])
        parts = tuple(after.names[place] for place in after.shares(old.identity) if place >= 0)
        effects.append(ClassEffect("split" if parts else "removed", (old.name,), parts, counts))
    return effects


def _audits(
    store: Store, project: Project, before: LabelSet, after: LabelSet, regrouped: set[str]
) -> tuple[int, int, int]:
    """Audits of labels of these classes, their certificates, and those that would not hold."""
    gone = {key for key in regrouped if key not in after.places}
    count = certificates = broken = 0
    for audit in store.audits.all(project.id) if regrouped else ():
        try:
            population = store.audits.population(audit)
        except LLKDError:
            continue  # damaged: the doctor says so
        if not np.isin(population.label, list(regrouped)).any():
            continue
        count += 1
        for record in store.audits.certificates(audit):
            certificates += 1
            inside = population.level <= record.document.set
            broken += bool(np.isin(population.label[inside], list(gone)).any())
    return count, certificates, broken


def _named(rule: ThresholdRule, before: LabelSet) -> set[str]:
    """The keys of the classes that a rule has a threshold of its own for."""
    sides = (rule.teacher_threshold, rule.student_threshold)
    named = {name: 0.0 for side in sides if isinstance(side, Mapping) for name in side}
    return {*named, *before.by_key(named)}


def _sum(carried: Mapping[str, Carried], keys: Sequence[str]) -> Carried:
    total = Carried()
    for key in keys:
        total += carried.get(key, Carried())
    return total


def _concerns(
    run_classes: LabelSet,
    after: LabelSet,
    fresh: Set[ClassKey],
    regrouped: Set[str],
    effects: Sequence[ClassEffect],
) -> bool:
    """Whether a change concerns a pass that was asked about ``run_classes``."""
    if fresh:
        return True
    touched = regrouped & set(run_classes.places)
    if any(effect.kind == "split" for effect in effects):
        # A merge taken back: a pass of before it was asked about each of the parts.
        return any(len(after.shares(key)) != 1 for key in touched)
    return bool(touched)


def _counted(carried: Mapping[str, Carried], label_set: LabelSet) -> Carried:
    return _sum(carried, list(label_set.places))


def _sentence(effect: ClassEffect) -> str:
    names, result = _listed(effect.before), _listed(effect.after)
    counts = effect.carried
    if effect.kind == "renamed":
        return f"{names} becomes {result}" + (f"; {counts} will follow." if counts else ".")
    if effect.kind == "described":
        return f"{names} is described in other words; {counts} stay."
    if effect.kind == "merged":
        return f"{names} become one class, {result}, with {counts}."
    if effect.kind == "split":
        waits = (
            f"; what it carries ({counts}) stays as history and is a label of none of them until "
            "somebody says so."
        )
        return f"{names} is split into {result}{waits if counts else '.'}"
    if effect.kind == "back":
        return f"{result} is back, with {counts}."
    if effect.kind == "removed":
        return f"{names} goes; it carries {counts}."
    brings = f"; {counts} of that name come back." if counts else "."
    return f"{result} is new{brings}"


def _of_passes(number: int, kinds: set[str]) -> str:
    runs = _number(number, "labelling run")
    verb = "was" if number == 1 else "were"
    if "split" in kinds:
        return f"{runs} {verb} not asked about the parts: label again to have them told apart."
    if "merged" in kinds:
        return f"{runs} told them apart: the probabilities are added, and nothing is asked again."
    if kinds & {"added"}:
        return f"{runs} {verb} not asked about it; people can give it at once."
    return f"{runs} {verb} asked about it and keep{_s(number)} what was said."


def _of_selections(number: int, kinds: set[str]) -> str:
    selections = _number(number, "saved selection")
    has = "has" if number == 1 else "have"
    if "merged" in kinds:
        return f"{selections} {has} thresholds for them: the strictest holds for the one class."
    return f"{selections} {has} a threshold for it, which is no more."


def _of_audits(audits: int, certificates: int, broken: int) -> str:
    words = f"{_number(audits, 'audit')} of such labels"
    if not certificates:
        return f"{words}."
    number = _number(certificates, "certificate")
    if not broken:
        return f"{words}; {number} would stay true."
    return f"{words}; {broken:,} of {number} would not hold any more."


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _s(count: int) -> str:
    return "s" if count == 1 else ""


def _texts(count: int) -> str:
    return _number(count, "text")
