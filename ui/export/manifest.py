"""What the manifest of a finished export says, in words, and how to make the same rows again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from llkd import exporting
from llkd.config.selection_rule import CertifiedRule, Threshold, ThresholdRule, TrainedOnRule
from llkd.errors import LLKDError
from llkd.exporting import Manifest
from llkd.exporting.dataset_card import refined_words
from llkd.jobs.requests import RebuildRequest
from llkd.store import Store
from ui.shell.wording import counted, plain, share


def summary(store: Store, folder: Path) -> None:
    """Show the manifest of this folder; nothing where there is none or an older one."""
    document = exporting.manifest_in(folder)
    if document is None or "rows_sha256" not in document:
        return
    with st.expander(
        "What the manifest says, and how to make the same rows again", key="manifest_box"
    ):
        try:
            manifest = exporting.Manifest.of(document)
            lines = [*_rows(manifest), *_labels(manifest), *_people(manifest)]
        except (LLKDError, KeyError, ValueError):
            st.markdown("The manifest was altered and cannot be told in words.")
            return
        st.markdown("\n".join(f"- {line}" for line in lines))
        columns = [
            f"- **{plain(column.name)}**: {plain(column.meaning)}" for column in manifest.columns
        ]
        st.markdown("Its columns:\n\n" + "\n".join(columns))
        st.markdown(
            "This makes the same rows again, or says which input has changed. Labels and edits "
            "made since do not matter:"
        )
        command = RebuildRequest(manifest=str(folder / "manifest.json")).command()
        where = [command[0], "--home", str(store.home.root), *command[2:]]
        st.code(shlex.join(["llkd", *where]), language=None, wrap_lines=True)


def _rows(manifest: Manifest) -> list[str]:
    splits = {name: sum(by_class.values()) for name, by_class in manifest.splits.items()}
    sentence = counted(manifest.rows, "row")
    if "validation" in splits:
        sentence += (
            f": {splits.get('train', 0):,} to train on and {splits['validation']:,} for "
            f"validation (seed {manifest.options.seed})"
        )
    counts = manifest.counts
    lines = [f"{sentence}, of {counts.rows:,} texts in the pool."]
    if counts.accuracy is not None:
        checked = counted(counts.checked, "row")
        lines.append(
            f"{share(counts.accuracy)} of the labels are right, judged by {checked} with gold."
        )
    lines.append(f"Sum of the rows: `{plain(manifest.rows_sha256[:16])}…`")
    return lines


def _labels(manifest: Manifest) -> list[str]:
    teacher, rule = manifest.teacher, manifest.rule
    describe = teacher.describe
    name = describe.get("model") or describe.get("name") or describe.get("file") or "given labels"
    lines = [f"Teacher: {plain(str(name))}, calibration {plain(teacher.calibration)}."]
    refined = manifest.inputs.refinement
    if refined is not None:
        lines.append(plain(refined_words(refined.model_dump())))
    if isinstance(rule, ThresholdRule):
        lines.append(
            f"Kept: teacher confidence from {_threshold(rule.teacher_threshold)}, student "
            f"uncertainty from {_threshold(rule.student_threshold)}."
        )
    elif isinstance(rule, TrainedOnRule):
        lines.append(f"Kept: what run {rule.run} trained on.")
    elif isinstance(rule, CertifiedRule):
        lines.append(f"Kept: what audit {rule.audit} certified.")
    else:
        lines.append(f"Kept: {counted(len(rule.rows), 'text')}, listed one by one.")
    return lines


def _threshold(value: Threshold) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{number:g} ({plain(name)})" for name, number in value.items())
    return f"{value:g}"


def _people(manifest: Manifest) -> list[str]:
    number = manifest.inputs.edits.count
    environment = manifest.environment
    return [
        f"{counted(number, 'label or exclusion', 'labels and exclusions')} of people."
        if number
        else "No label or exclusion of a person.",
        f"Made with {plain(manifest.program)} {plain(manifest.version)}, Python "
        f"{plain(environment['python'])}, pyarrow {plain(environment['pyarrow'])}.",
    ]
