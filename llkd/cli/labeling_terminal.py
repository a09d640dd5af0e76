"""Labelling blindly in a terminal: one text after the other, a number for each class.

A label is stored before the next text is shown, so that whatever ends the program loses nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from llkd.cli.output import printable
from llkd.config import ClassKey
from llkd.store import Audit, LabelSample, Project, Store

LONGEST = 4000
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class _Desk:
    """What is labelled: whose turn it is, how a label is stored and taken back, and the end."""

    next_rows: Callable[[], list[int]]
    label: Callable[[int, ClassKey | None], object]
    undo: Callable[[], object | None]
    done: str


def answer_audit(
    store: Store, project: Project, audit: Audit, who: str, read: Callable[[str], str] = input
) -> int:
    """Ask about the texts of an audit until the person stops; returns how many were answered.

    Nothing is said of the teacher's label or its confidence.
    """
    from llkd.evaluation import audits

    desk = _Desk(
        lambda: audits.next_rows(store, audit, who),
        lambda row, key: audits.answer(store, audit, row, key, who),
        lambda: audits.undo_answer(store, audit, who),
        "Every text of this audit is answered.",
    )
    return _label(store, project, desk, read)


def label_sample(
    store: Store,
    project: Project,
    sample: LabelSample,
    who: str,
    read: Callable[[str], str] = input,
) -> int:
    """Ask for second labels of a sample until the person stops; returns how many were given.

    Nothing is said of anybody's label or the teacher's.
    """
    from llkd.evaluation import people
    from llkd.evaluation.people.samples import checked_person

    name = checked_person(who)
    desk = _Desk(
        lambda: people.next_rows(store, sample, name),
        lambda row, key: people.second_label(store, sample, row, key, name),
        lambda: people.undo_second(store, sample, name),
        "Every text of this sample that you can label is labelled.",
    )
    return _label(store, project, desk, read)


def _label(store: Store, project: Project, desk: _Desk, read: Callable[[str], str]) -> int:
    from llkd import curation

    classes = curation.label_set_of(store.projects.by_id(project.id))
    texts = store.projects.texts(project, ["text"])["text"]
    choices = "  ".join(f"{k} {printable(name)}" for k, name in enumerate(classes.names, 1))
    count = 0
    while rows := desk.next_rows():
        lines = str(texts.iloc[rows[0]])[:LONGEST].splitlines()
        _say("\n" + "\n".join(printable(line) for line in lines))
        _say(f"{choices}  0 none of them, cannot tell  u undo  q stop")
        try:
            word = read("> ").strip().casefold()
        except EOFError:
            break
        if word == "q":
            break
        if word == "u":
            undone = desk.undo()
            count -= undone is not None
            _say("Nothing to undo." if undone is None else "Undone; here it is again.")
        elif word.isdecimal() and len(word) < 4 and int(word) <= len(classes.names):
            number = int(word)
            desk.label(rows[0], classes.keys[number - 1] if number else None)
            count += 1
            _say(f"Stored: {printable(classes.names[number - 1]) if number else 'none of them'}.")
        else:
            _say(f"Type a number from 0 to {len(classes.names)}, u or q.")
    else:
        _say(desk.done)
    return count


def _say(text: str) -> None:
    """On standard error: standard output is the report's, or one JSON document."""
    print(text, file=sys.stderr, flush=True)
