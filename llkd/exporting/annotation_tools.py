"""A curated set for annotation tools: tasks of Label Studio, a data set folder of Argilla.

Both carry the teacher's labels as predictions with their confidence, and each text's id in the
project as ``llkd_id``, by which ``llkd annotations`` finds it again. Written piece by piece; equal
rows give equal bytes.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

QUESTION, FIELD = "label", "text"
MOST_SUGGESTED = 200
"""Characters of a model's name in Argilla."""
_CHUNK = 10_000


def write_label_studio(
    by_split: Mapping[str, pa.Table],
    folder: Path,
    names: Sequence[str],
    manifest: Mapping[str, Any],
) -> list[Path]:
    """``tasks.json`` (one for each split) and ``config.xml``, the labelling interface."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.xml"
    config.write_text(labeling_config(names), encoding="utf-8")
    model = model_name(manifest)
    files = []
    for split, table in by_split.items():
        name = "tasks.json" if len(by_split) == 1 else f"tasks-{split}.json"
        files.append(folder / name)
        _write_array(files[-1], (_task(row, model) for row in _rows(table)))
    return [*files, config]


def write_argilla(
    by_split: Mapping[str, pa.Table],
    folder: Path,
    names: Sequence[str],
    manifest: Mapping[str, Any],
) -> list[Path]:
    """A folder that ``Dataset.from_disk`` reads: ``records.json``, settings and data set."""
    inner = folder / ".argilla"
    inner.mkdir(parents=True, exist_ok=True)
    settings, dataset, records = (
        inner / "settings.json",
        inner / "dataset.json",
        folder / "records.json",
    )
    settings.write_text(_json(argilla_settings(names)) + "\n", encoding="utf-8")
    title = str((manifest.get("project") or {}).get("name") or "curated")
    dataset.write_text(
        _json({"name": argilla_name(title), "allow_extra_metadata": True}) + "\n", encoding="utf-8"
    )
    model = model_name(manifest)[:MOST_SUGGESTED]
    several = len(by_split) > 1
    _write_array(
        records,
        (
            _record(row, model, split if several else None)
            for split, table in by_split.items()
            for row in _rows(table)
        ),
    )
    return [records, settings, dataset]


def labeling_config(names: Sequence[str]) -> str:
    """Label Studio's interface for these classes: a text and one choice; keys 1 to 9 choose."""
    choices = []
    for number, name in enumerate(names, start=1):
        key = f' hotkey="{number}"' if number <= 9 and len(names) <= 9 else ""
        choices.append(f"    <Choice value={_attribute(name)}{key}/>\n")
    return (
        "<View>\n"
        f'  <Text name="{FIELD}" value="${FIELD}"/>\n'
        f'  <Choices name="{QUESTION}" toName="{FIELD}" choice="single" showInline="true">\n'
        f"{''.join(choices)}"
        "  </Choices>\n"
        "</View>\n"
    )


def argilla_settings(names: Sequence[str]) -> dict[str, Any]:
    """Argilla's settings: one text field, one label question with these classes, the id."""
    options = [{"value": name, "text": name} for name in names]
    return {
        "guidelines": None,
        "questions": [
            {
                "name": QUESTION,
                "title": "Label",
                "description": None,
                "required": True,
                "settings": {
                    "type": "label_selection", "options": options, "visible_options": None
                },
            }
        ],
        "fields": [
            {
                "name": FIELD,
                "title": "Text",
                "required": True,
                "settings": {"type": "text", "use_markdown": False},
            }
        ],
        "vectors": [],
        "metadata": [],
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "mapping": None,
    }  # fmt: skip


def argilla_name(title: str) -> str:
    """A data set's name as Argilla takes it: letters, digits, ``-`` and ``_`` of ASCII."""
    signs = (sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "-" for sign in title)
    return "".join(signs).strip("-_")[:200] or "curated"


def model_name(manifest: Mapping[str, Any]) -> str:
    """What the predictions are signed with: the teacher's model."""
    teacher = (manifest.get("teacher") or {}).get("describe") or {}
    return str(teacher.get("model") or teacher.get("file") or teacher.get("kind") or "teacher")


def _attribute(name: str) -> str:
    """A name as a quoted value of XML; a line end would be read as a space otherwise."""
    value = html.escape(xml_safe(name), quote=True)
    for sign in "\t\n\r":
        value = value.replace(sign, f"&#{ord(sign)};")
    return f'"{value}"'


def xml_safe(name: str) -> str:
    """A name without the signs that XML 1.0 cannot hold."""
    return "".join(
        sign if sign in "\t\n\r" or ("\x20" <= sign <= "\ufffd" or sign >= "\U00010000")
        and not "\ud800" <= sign <= "\udfff" else "\N{REPLACEMENT CHARACTER}"
        for sign in name
    )  # fmt: skip


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    there = ("id", "text", "label", "labelled_by", "teacher_label", "teacher_confidence")
    columns = [name for name in there if name in table.column_names]
    for start in range(0, table.num_rows, _CHUNK):
        yield from table.select(columns).slice(start, _CHUNK).to_pylist()


def _suggested(row: Mapping[str, Any]) -> tuple[str | None, float | None]:
    """The teacher's label and its confidence; without these columns the label, if it is its."""
    if "teacher_label" in row:
        return row["teacher_label"], row.get("teacher_confidence")
    return (row["label"] if row["labelled_by"] == "teacher" else None), None


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """What goes along with a text: its id and the label that the curated set has."""
    return {"llkd_id": row["id"], "curated_label": row["label"], "labelled_by": row["labelled_by"]}


def _task(row: Mapping[str, Any], model: str) -> dict[str, Any]:
    label, score = _suggested(row)
    task: dict[str, Any] = {"data": {FIELD: row["text"], **_known(row)}}
    if label is not None:
        choice = {
            "from_name": QUESTION,
            "to_name": FIELD,
            "type": "choices",
            "value": {"choices": [xml_safe(label)]},
        }
        prediction: dict[str, Any] = {"model_version": model, "result": [choice]}
        if score is not None:
            prediction["score"] = score
        task["predictions"] = [prediction]
    return task


def _record(row: Mapping[str, Any], model: str, split: str | None) -> dict[str, Any]:
    label, score = _suggested(row)
    suggestions = {}
    if label is not None:
        suggestions[QUESTION] = {"value": label, "score": score, "agent": model}
    metadata = _known(row) if split is None else {**_known(row), "split": split}
    return {
        "id": row["id"],
        "fields": {FIELD: row["text"]},
        "metadata": metadata,
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
        "status": "pending",
    }


def _write_array(path: Path, entries: Iterator[dict[str, Any]]) -> None:
    """An array of JSON, an entry a line."""
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write("[")
        for number, entry in enumerate(entries):
            file.write(("," if number else "") + "\n" + _json(entry))
        file.write("\n]\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
