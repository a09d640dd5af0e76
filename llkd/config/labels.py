"""The classes of a project: names, meanings, and the words that stand for them.

A class has a key that never changes and a name that people may change. Whatever is stored about a
class (labels, gold, thresholds, answers of teachers) is stored under its key; names are for reading
only. The key is the first name that the class had, so that what was stored before there were keys
is found, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NewType

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from pydantic import model_validator as _model_validator

from llkd.config.base import Settings, build

ClassKey = NewType("ClassKey", str)
"""What a class is stored under: its first name, or that with a number where it was taken."""

MAX_NAME = 200  # characters of a class's name, and of the words that stand for it
MAX_DESCRIPTION = 2_000  # characters


class Label(Settings):
    """One class: its name, what it means, and the words that stand for it in a prompt.

    ``key`` is empty where it is the name itself; ``also`` are keys whose labels count as this
    class, ``former`` names that it had. Of a retired class ``into`` is the key of the class that it
    was merged into, ``parts`` are the keys of the classes that it was split into.
    """

    name: str = Field(min_length=1, max_length=MAX_NAME)
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    verbaliser: str = Field(
        default="", max_length=MAX_NAME, description="Empty means the name itself."
    )
    key: str = Field(default="", description="What it is stored under; empty means the name.")
    also: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    into: str = ""
    parts: tuple[str, ...] = ()

    @field_validator("name", "description", "verbaliser", mode="before")
    @classmethod
    def _strip(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        value = value.strip()
        longest = MAX_DESCRIPTION if info.field_name == "description" else MAX_NAME
        if len(value) > longest:
            name = str(info.data.get("name", value))  # fields are read in their order
            whose = repr(name[:40] + "…") if len(name) > 40 else repr(name)
            raise ValueError(
                f"the {info.field_name} of class {whose} has {len(value):,} characters; at most "
                f"{longest:,} are possible. Shorten it"
            )
        return value

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A class that was never renamed is written as it was before there were keys: sums over it
        # (of a teacher pass, of a manifest) stay what they were.
        values: dict[str, Any] = handler(self)
        if values.get("key") == self.name:
            values["key"] = ""
        return {k: v for k, v in values.items() if v or k in {"name", "description", "verbaliser"}}

    @property
    def words(self) -> str:
        """The words that stand for the class in a prompt."""
        return self.verbaliser or self.name

    @property
    def identity(self) -> ClassKey:
        """What the class is stored under."""
        return ClassKey(self.key or self.name)

    def prompt_document(self) -> dict[str, str]:
        """What of the class a teacher is asked with.

        Equal before and after a renaming that leaves the words in the prompt as they were, so that
        no text is asked about again.
        """
        name, verbaliser = self.name, self.verbaliser
        if name != self.identity and verbaliser:
            name = self.identity
            verbaliser = "" if verbaliser == name else verbaliser
        return {"name": name, "description": self.description, "verbaliser": verbaliser}


class LabelSet(Settings):
    """The classes of a project, in a fixed order; class k of every array is ``labels[k]``.

    ``retired`` are classes that were removed, merged into another or split: what is stored about
    them is found under their keys when they are brought back.
    """

    labels: tuple[Label, ...]
    retired: tuple[Label, ...] = ()

    @_model_validator(mode="after")
    def _check(self) -> LabelSet:
        if len(self.labels) < 2:
            raise ValueError(
                f"a label set needs at least two classes, but this one has {len(self.labels)}. "
                "Add another class name"
            )
        for what, values in (("name", self.names), ("verbaliser", self.verbalisers)):
            folded = [value.casefold() for value in values]
            twice = sorted({v for v, f in zip(values, folded, strict=True) if folded.count(f) > 1})
            if twice:
                raise ValueError(f"each class needs its own {what}, but {twice[0]!r} stands twice")
        if len(set(self.keys)) < len(self.labels):
            raise ValueError("each class needs its own key, but one stands twice")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if v or k != "retired"}

    @property
    def names(self) -> list[str]:
        """Class names in order."""
        return [label.name for label in self.labels]

    @property
    def keys(self) -> list[ClassKey]:
        """What the classes are stored under, in order."""
        return [label.identity for label in self.labels]

    @property
    def verbalisers(self) -> list[str]:
        """The words that stand for each class, in order."""
        return [label.words for label in self.labels]

    @property
    def places(self) -> dict[str, int]:
        """The class index of each key under which something of these classes is stored."""
        more = {key: k for k, label in enumerate(self.labels) for key in label.also}
        return more | {key: k for k, key in enumerate(self.keys)}

    def value_of(self, label: Label, values: Mapping[str, float]) -> float | None:
        """The threshold of a class, stored under any of its keys; None where there is none.

        Of a class that others were merged into it is the strictest of theirs.
        """
        return max(
            (values[key] for key in (label.identity, *label.also) if key in values), default=None
        )

    def shares(self, key: str) -> tuple[int, ...]:
        """The class index of a key; of a class that was split those of its parts.

        -1 stands for a part that was removed. Nothing where it is none of these classes.
        """
        place = self.places.get(key)
        if place is not None:
            return (place,)
        for label in self.split_classes:
            if key in (label.identity, *label.also):
                places = (self.shares(part) or (-1,) for part in label.parts)
                return tuple(dict.fromkeys(place for part in places for place in part))
        return ()

    @property
    def split_classes(self) -> list[Label]:
        """Classes that were split: what people said of them is no label of any class."""
        return [label for label in self.retired if label.parts]

    @property
    def merged_keys(self) -> set[str]:
        """The keys of classes that are part of another one now."""
        return {label.identity for label in self.retired if label.into}

    @property
    def names_ever(self) -> list[list[str]]:
        """Of each class today's name, then those that it had and no class has now, newest first."""
        today, earlier = set(self.names), []
        for label in self.labels:
            before = [*reversed(label.former), label.identity]
            further = [name for name in before if self.find(name) is label and name not in today]
            earlier.append([label.name, *dict.fromkeys(further)])
        return earlier

    @property
    def spellings(self) -> dict[str, int]:
        """The class index of each word that other programs may call a class by.

        Today's names come first, then verbalisers, then names of before that only one class had.
        """
        words: dict[str, int] = {}
        for kind in (self.names, self.verbalisers):
            for k, word in enumerate(kind):
                words.setdefault(word, k)
        for k, names in enumerate(self.names_ever):
            for name in names:
                words.setdefault(name, k)
        return words

    def prompt_document(self) -> dict[str, Any]:
        """What a teacher is asked with: equal for label sets whose prompts are equal."""
        return {"labels": [label.prompt_document() for label in self.labels]}

    @property
    def asked_names(self) -> list[str]:
        """The names of :meth:`asked`."""
        return [label.prompt_document()["name"] for label in self.labels]

    def as_asked(self) -> LabelSet:
        """The classes for a teacher pass to keep: without what only the project needs to know."""
        labels = tuple(label.model_copy(update={"former": ()}) for label in self.labels)
        return LabelSet(labels=labels)

    def extended(self, further: Sequence[Label]) -> LabelSet:
        """With these classes after its own, a mark behind names that are taken."""
        return LabelSet(
            labels=tuple(_with_distinct_names([*self.labels, *further], set(self.keys))),
            retired=self.retired,
        )

    def find(self, name: str) -> Label | None:
        """The class that a person means by a name: of today, else one that only it had before."""
        for label in self.labels:
            if label.name == name:
                return label
        before = [x for x in self.labels if name in (*x.former, x.identity)]
        return before[0] if len(before) == 1 else None

    def find_key(self, name: str) -> ClassKey | None:
        """The key of the class that a person means by a name, also of one that was split."""
        label = self.find(name)
        if label is None:
            label = next((x for x in self.split_classes if name in (x.name, x.identity)), None)
        return None if label is None else label.identity

    def by_key(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """The same values under the classes' keys; a name that is no class stays as it is."""
        entries = ((self.find(name), name, value) for name, value in named.items())
        return {name if label is None else label.identity: value for label, name, value in entries}

    @classmethod
    def of(cls, names: Sequence[str]) -> LabelSet:
        """Build a label set from bare class names."""
        return build(cls, labels=[{"name": name} for name in names])


def told_apart(places: Sequence[int]) -> bool:
    """Whether ``LabelSet.shares`` names one class that there is."""
    return len(places) == 1 and places[0] >= 0


def todays(own: LabelSet, project: LabelSet | None, *, added: bool) -> LabelSet:
    """The classes ``own`` of a teacher pass or a run, under today's names.

    With ``added``, of a pass, classes that were merged since stand as one, where the first of them
    stood; one that was split is no class any more (see ``LabelSet.shares``); and classes that
    ``project`` has besides come after. Without it, of a run, every class stands as the run learnt
    it, under the last name of its own. A class that was removed keeps its last name, with a mark
    where another has that name now.
    """
    if project is None:
        return own.model_copy(
            update={"labels": tuple(_shown(label, label, known=not added) for label in own.labels)}
        )
    if not added:
        return _as_learnt(own, project)
    now = _by_any_key(project, set())
    merged = project.merged_keys
    labels: list[Label] = []
    split: dict[str, Label] = {label.identity: label for label in own.retired}
    shown: dict[str, str] = {}
    for label in own.labels:
        today = _followed(now.get(label.identity, label), now)
        if today.parts:
            split[today.identity] = today
            continue
        first = shown.get(today.identity)
        if first is not None:
            if merged & {label.identity, first}:
                continue  # one class now: its column is added to that of the first
            today = label
        shown.setdefault(today.identity, label.identity)
        labels.append(_shown(today, None if label.identity in merged else label))
    labels += [_shown(current) for current in project.labels if current.identity not in shown]
    if split:  # a part may have been split again
        split |= {label.identity: label for label in project.split_classes}
    return LabelSet(
        labels=tuple(_with_distinct_names(labels, set(project.keys))), retired=tuple(split.values())
    )


def _as_learnt(own: LabelSet, project: LabelSet) -> LabelSet:
    now = _by_any_key(project, project.merged_keys)
    labels: list[Label] = []
    shown: set[str] = set()
    for label in own.labels:
        today = now.get(label.identity, label)
        if today.identity in shown:
            today = label
        shown.add(today.identity)
        labels.append(_shown(today, label, known=True))
    identities = {label.identity for label in labels}
    labels = [  # what is a class of its own here is no part of another
        label.model_copy(update={"also": tuple(key for key in label.also if key not in identities)})
        for label in labels
    ]
    return LabelSet(
        labels=tuple(_with_distinct_names(labels, set(project.keys))), retired=own.retired
    )


def _by_any_key(project: LabelSet, apart: set[str]) -> dict[str, Label]:
    """Every class by each of its keys; those of ``apart`` stand for themselves."""
    now = {key: label for label in project.retired for key in label.also}
    now |= {label.identity: label for label in project.retired}
    now |= {key: current for current in project.labels for key in current.also if key not in apart}
    return now | {current.identity: current for current in project.labels}


def _followed(label: Label, now: Mapping[str, Label]) -> Label:
    """What a class is part of, where that is no class any more either."""
    steps = len(now)
    while label.into in now and steps:
        label, steps = now[label.into], steps - 1
    return label


def _shown(today: Label, own: Label | None = None, *, known: bool = False) -> Label:
    """A class under today's name; with ``known`` also what its own keys were when it was learnt."""
    key = (own or today).identity
    further = own.also if known and own is not None else ()
    also = tuple(dict.fromkeys(k for k in (today.identity, *today.also, *further) if k != key))
    return Label(name=today.name, description=today.description, key=key, also=also)


def _with_distinct_names(labels: Sequence[Label], current: set[ClassKey]) -> list[Label]:
    """With a mark behind names that are those of another class now."""
    used_names = {
        label.name.casefold() for label in labels if {label.identity, *label.also} & current
    }
    distinct = []
    for label in labels:
        name = label.name
        if not {label.identity, *label.also} & current:
            while name.casefold() in used_names:
                name += " (removed)"
            used_names.add(name.casefold())
        distinct.append(label if name == label.name else label.model_copy(update={"name": name}))
    return distinct
