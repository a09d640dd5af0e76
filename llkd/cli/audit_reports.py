"""An audit and its certificate as a person reads them."""

from __future__ import annotations

import shlex
from typing import Any

from llkd.cli.output import print_table, printable

Document = dict[str, Any]
SETS = {
    "confidence": ("confidence from", ""),
    "size": ("texts", ""),
    "audited": ("audited", ""),
    "wrong": ("wrong", ""),
    "lower": ("right, at least", "%"),
    "passed": ("certified", ""),
}


def audit(document: Document) -> None:
    """``llkd audit``: the sentence, what to do next, and what is known of each set."""
    _done(document)
    print(printable(document["sentence"]))
    print(printable(document["next_step"]))
    state = "" if document["open"] else ", closed"
    print(
        f"Audit {document['audit']}{state}: {document['texts']:,} texts to draw from, "
        f"{document['answered']:,} answered that count, {document['wrong']:,} labels wrong"
        + (f" ({document['cannot_tell']:,} none of the classes)" if document["cannot_tell"] else "")
        + (f", {document['waiting']:,} that wait" if document["waiting"] else "")
        + f"; seed {document['seed']}."
    )
    estimate = document["precision"]
    if estimate is not None and estimate["checked"]:
        low, high = 100 * estimate["low"], 100 * estimate["high"]
        print(
            f"Estimate, no promise: about {100 * estimate['value']:.0f} % of all "
            f"{document['texts']:,} are right ({low:.0f} to {high:.0f})."
        )
    if document["worth"] and document["open"]:
        print(document["worth"])
    kappa = document["kappa"]
    if kappa is not None and kappa["kappa"] is not None:
        print(
            f"Two people agree on {100 * kappa['agreement']:.0f} % of {kappa['texts']:,} texts; "
            f"Cohen's kappa {kappa['kappa']:.2f} ({kappa['kappa_low']:.2f} to "
            f"{kappa['kappa_high']:.2f})."
        )
    if document["answered"]:
        _sets(document)
    for entry in document["disagreements"]:
        answers = "; ".join(
            f"{who}: {label or 'none of them'}" for who, label in entry["answers"].items()
        )
        print(printable(f"To settle: {entry['id']} ({answers})"))
    _how(document)


def certify(document: Document) -> None:
    """``llkd certify``: the sentence, then a table."""
    print(printable(document["outcome"]))
    _sets(document)
    certificate = document["certified"]
    if certificate is None:
        return
    project = shlex.quote(document["project"])
    print(f"Saved as the selection {printable(certificate['selection'])!r}. Go on with:")
    print(printable(f"  llkd train {project} --certified {document['audit']}"))
    print(printable(f"  llkd export {project} --certified {document['audit']} --out DIR"))


def _sets(document: Document) -> None:
    rows = [
        {
            **entry,
            "confidence": "all" if link["threshold"] is None else f"{link['threshold']:.4g}",
            "passed": "yes" if entry["passed"] else "no",
        }
        for entry, link in zip(document["certificate"]["sets"], document["chain"], strict=True)
    ]
    print_table(rows, SETS)


def _done(document: Document) -> None:
    sample, imported = document.get("drawn"), document.get("imported")
    if sample is not None:
        print(
            printable(
                f"{sample['texts']:,} texts written to {sample['out']}, without the teacher's "
                "labels. Fill in the column label (? for none of the classes) and read it with "
                "--import."
            )
        )
    if imported is not None:
        print(
            f"{imported['stored']:,} answers stored, {imported['known']:,} were there already, "
            f"{imported['blank']:,} records without a label."
        )
    if "undone" in document:
        undone = document["undone"]
        print("Nothing to undo." if undone is None else printable(f"Undone: {undone['id']}."))
    for entry in document.get("settled", ()):
        print(printable(f"Settled: {entry['id']} is {entry['label'] or 'none of the classes'}."))


def _how(document: Document) -> None:
    """How to go on by command."""
    if not document["open"]:
        return
    project, number = shlex.quote(document["project"]), document["audit"]
    lines = ["--label", "--draw 100 --out drawn.csv", "--import drawn.csv"]
    print("Label here, or in a file and read it back:")
    for line in lines:
        print(printable(f"  llkd audit {project} --audit {number} {line}"))
