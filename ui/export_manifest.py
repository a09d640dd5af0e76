"""What the manifest of a finished export says, in words, and how to make the same rows again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from llkd import commands, exporting
from llkd.store import Store
from ui.wording import counted, plain, share


def told(store: Store, folder: Path) -> None:
    """Show the manifest of this folder; nothing where there is none or an older one."""
    found = exporting.manifest_in(folder)
    if found is None or "rows_sha256" not in found:
        return
    with st.expander("What the manifest says, and how to make the same rows again"):
        try:
            lines = [*_rows(found), *_labels(found), *_people(found)]
            columns = [
                f"**{plain(str(one['name']))}**: {plain(str(one['meaning']))}"
                for one in found["columns"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            st.markdown("The manifest was altered and cannot be told in words.")
            return
        st.markdown("\n".join(f"- {line}" for line in lines))
        st.markdown("Its columns:\n\n" + "\n".join(f"- {line}" for line in columns))
        st.markdown(
            "The same rows again, hash for hash, or which input has changed since. Texts labelled "
            "and edits made later do no harm:"
        )
        command = commands.rebuild(str(folder / "manifest.json"))
        where = [command[0], "--home", str(store.home.root), *command[2:]]
        st.code(shlex.join(["llkd", *where]), language=None, wrap_lines=True)


def _rows(found: Mapping[str, Any]) -> list[str]:
    counts = {name: sum(by.values()) for name, by in found["splits"].items()}
    said = counted(int(found["rows"]), "row")
    if "validation" in counts:
        said += (
            f": {counts.get('train', 0):,} to train on and {counts['validation']:,} for "
            f"validation (seed {int(found['options']['seed'])})"
        )
    accuracy = found["counts"]["accuracy"]
    lines = [f"{said}, of {int(found['counts']['rows']):,} texts in the pool."]
    if accuracy is not None:
        checked = counted(int(found["counts"]["checked"]), "row")
        lines.append(f"{share(accuracy)} of the labels are right, judged by {checked} with gold.")
    lines.append(f"Sum of the rows: `{plain(str(found['rows_sha256'])[:16])}…`")
    return lines


def _labels(found: Mapping[str, Any]) -> list[str]:
    teacher, rule = found["teacher"], found["selection"]
    describe = teacher["describe"]
    name = describe.get("model") or describe.get("name") or describe.get("file") or "given labels"
    lines = [f"Teacher: {plain(str(name))}, calibration {plain(str(teacher['calibration']))}."]
    if rule["kind"] == "thresholds":
        lines.append(
            f"Kept: teacher confidence from {_threshold(rule['teacher_threshold'])}, information "
            f"need from {_threshold(rule['student_threshold'])}."
        )
    else:
        lines.append(f"Kept: what run {int(rule['run'])} trained on.")
    return lines


def _threshold(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{float(one):g} ({plain(str(name))})" for name, one in value.items())
    return f"{float(value):g}"


def _people(found: Mapping[str, Any]) -> list[str]:
    number = int(found["inputs"]["edits"]["count"])
    environment = found["environment"]
    return [
        f"{counted(number, 'label or exclusion', 'labels and exclusions')} of people."
        if number
        else "No label or exclusion of a person.",
        f"Made with {plain(str(found['program']))} {plain(str(found['version']))}, Python "
        f"{plain(str(environment['python']))}, pyarrow {plain(str(environment['pyarrow']))}.",
    ]
