"""What ``llkd classes`` prints."""

from __future__ import annotations

import time
from typing import Any

from llkd.cli.output import print_table, printable

Document = dict[str, Any]


def classes(document: Document) -> None:
    """The classes and what was changed in them, their history, or what a change would do."""
    if "history" in document:
        _history(document)
    elif document.get("dry_run"):
        _preview(document)
    else:
        _changed(document)
        _listed(document)


def _history(document: Document) -> None:
    rows = [
        {
            "when": time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["created"])),
            "who": entry["who"],
            "what": entry["what"] + (" (undone)" if entry["undone"] else ""),
        }
        for entry in document["history"]
    ]
    if not rows:
        print("Nothing was changed in the classes yet.")
        return
    print_table(rows, {key: (key, "") for key in ("when", "who", "what")})


def _preview(document: Document) -> None:
    if document.get("undoes"):
        print(printable(f"This would take back: {document['undoes']}."))
    for line in document["what"]:
        print(printable(line))
    print(printable(f"The classes would be {', '.join(document['classes'])}. Nothing is changed."))


def _changed(document: Document) -> None:
    if document["undone"]:
        print(printable(f"Undone: {document['undone']}."))
    for old, new in document["renamed"]:
        print(printable(f"{old!r} is called {new!r} now; all that is of it follows."))
    for entry in document["merged"]:
        print(printable(f"{', '.join(entry['from'])} are one class now, {entry['into'][0]!r}."))
    for entry in document["split"]:
        print(printable(f"{entry['from'][0]!r} is split into {', '.join(entry['into'])}."))
    for what in ("added", "removed"):
        for name in document[what]:
            print(printable(f"{what.capitalize()} {name!r}."))
    if document["asked_as_before"]:
        print(
            printable(
                f"A teacher goes on being asked about {', '.join(document['asked_as_before'])} in "
                "the words of before (verbaliser), so that no text is asked about twice."
            )
        )


def _listed(document: Document) -> None:
    rows = [{**row, "verbaliser": row["verbaliser"] or row["name"]} for row in document["classes"]]
    columns = {"name": "class", "labels": "labels", "gold": "gold", "verbaliser": "asked as"}
    print_table(rows, {key: (title, "") for key, title in columns.items()})
    for entry in document["waiting"]:
        print(
            printable(
                f"{entry['texts']:,} texts of {entry['class']!r} wait to be labelled as one of "
                f"{', '.join(entry['parts'])}: {entry['labels']:,} that people had labelled, "
                f"{entry['gold']:,} with gold, {entry['teacher']:,} by the teacher. They are a "
                "list on Curate."
            )
        )
    for key, counts in document["without_class"].items():
        print(
            printable(
                f"{counts['labels']:,} labels and {counts['gold']:,} gold labels are of {key!r}, "
                f"which is no class (any more). Use them with: --use-labels {key!r} CLASS"
            )
        )
