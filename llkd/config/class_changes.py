"""Classes merged, split and put back as they were: label sets in, label sets out.

Nothing that is stored of a class moves. Merged, the keys of both are the merged one's; split, the
class is retired and says what its parts are, so that what was said of it waits to be said anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from llkd.config.base import build
from llkd.config.class_edits import ChangeKind, ClassEdit, new_class
from llkd.config.labels import MAX_DESCRIPTION, ClassKey, Label, LabelSet
from llkd.errors import ConfigError


def merged(before: LabelSet, names: Sequence[str], into: str) -> ClassEdit:
    """The classes of these ``names`` as one, called ``into``.

    Where that is the name of one of them, it is that class, and the others become part of it;
    else it is a new class. Raises ConfigError for a name that is no class, for fewer than two, and
    where another class is called so.
    """
    into = into.strip()
    wanted = [_class_of(before, name) for name in dict.fromkeys(names)]
    if len(wanted) < 2:
        raise ConfigError("A merge takes at least two classes. Name another one.")
    if not into:
        raise ConfigError("A merged class needs a name.")
    target = next((label for label in wanted if label.name == into), None)
    if target is None:
        target = _fresh(before, Label(name=into), set())
    gone = [label for label in wanted if label.identity != target.identity]
    keys = {label.identity for label in wanted}
    whole = _whole_again(before, wanted, set())
    also = [key for label in (target, *wanted, *whole) for key in (label.identity, *label.also)]
    former = [name for label in wanted for name in (*label.former, label.name)]
    meanings = [
        label.description or ("" if label.identity == target.identity else label.words)
        for label in wanted
    ]
    meanings = [words for words in meanings if words]
    combined = target.model_copy(
        update={
            "description": "; ".join(dict.fromkeys(meanings))[:MAX_DESCRIPTION],
            "also": tuple(key for key in dict.fromkeys(also) if key != target.identity),
            "former": tuple(name for name in dict.fromkeys(former) if name != into),
        }
    )
    place = before.labels.index(wanted[0])
    rest = [label for label in before.labels if label.identity not in keys]
    at = sum(label.identity not in keys for label in before.labels[:place])
    again = {label.identity for label in whole}
    retired = [label for label in before.retired if label.identity not in again]
    retired += [_part_of(label, combined) for label in (*whole, *gone)]
    label_set = _label_set([*rest[:at], combined, *rest[at:]], retired)
    return ClassEdit(
        label_set,
        (),
        (),
        (),
        kind="merge",
        subject=tuple(label.name for label in wanted),
        result=(into,),
    )


def split_up(before: LabelSet, name: str, parts: Sequence[Label]) -> ClassEdit:
    """The class ``name`` as several new ones, in its place; what was said of it waits.

    A part may have its name. Raises ConfigError for a name that is no class, for fewer than two
    parts, and where two classes would have one name.
    """
    old = _class_of(before, name)
    if len(parts) < 2:
        raise ConfigError(f"To split {name!r}, name at least two classes that it becomes.")
    new: list[Label] = []
    for part in parts:
        new.append(_fresh(before, part, {label.identity for label in new}))
    place = before.labels.index(old)
    labels = [*before.labels[:place], *new, *before.labels[place + 1 :]]
    retired_label = old.model_copy(
        update={"key": old.identity, "parts": tuple(label.identity for label in new)}
    )
    return ClassEdit(
        _label_set(labels, [*before.retired, retired_label]),
        (),
        (),
        (),
        kind="split",
        subject=(name,),
        result=tuple(label.name for label in new),
    )


def undone(
    kind: ChangeKind, before: LabelSet, after: LabelSet, current: LabelSet
) -> tuple[LabelSet, tuple[Label, ...]]:
    """The classes as they were ``before`` a change, and those that it added and that go.

    ``after`` is what the change made of them, ``current`` what they are now: the same, but for what
    later changes, undone since, left behind. Labels that were given meanwhile are kept: those of
    parts are of the class that was split, and those of a merged class wait to be said anew, as
    after a split, unless it has the name of one of those that it was merged from.
    """
    known = {label.identity for label in (*before.labels, *before.retired)}
    live = {label.identity for label in before.labels}
    new = [label for label in current.labels if label.identity not in live]
    more = _keys_since(after, current)
    if kind == "split":
        whole = _vanished(before, after)[0]
        back = [*new, *_whole_again(current, new, known)]
        more[whole.identity] = [key for label in back for key in (label.identity, *label.also)]
        left = [_part_of(label, whole) for label in back]
    elif kind == "merge":
        parts = tuple(label.identity for label in _vanished(before, after))
        left = [
            label.model_copy(
                update={
                    "key": label.identity,
                    "parts": parts,
                    "also": tuple(more[label.identity]),
                }
            )
            for label in new
        ]
    else:
        left = [label.model_copy(update={"key": label.identity}) for label in new]
    retired: dict[str, Label] = {label.identity: label for label in (*current.retired, *left)}
    labels = [
        label.model_copy(update={"also": (*label.also, *more.get(label.identity, ()))})
        for label in before.labels
    ]
    all_retired = [*before.retired, *(label for key, label in retired.items() if key not in known)]
    return _label_set(labels, all_retired), () if kind in {"split", "merge"} else tuple(new)


def _keys_since(after: LabelSet, current: LabelSet) -> dict[str, list[str]]:
    """The keys that undone changes have left with each class of today since a change."""
    then: dict[str, set[str]] = {
        label.identity: {label.identity, *label.also} for label in after.labels
    }
    return {
        label.identity: [key for key in label.also if key not in then.get(label.identity, ())]
        for label in current.labels
    }


def _vanished(before: LabelSet, after: LabelSet) -> list[Label]:
    keys = {label.identity for label in after.labels}
    return [label for label in before.labels if label.identity not in keys]


def _whole_again(label_set: LabelSet, parts: Sequence[Label], known: set[ClassKey]) -> list[Label]:
    """Classes that were split, of which all that is left is among ``parts``, which become one."""
    places = {label_set.places[label.identity] for label in parts}
    return [
        old
        for old in label_set.split_classes
        if old.identity not in known and set(label_set.shares(old.identity)) <= places
    ]


def _class_of(before: LabelSet, name: str) -> Label:
    for label in before.labels:
        if label.name == name.strip():
            return label
    raise ConfigError(f"There is no class {name!r}. The classes are {', '.join(before.names)}.")


def _fresh(before: LabelSet, entry: Label, used_keys: set[str]) -> Label:
    old: dict[str, Label] = {label.identity: label for label in before.labels}
    gone: dict[str, Label] = {label.identity: label for label in before.retired}
    return new_class(entry, {*old, *gone, *used_keys}, old, gone)


def _part_of(label: Label, whole: Label) -> Label:
    own = {"key": label.identity, "into": whole.identity, "also": (), "parts": ()}
    return label.model_copy(update=own)


def _label_set(labels: Sequence[Label], retired: Sequence[Label]) -> LabelSet:
    return build(
        LabelSet,
        labels=[label.model_dump() for label in labels],
        retired=[label.model_dump() for label in retired],
    )
