"""Second labels in a terminal: one text after the other, a number for each class."""

from __future__ import annotations

import sys
from collections.abc import Callable

from llkd.cli.audit_terminal import LONGEST
from llkd.cli.output import printable
from llkd.store import LabelSample, Project, Store


def label_blindly(
    store: Store,
    project: Project,
    sample: LabelSample,
    who: str,
    read: Callable[[str], str] = input,
) -> int:
    """Ask about one text after the other until the person stops; returns how many were labelled.

    Nothing is said of anybody's label or the teacher's; each label is stored before the next text.
    """
    from llkd import curation
    from llkd.evaluation import people
    from llkd.evaluation.people.samples import checked_person

    name = checked_person(who)
    classes = curation.label_set_of(store.projects.by_id(project.id))
    texts = store.projects.texts(project, ["text"])["text"]
    choices = "  ".join(f"{k} {printable(label)}" for k, label in enumerate(classes.names, 1))
    number_done = 0
    while rows := people.next_rows(store, sample, name):
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
            undone = people.undo_second(store, sample, name)
            number_done -= undone is not None
            _say("Nothing to undo." if undone is None else "Undone; here it is again.")
        elif word.isdecimal() and len(word) < 4 and int(word) <= len(classes.names):
            key = None if not int(word) else classes.keys[int(word) - 1]
            people.second_label(store, sample, rows[0], key, name)
            number_done += 1
            _say("Stored.")
        else:
            _say(f"Type a number from 0 to {len(classes.names)}, u or q.")
    else:
        _say("Every text of this sample that you can label is labelled.")
    return number_done


def _say(text: str) -> None:
    """On standard error: standard output is the report's, or one JSON document."""
    print(text, file=sys.stderr, flush=True)
