"""The card of a data set folder: what ``datasets.load_dataset`` reads, and words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from llkd.exporting.certificate_words import certificate_lines
from llkd.exporting.columns import COLUMNS
from llkd.exporting.splits import RULE

_PLAIN = set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?%&/()=+-_'#@~^*<>[]{}|$"
)


def dataset_card(
    tables: Mapping[str, pa.Table],
    sizes: Mapping[str, int],
    names: Sequence[str],
    manifest: Mapping[str, Any],
) -> str:
    """The README.md of a data set folder.

    ``tables`` and their ``sizes`` in bytes by split; of ``manifest`` the columns
    are described.
    """
    schema = next(iter(tables.values())).schema
    lines = ["---", "task_categories:", "- text-classification", "configs:"]
    lines += ["- config_name: default", "  data_files:"]
    for split in tables:
        lines += [f"  - split: {split}", f"    path: data/{split}-*"]
    lines += ["dataset_info:", "  features:"]
    for column in schema:
        lines += [f"  - name: {quoted(column.name)}", *_feature(column, names)]
    lines.append("  splits:")
    for split, table in tables.items():
        lines += [f"  - name: {split}", f"    num_bytes: {sizes[split]}"]
        lines.append(f"    num_examples: {table.num_rows}")
    lines += ["---", "", *_words(tables, manifest)]
    return "\n".join(lines) + "\n"


def _feature(column: pa.Field, names: Sequence[str]) -> list[str]:
    if is_class(column.name):
        lines = ["    dtype:", "      class_label:", "        names:"]
        return lines + [f"          '{k}': {quoted(name)}" for k, name in enumerate(names)]
    if pa.types.is_list(column.type):
        return ["    sequence: float64"]
    kinds = {pa.float64(): "float64", pa.int64(): "int64"}
    return [f"    dtype: {kinds.get(column.type, 'string')}"]


def is_class(name: str) -> bool:
    """Whether a column holds one of the classes."""
    return name in COLUMNS and COLUMNS[name].kind == "class"


def quoted(text: str) -> str:
    """A text as YAML, whatever is in it: in double quotes, what is unusual by its number."""
    spelled = (
        c if c in _PLAIN or (c.isalpha() and ord(c) < 0x10000) else f"\\U{ord(c):08x}" for c in text
    )
    return f'"{"".join(spelled)}"'


def _words(tables: Mapping[str, pa.Table], manifest: Mapping[str, Any]) -> list[str]:
    lines = ["# Curated with LLKD Studio", ""]
    counts = ", ".join(f"{table.num_rows:,} for {split}" for split, table in tables.items())
    lines += [
        f"Texts with the label that a teacher model or a person gave them: {counts}. Each is one "
        "that was kept for being worth training on. `manifest.json`, which comes with the export, "
        "says how every label came to be and is what `llkd rebuild` makes the same rows from.",
        "",
    ]
    refinement = (manifest.get("inputs") or {}).get("refinement")
    if refinement:
        lines += [refined_words(refinement), ""]
    if "validation" in tables:
        lines += [
            "The validation rows carry the same kind of label as the training rows: what is "
            "measured on them is agreement with the teacher. " + RULE,
            "",
        ]
    certificate = manifest.get("certificate")
    if certificate:
        lines += ["## How right the labels are", ""]
        lines += [line for part in certificate_lines(certificate) for line in (part, "")]
    columns = [
        column for column in manifest.get("columns", []) if column["name"] in _columns(tables)
    ]
    if columns:
        lines += ["| column | what it is |", "|---|---|"]
        lines += [f"| {column['name']} | {column['meaning']} |" for column in columns]
        lines.append("")
    return lines


def refined_words(refinement: Mapping[str, Any]) -> str:
    """How labels were refined, in a sentence, from what a manifest or a run says of it."""
    if not refinement["neighbours"]:
        return "Labels were not refined: there were too few texts for so many classes."
    return (
        "The teacher's labels were refined by what it said of the "
        f"{refinement['neighbours']} texts most like each, which changed "
        f"{refinement['changed']:,} of them; no label of a person was changed."
    )


def _columns(tables: Mapping[str, pa.Table]) -> list[str]:
    return list(next(iter(tables.values())).column_names)
