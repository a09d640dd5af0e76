"""What ``llkd people`` prints."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_table, printable

Document = dict[str, Any]
_MOST = 30


def people(document: Document) -> None:
    """What was done, how far people agree, and what is disputed."""
    for line in _done(document):
        print(printable(line))
    if document["people"]:
        counts = ", ".join(f"{who} {n:,}" for who, n in document["people"].items())
        print(printable(f"Labels by person: {counts}."))
    else:
        print("No person has labelled a text yet.")
    agreement = document["agreement"]
    if agreement is not None:
        _agreement(agreement)
    _disputes(document["disputes"])


def _done(document: Document) -> list[str]:
    lines = []
    if "drawn" in document:
        sample = document["drawn"]
        lines.append(
            f"Blind sample {sample['sample']}: {sample['texts']:,} texts drawn, "
            f"seed {sample['seed']}."
        )
    if "blind" in document:
        blind = document["blind"]
        lines.append(f"{blind['texts']:,} texts without labels written to {blind['out']}.")
    if "written" in document:
        written = document["written"]
        lines.append(f"{written['labels']:,} labels written to {written['out']}.")
    if "imported" in document:
        imported = document["imported"]
        lines.append(
            f"{imported['stored']:,} second labels stored, {imported['known']:,} known before, "
            f"{imported['blank']:,} records without one."
        )
    if "labelled_here" in document:
        lines.append(f"{document['labelled_here']:,} second labels given here.")
    if "undone" in document:
        ident = document["undone"]
        lines.append("Nothing to undo." if ident is None else f"Undone: the label of {ident}.")
    for entry in document.get("settled", []):
        label = "left out" if entry["label"] is None else entry["label"]
        lines.append(f"Settled: {entry['id']} is {label}.")
    return lines


def _agreement(agreement: Document) -> None:
    print(printable(agreement["sentence"]))
    if agreement["meaning"]:
        print(printable(agreement["meaning"]))
    for who, (done, of) in agreement["progress"].items():
        sample = agreement["sample"]
        print(printable(f"{who} has labelled {done:,} of {of:,} texts of sample {sample}."))
    for pair in agreement["pairs"]:
        apart = [cell for cell in pair["confusion"] if cell["first"] != cell["second"]]
        if apart:
            columns = {
                "first": (pair["first"], ""),
                "second": (pair["second"], ""),
                "texts": ("texts", ""),
            }
            print_table(apart[:_MOST], columns)


def _disputes(disputes: list[Document]) -> None:
    if not disputes:
        print("No text is disputed.")
        return
    noun = "text is" if len(disputes) == 1 else "texts are"
    print(f"{len(disputes):,} {noun} disputed and count as unknown until settled:")
    for entry in disputes[:_MOST]:
        words = "; ".join(f"{part['who']}: {part['says']}" for part in entry["says"])
        print(printable(f"  {entry['id']}  {words}"))
    if len(disputes) > _MOST:
        print(f"  and {len(disputes) - _MOST:,} more")
    print("Settle one with: llkd people PROJECT --adjudicate ID=CLASS --who NAME")
