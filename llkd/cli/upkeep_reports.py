"""What ``llkd doctor`` and ``llkd backup`` say to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import printable

Document = dict[str, Any]


def doctor(found: Document) -> None:
    """Every finding in three lines, then one sentence."""
    for finding in found["mended"]:
        print(f"mended   {printable(finding['where'])}")
        print(f"         {printable(finding['what'])}")
    for finding in found["findings"]:
        _finding(finding)
    if found["quarantine"]:
        print(f"Moved to: {printable(found['quarantine'])}")
    looked = f"{_counted(found['projects'], 'project')}, {_counted(found['files'], 'file')}"
    faults = found["faults"]
    if not faults:
        print(f"No fault found in {looked}.")
        return
    can = sum(1 for one in found["findings"] if one["mending"] and one["severity"] != "note")
    hint = "" if not can or found["mended"] else f"; {can:,} can be mended: llkd doctor --mend"
    print(f"{_counted(faults, 'fault')} in {looked}{hint}.")


def backup(found: Document) -> None:
    """What was copied, and what the copy is like."""
    for finding in found["findings"]:
        _finding(finding)
    if found["cleared_bytes"]:
        freed = found["cleared_bytes"] / 2**20
        print(f"Removed {freed:,.1f} MiB that a backup which was killed had left beside it.")
    size = found["bytes"] / 2**20
    print(f"{_counted(found['files'], 'file')}, {size:,.1f} MiB, copied to:")
    print(f"  {printable(found['folder'])}")
    if found["server"] is not None:
        print(
            f"The database was copied from {printable(found['server'])} into the copy's own "
            "llkd.db: use the copy with --home and without LLKD_DATABASE_URL. For a copy that goes "
            "back into PostgreSQL, run pg_dump as well."
        )
    if found["faults"]:
        print(f"The copy has {_counted(found['faults'], 'fault')}; the home has them too.")
    else:
        print(f"Checked: no fault in {_counted(found['projects'], 'project')}. Use it with --home.")


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
