"""Labelling an audit in a terminal: one text after the other, a number for each class.

An answer is stored before the next text is shown, so that whatever ends the program loses nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from llkd.cli.output import printable
from llkd.store import Audit, Project, Store

LONGEST = 4000
"""Characters of a text that are shown."""


def label_here(
    store: Store, project: Project, audit: Audit, who: str, read: Callable[[str], str] = input
) -> int:
    """Ask about one text after the other until the person stops; returns how many were answered.

    Nothing is said of the teacher's label or its confidence.
    """
    from llkd import curation
    from llkd.evaluation import audits

    classes = curation.label_set_of(store.projects.by_id(project.id))
    texts = store.projects.texts(project, ["text"])["text"]
    choices = "  ".join(f"{k} {printable(name)}" for k, name in enumerate(classes.names, 1))
    count = 0
    while rows := audits.next_rows(store, audit, who):
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
            undone = audits.undo_answer(store, audit, who)
            count -= undone is not None
            _say("Nothing to undo." if undone is None else "Undone; here it is again.")
        elif word.isdecimal() and len(word) < 4 and int(word) <= len(classes.names):
            number = int(word)
            key = None if not number else classes.keys[number - 1]
            audits.answer(store, audit, rows[0], key, who)
            count += 1
            _say(f"Stored: {printable(classes.names[number - 1]) if number else 'none of them'}.")
        else:
            _say(f"Type a number from 0 to {len(classes.names)}, u or q.")
    else:
        _say("Every text of this audit is answered.")
    return count


def _say(text: str) -> None:
    """On standard error: standard output is the report's, or one JSON document."""
    print(text, file=sys.stderr, flush=True)
