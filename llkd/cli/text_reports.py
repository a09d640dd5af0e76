"""What ``llkd texts`` and ``llkd views`` print."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_table, printable
from llkd.curation.decision_history import iso_time

LONGEST = 60
_COLUMNS = {
    "row": ("row", ""),
    "nearness": ("near", "%"),
    "label": ("label", ""),
    "labelled_by": ("by", ""),
    "confidence": ("confidence", "%"),
    "information_need": ("uncertainty", "%"),
    "student_label": ("student", ""),
    "gold": ("gold", ""),
    "text": ("text", ""),
}


def show_texts(document: dict[str, Any]) -> None:
    """How many there are, and the first of them, or where they were written."""
    filters = f" ({printable(document['filters'])})" if document["filters"] else ""
    like = f" nearest in meaning to {printable(document['like'])}" if document["like"] else ""
    words = f" with the words {printable(document['words'])}" if document["words"] else ""
    print(f"{document['matches']:,} of {document['texts']:,} texts{like}{words}{filters}.")
    if document["saved_view"] is not None:
        print(f"Saved as the view {document['saved_view']!r}.")
    if "out" in document:
        print(f"Written to {printable(document['out'])}.")
        return
    listed = document["listed"]
    # A row is a name to be typed: without separators.
    lines = [{**line, "row": str(line["row"]), "text": line["text"][:LONGEST]} for line in listed]
    known = {name for line in lines for name, value in line.items() if value is not None}
    if lines:
        print_table(lines, {key: words for key, words in _COLUMNS.items() if key in known})
    if len(listed) < document["matches"]:
        print(f"The first {len(listed):,}; more with --limit N, all with --out FILE.")


def show_views(document: dict[str, Any]) -> None:
    """The names and what each shows."""
    if not document["views"]:
        print("No views yet. Save one with: llkd texts PROJECT --filter … --save-view NAME")
        return
    columns = ("name", "filter", "words", "sort")
    lines = [{key: view.get(key, "") for key in columns} for view in document["views"]]
    print_table(lines, {key: (key, "") for key in columns})


def show_notes(document: dict[str, Any]) -> None:
    """What people noted on one text, oldest first."""
    if not document["notes"]:
        print(f"Nothing is noted on the text of row {document['row']:,}.")
        return
    lines = [{**each, "created": iso_time(each["created"])} for each in document["notes"]]
    columns = {"created": ("when", ""), "who": ("who", ""), "note": ("note", "")}
    print_table(lines, columns)


def show_history(document: dict[str, Any]) -> None:
    """Who decided what, or what was taken back, or where all of it was written."""
    if "undone" in document:
        print(f"Taken back on {document['texts']:,} texts.")
        return
    print(f"{document['acts']:,} acts.")
    if "out" in document:
        print(f"Written to {printable(document['out'])}.")
        return
    lines = [
        {**line, "row": str(line["row"]), "text": (line["text"] or "")[:40]}
        for line in document["listed"]
    ]
    columns = ("when", "who", "action", "row", "before", "after", "state", "batch", "text")
    if lines:
        print_table(lines, {name: (name, "") for name in columns})
    if len(lines) < document["acts"]:
        print(f"The newest {len(lines):,}; more with --limit N, all with --out FILE.")
