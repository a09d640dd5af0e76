"""What ``llkd doctor``, ``llkd backup`` and ``llkd restore`` say to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import printable
from llkd.store.objects.address import is_object_address

Document = dict[str, Any]


def doctor(document: Document) -> None:
    """Every finding in three lines, then one sentence."""
    for finding in document["mended"]:
        print(f"mended   {printable(finding['where'])}")
        print(f"         {printable(finding['what'])}")
    for finding in document["findings"]:
        _finding(finding)
    if document["quarantine"]:
        print(f"Moved to: {printable(document['quarantine'])}")
    extent = f"{_counted(document['projects'], 'project')}, {_counted(document['files'], 'file')}"
    faults = document["faults"]
    if not faults:
        print(f"No fault found in {extent}.")
        return
    faulty = [finding for finding in document["findings"] if finding["severity"] != "note"]
    can = sum(1 for finding in faulty if finding["mending"])
    hint = "" if not can or document["mended"] else f"; {can:,} can be mended: llkd doctor --mend"
    print(f"{_counted(faults, 'fault')} in {extent}{hint}.")


def backup(document: Document) -> None:
    """What was copied, and what the copy is like."""
    for finding in document["findings"]:
        _finding(finding)
    if document["cleared_bytes"]:
        freed = document["cleared_bytes"] / 2**20
        print(f"Removed {freed:,.1f} MiB that a backup which was killed had left beside it.")
    size = document["bytes"] / 2**20
    print(f"{_counted(document['files'], 'file')}, {size:,.1f} MiB, copied to:")
    print(f"  {printable(document['folder'])}")
    if document["server"] is not None:
        print(
            f"The database was copied from {printable(document['server'])} into the copy's own "
            "llkd.db: use the copy with --home and without LLKD_DATABASE_URL. For a copy that goes "
            "back into PostgreSQL, run pg_dump as well."
        )
    if is_object_address(document["folder"]):
        print(f"Take it back with: llkd restore {printable(document['folder'])} DIR")
    if document["faults"]:
        print(f"The copy has {_counted(document['faults'], 'fault')}; the home has them too.")
    else:
        use = "" if is_object_address(document["folder"]) else " Use it with --home."
        print(f"Checked: no fault in {_counted(document['projects'], 'project')}.{use}")


def restore(document: Document) -> None:
    """What was restored, and what it is like."""
    for finding in document["findings"]:
        _finding(finding)
    size = document["bytes"] / 2**20
    print(f"{_counted(document['files'], 'file')}, {size:,.1f} MiB, restored to:")
    print(f"  {printable(document['folder'])}")
    print(
        f"{_counted(document['faults'], 'fault')} in {_counted(document['projects'], 'project')}."
    )


def _finding(finding: Document) -> None:
    print(f"{finding['severity']:8} {printable(finding['where'])}")
    for part in (finding["what"], finding["means"]):
        print(f"         {printable(part)}")
    if finding["mending"]:
        print(f"         Mending: {printable(finding['mending'])}")
    if finding["left"]:
        print(f"         Left as it is: {printable(finding['left'])}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
