"""Edits of a project's classes: which class each new entry is, so that nothing stored is lost."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llkd.config.base import build
from llkd.config.labels import Label, LabelSet
from llkd.errors import ConfigError

ChangeKind = Literal["edit", "merge", "split", "adopt", "undo"]
TYPED = ("name", "description", "verbaliser", "key")


@dataclass(frozen=True)
class ClassEdit:
    """What an edit makes of the classes.

    ``renamed``: old and new name of each; ``removed``: classes as they were; ``added``: names.
    ``words_kept``: names of those renamed that a teacher is asked about in the words of before.
    ``kind`` says which change it is; of a merge or a split ``subject`` are the names before and
    ``result`` those after.
    """

    label_set: LabelSet
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[Label, ...]
    added: tuple[str, ...]
    words_kept: tuple[str, ...] = ()
    kind: ChangeKind = "edit"
    subject: tuple[str, ...] = ()
    result: tuple[str, ...] = ()


def edited(before: LabelSet | None, wanted: Sequence[Label]) -> ClassEdit:
    """The label set after an edit.

    An entry of ``wanted`` with the key of a class is that class, whatever its name is now. One
    without a key is the class of that name, a class of that name that was removed before, or a
    new one. Raises ConfigError where two classes would have one name, and for the key of a class
    that was merged or split since.
    """
    old = _by_key(() if before is None else before.labels)
    gone = _by_key(() if before is None else before.retired)
    removed_before = {key: label for key, label in gone.items() if not (label.into or label.parts)}
    _check_names(wanted)
    _check_regrouped(wanted, gone)
    claimed = {entry.key for entry in wanted if entry.key in old}
    labels: list[Label] = []
    for entry in wanted:
        known = old.get(entry.key) if entry.key else None
        if known is None:
            known = _by_name(entry.name, old, removed_before, claimed)
        if known is not None:
            claimed.add(known.identity)
            labels.append(_continued(known, entry))
        else:
            labels.append(
                new_class(
                    entry,
                    {*old, *gone, *(known_label.identity for known_label in labels)},
                    old,
                    gone,
                )
            )
    identities = {known_label.identity for known_label in labels}
    removed = tuple(known_label for key, known_label in old.items() if key not in identities)
    retired = tuple(
        known_label
        for known_label in (*gone.values(), *removed)
        if known_label.identity not in identities
    )
    label_set = build(
        LabelSet,
        labels=[known_label.model_dump() for known_label in labels],
        retired=[known_label.model_dump() for known_label in retired],
    )
    return ClassEdit(
        label_set,
        tuple(
            (old[known_label.identity].name, known_label.name)
            for known_label in labels
            if known_label.identity in old and old[known_label.identity].name != known_label.name
        ),
        removed,
        tuple(known_label.name for known_label in labels if known_label.identity not in old),
    )


def renamed(before: LabelSet, names: Mapping[str, str]) -> ClassEdit:
    """The label set with these classes renamed (old name to new), all at once.

    Raises ConfigError for a name that is no class, or where two classes would have one name.
    """
    unknown = [name for name in names if name not in before.names]
    if unknown:
        raise ConfigError(
            f"There is no class {unknown[0]!r}. The classes are {', '.join(before.names)}."
        )
    return edited(
        before,
        [
            label.model_copy(
                update={"name": names.get(label.name, label.name).strip(), "key": label.identity}
            )
            for label in before.labels
        ],
    )


def keeping_words(edit: ClassEdit, before: LabelSet, known_to_teacher: LabelSet) -> ClassEdit:
    """The same edit, but renamed classes are asked about as before: no text is asked about twice.

    That is for classes that a teacher was ``asked`` about by their bare name. The old name becomes
    the verbaliser, where no other class has it and nobody wrote another one.
    """
    by_name = {
        other.identity: other.name for other in known_to_teacher.labels if not other.verbaliser
    }
    old = _by_key(before.labels)
    labels, names_kept = list(edit.label_set.labels), []
    for place, label in enumerate(labels):
        then = old.get(label.identity)
        if then is None or then.name == label.name or then.verbaliser or label.verbaliser:
            continue
        others = [other for other in labels if other is not label]
        used_words = {word.casefold() for other in others for word in (other.name, other.words)}
        if by_name.get(label.identity) == then.name and then.name.casefold() not in used_words:
            labels[place] = label.model_copy(update={"verbaliser": then.name})
            names_kept.append(label.name)
    label_set = edit.label_set.model_copy(update={"labels": tuple(labels)})
    return replace(edit, label_set=label_set, words_kept=(*edit.words_kept, *names_kept))


def exchanged(before: LabelSet, wanted: Sequence[Label]) -> bool:
    """Whether entries with keys have one another's names: exchanged, or put into another order?"""
    names: dict[str, str] = {label.identity: label.name for label in before.labels}
    moved = [label for label in wanted if label.key in names and names[label.key] != label.name]
    return bool(moved) and {label.name for label in moved} == {names[label.key] for label in moved}


