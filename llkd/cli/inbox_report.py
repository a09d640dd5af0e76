"""What ``llkd inbox`` prints."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_table, printable, shown

LONGEST = 60


def show(document: dict[str, Any]) -> None:
    """The counts and the newest texts, or what was written."""
    if "out" in document:
        _written(document)
        return
    repeats = f", {document['repeats']:,} repeats of them" if document["repeats"] else ""
    print(f"{document['texts']:,} texts in the inbox{repeats}.")
    if document["full"]:
        print(
            f"It is full: {document['left_out']:,} texts were left out. Empty it with --out FILE "
            "--clear."
        )
    if document["newest"]:
        lines = [
            {**line, "text": line["text"][:LONGEST], "times": int(line["times"])}
            for line in document["newest"]
        ]
        columns = {
            "first": ("first came", ""),
            "times": ("times", ""),
            "student_label": ("student", ""),
            "student_confidence": ("confidence", "%"),
            "label": ("teacher", ""),
            "text": ("text", ""),
        }
        print_table(lines, columns)


def _written(document: dict[str, Any]) -> None:
    print(
        f"{document['texts']:,} texts written to {printable(document['out'])}, "
        f"{document['labelled']:,} of them with the teacher's label."
    )
    if document["known"]:
        print(f"{document['known']:,} read the same as a text of the project and were left out.")
    if document["cleared"]:
        print(f"The inbox forgot {shown(document['cleared'])} texts.")
