"""What stands of a text when several people decided on it: one label, or a dispute.

Every decision is kept; this reads them in their order. Rules, with the reasons in
docs/decisions/people.md:

- What a version before 0.8.0 recorded counts as it did then: the last word wins.
- Since then two people's labels of different classes are a dispute, and so are one person's
  exclusion and another's inclusion, until somebody settles it with a final word.
- A word without a name gives way to one with a name, whoever comes later.
- A second label of a blind sample never is the label of a text; it can only dispute it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SOMEBODY = "local user"
"""Signs what nobody gave a name for."""
OWN, SECOND, FINAL = "own", "second", "final"
"""Kinds of decisions: one's own, a blind second label, the last word on a dispute."""
NOTE = "note"
"""The action of a note (``Store.history``). It decides nothing, and is none of these."""
DECISION_COLUMNS = ("row", "action", "label", "who", "created", "batch", "kind")
"""What :func:`text_states` reads of a decision."""

Same = Callable[[str], str | int | None]
"""What a stored key means: equal for keys of one class, None for one that was split."""


class Opinion(NamedTuple):
    """What one person says of a text; ``created`` is in seconds since 1970.

    ``key`` is what the class is stored under, None for "none of the classes" (``excluded`` false)
    and for an exclusion or inclusion (``excluded`` says which, ``stance`` is true). ``blind``: by
    a person who saw nobody else's label.
    """

    who: str
    key: str | None
    created: float
    batch: str
    stance: bool = False
    excluded: bool = False
    blind: bool = False


@dataclass(slots=True)
class TextState:
    """What holds of one text, decision by decision."""

    labels: dict[str, Opinion] = field(default_factory=dict)
    seconds: dict[str, Opinion] = field(default_factory=dict)
    stances: dict[str, Opinion] = field(default_factory=dict)
    flagged: bool = False
    settled: bool = False
    last: tuple[str, float] = (SOMEBODY, 0.0)

    @property
    def key(self) -> str | None:
        """The last label that is somebody's own or final, whether it is disputed or not."""
        return next(reversed(self.labels.values())).key if self.labels else None

    @property
    def excluded(self) -> bool:
        """The last word on whether the text is left out."""
        return bool(self.stances) and next(reversed(self.stances.values())).excluded

    def disputed(self, same: Same) -> tuple[Opinion, ...]:
        """The opinions that differ, oldest first; none where there is no dispute."""
        return (*self._labels_disputed(same), *self._stances_disputed())

    def _labels_disputed(self, same: Same) -> tuple[Opinion, ...]:
        if not self.labels or len(self.labels) + len(self.seconds) < 2:
            return ()
        opinions = [o for o in self.labels.values() if o.key is None or same(o.key) is not None]
        if not opinions:
            return ()
        if not self.settled:
            opinions += [
                o
                for who, o in self.seconds.items()
                if who not in self.labels and (o.key is None or same(o.key) is not None)
            ]
        meanings = {None if o.key is None else same(o.key) for o in opinions}
        return tuple(sorted(opinions, key=lambda o: o.created)) if len(meanings) > 1 else ()

    def _stances_disputed(self) -> tuple[Opinion, ...]:
        if len(self.stances) < 2 or len({o.excluded for o in self.stances.values()}) < 2:
            return ()
        return tuple(sorted(self.stances.values(), key=lambda o: o.created))

    def add(self, entry: Any) -> None:
        """Take in a decision that was not undone: action, label, who, created, batch and kind."""
        action, who = entry.action, entry.who
        if entry.kind == SECOND:
            self.seconds[who] = Opinion(who, entry.label, entry.created, entry.batch, blind=True)
            return
        self.last = (who, entry.created)
        if action in ("flag", "unflag"):
            self.flagged = action == "flag"
        elif action == "unlabel":
            self.labels, self.seconds, self.settled = {}, {}, False
        elif action == "label":
            opinion = Opinion(who, entry.label, entry.created, entry.batch)
            self.labels = _with(self.labels, opinion, entry.kind)
            if entry.kind == FINAL:
                self.seconds, self.stances, self.settled = {}, {}, True
        else:
            opinion = Opinion(
                who, None, entry.created, entry.batch, stance=True, excluded=action == "exclude"
            )
            self.stances = _with(self.stances, opinion, entry.kind)
            if entry.kind == FINAL:
                self.labels, self.seconds, self.settled = {}, {}, True


def _with(opinions: dict[str, Opinion], opinion: Opinion, kind: str | None) -> dict[str, Opinion]:
    """The opinions with one more, which comes last; alone where it is final or of before 0.8.0."""
    if kind != OWN:
        return {opinion.who: opinion}
    gone = {opinion.who, SOMEBODY}
    return {**{who: o for who, o in opinions.items() if who not in gone}, opinion.who: opinion}


def text_states(entries: Iterable[Any]) -> dict[int, TextState]:
    """What holds of each row, of decisions in the order they were made."""
    states: dict[int, TextState] = {}
    for entry in entries:
        state = states.get(entry.row)
        if state is None:
            state = states[entry.row] = TextState()
        state.add(entry)
    return states


def simply_decided(entries: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Decisions on rows that have no other, and all others, both in their order.

    A million texts that are labelled in one act need no state each. A second label is never simple.
    """
    times = Counter(entry.row for entry in entries)
    alone = [entry for entry in entries if times[entry.row] == 1 and entry.kind != SECOND]
    if len(alone) == len(entries):
        return alone, []
    return alone, [entry for entry in entries if times[entry.row] > 1 or entry.kind == SECOND]


def contradictions(
    state: TextState, action: str, key: str | None, who: str, mark: str, same: Same
) -> tuple[Opinion, ...]:
    """What others say of a text that an action of ``who`` is against; ``state`` is without it.

    ``mark`` begins the batches of this person: it tells two apart who both gave no name.
    """

    def of_another(opinion: Opinion) -> bool:
        return opinion.who != who or (who == SOMEBODY and not opinion.batch.startswith(mark))

    labels = [o for o in state.labels.values() if of_another(o)]
    stances = [o for o in state.stances.values() if of_another(o)]
    if action == "label" and key is not None:
        meaning = same(key)
        others = [o for o in labels if o.key is not None and same(o.key) not in (meaning, None)]
        return (*others, *(o for o in stances if o.excluded))
    if action == "exclude":
        return (*labels, *(o for o in stances if not o.excluded))
    if action == "include":
        return tuple(o for o in stances if o.excluded)
    return tuple(labels) if action == "unlabel" else ()