def by_name(before: LabelSet, wanted: Sequence[Label]) -> list[Label]:
    """The entries, each as the class that has its name, whatever place it stands in."""
    key_of: dict[str, str] = {label.name: label.identity for label in before.labels}
    free = {label.identity for label in before.labels} - {
        key_of[label.name] for label in wanted if label.name in key_of
    }
    return [
        label.model_copy(
            update={"key": key_of.get(label.name) or (label.key if label.key in free else "")}
        )
        for label in wanted
    ]


def entries(rows: Sequence[Mapping[str, str]]) -> list[Label]:
    """Typed rows (name, description, verbaliser, key) as classes; rows wholly empty are left out.

    Raises ConfigError naming the row, what is wrong with it and what to do.
    """
    labels = []
    for number, row in enumerate(rows, start=1):
        values = {name: str(row.get(name) or "").strip() for name in TYPED}
        typed = {name: value for name, value in values.items() if name != "key" and value}
        if not typed:
            continue
        if "name" not in typed:
            raise ConfigError(
                f"Row {number} of the classes has no name. Write one into the column Class, or "
                "delete the row."
            )
        labels.append(build(Label, typed, {"key": values["key"]}))
    return labels


def in_place(before: LabelSet, wanted: Sequence[Label]) -> list[Label]:
    """The entries, with the key of the class in whose place each stands where that is plain.

    It is where there are as many classes as before, the entry's name is new and the name of the
    class in its place is gone.
    """
    names = {entry.name for entry in wanted}
    if len(wanted) != len(before.labels):
        return list(wanted)
    return [
        entry.model_copy(update={"key": old.identity})
        if not entry.key and entry.name not in before.names and old.name not in names
        else entry
        for entry, old in zip(wanted, before.labels, strict=True)
    ]


def _by_key(labels: Sequence[Label]) -> dict[str, Label]:
    return {label.identity: label for label in labels}


def _check_names(wanted: Sequence[Label]) -> None:
    names_so_far: dict[str, str] = {}
    for entry in wanted:
        folded = unicodedata.normalize("NFKC", entry.name).casefold()
        if folded in names_so_far:
            raise ConfigError(
                f"Two classes would be called {entry.name!r}. Each class needs its own name, also "
                "without regard to capitals. To make two classes one, merge them."
            )
        names_so_far[folded] = entry.name


def _check_regrouped(wanted: Sequence[Label], gone: Mapping[str, Label]) -> None:
    """An edit that was begun before a merge or a split would make a class of that name anew."""
    for entry in wanted:
        before = gone.get(entry.key) if entry.key else None
        if before is not None and (before.into or before.parts):
            raise ConfigError(
                f"The class {before.name!r} was {'merged' if before.into else 'split'} meanwhile. "
                "Look at the classes as they are now, and edit those."
            )


def _by_name(
    name: str, old: Mapping[str, Label], gone: Mapping[str, Label], claimed: set[str]
) -> Label | None:
    for there in (old, gone):
        for key, label in there.items():
            if label.name == name and key not in claimed:
                return label
    return None


def _continued(known: Label, entry: Label) -> Label:
    former = [name for name in known.former if name != entry.name]
    if known.name != entry.name and known.name not in former:
        former.append(known.name)
    return Label(
        name=entry.name,
        description=entry.description,
        verbaliser=entry.verbaliser,
        key=known.identity,
        also=known.also,
        former=tuple(former),
    )


def new_class(
    entry: Label, used_keys: set[str], old: Mapping[str, Label], gone: Mapping[str, Label]
) -> Label:
    """A class that was not there. A name that once was another's does not bring its labels."""
    used_keys = used_keys | {key for label in (*old.values(), *gone.values()) for key in label.also}
    key, number = entry.name, 1
    while key in used_keys:
        number += 1
        key = f"{entry.name}#{number}"
    return Label(
        name=entry.name, description=entry.description, verbaliser=entry.verbaliser, key=key
    )
