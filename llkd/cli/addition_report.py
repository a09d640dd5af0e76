"""How texts that were added, or would be, are shown to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.import_report import show_files, show_statistics
from llkd.cli.output import printable
from llkd.datasets.wording import count

_REASONS = {
    "known": "in the project already",
    "near_known": "almost equal to a text of the project",
    "near_duplicate": "near-duplicate",
}


def show(document: dict[str, Any]) -> None:
    """What is new, what was left out and why, then what to look at and to do."""
    name = repr(document["project"])
    if not document["added"]:
        nothing = "would be added" if document["dry_run"] else "was added"
        line = f"Nothing {nothing} to {name}: {count(document['rows'], 'record')} read, none new."
    elif document["dry_run"]:
        line = (
            f"{document['added']:,} of {count(document['rows'], 'record')} would be added to "
            f"{name}; nothing was stored."
        )
    else:
        line = (
            f"{document['added']:,} of {count(document['rows'], 'record')} added to {name}, which "
            f"has {document['texts']:,} texts now. Rows, labels and runs of before stay."
        )
    print(printable(line))
    dropped = [f"{rows:,} {_REASONS.get(why, why)}" for why, rows in document["dropped"].items()]
    if dropped:
        print(f"Left out: {', '.join(dropped)}.")
    if document["gold"]:
        print(f"{document['gold']:,} have a gold label; {document['held_out']:,} are held out.")
    if document["added"]:
        show_files(document["files"])
        show_statistics(document["statistics"])
    for warning in document["warnings"]:
        print(f"Note: {printable(warning)}")
    for sentence in [] if document["dry_run"] else document["coverage"]:
        print(printable(sentence))
    if document.get("cleared"):
        print(f"The inbox forgot {count(document['cleared'], 'text')}.")
