"""Exports for annotation tools: hostile names stay names, splits and scores come along.

Label Studio's ``LabelInterface`` and Argilla's ``Settings`` and records read the same files; that was
tried with label-studio-sdk 2.1.2 and argilla 2.8.0, which cannot be installed beside this project.
"""

import json
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from llkd.exporting.annotation_tools import (
    argilla_name,
    labeling_config,
    write_argilla,
    write_label_studio,
)

NAMES = ['a "b" & <c>', "</Choices>", "naïve 日本 \U0001f600", "tab\tname", "nul\x00"]


def table(**columns):
    rows = {
        "id": ["1", "2"],
        "text": ['<script>alert("x")</script>', "zwei\nZeilen"],
        "label": [NAMES[0], NAMES[1]],
        "labelled_by": ["teacher", "person"],
        "teacher_label": [NAMES[0], None],
        "teacher_confidence": [0.75, None],
    }
    return pa.table({**rows, **columns})


def test_the_interface_holds_the_very_names():
    root = ElementTree.fromstring(labeling_config(NAMES))
    choices = [choice.attrib["value"] for choice in root.iter("Choice")]
    assert choices == [*NAMES[:4], "nul\N{REPLACEMENT CHARACTER}"]
    assert [c.attrib.get("hotkey") for c in root.iter("Choice")] == list("12345")
    many = ElementTree.fromstring(labeling_config([f"c{k}" for k in range(77)]))
    assert not any("hotkey" in choice.attrib for choice in many.iter("Choice"))


def test_tasks_carry_text_id_prediction_and_score(tmp_path):
    manifest = {"teacher": {"describe": {"model": "smol"}}}
    files = write_label_studio({"train": table()}, tmp_path, NAMES, manifest)
    assert [f.name for f in files] == ["tasks.json", "config.xml"]
    first, second = json.loads(files[0].read_text())
    assert first["data"]["text"] == '<script>alert("x")</script>'
    assert first["data"]["llkd_id"] == "1"
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("smol", 0.75)
    assert prediction["result"][0]["value"] == {"choices": [NAMES[0]]}
    assert "predictions" not in second and second["data"]["curated_label"] == NAMES[1]


def test_splits_are_files_for_the_one_and_metadata_for_the_other(tmp_path):
    parts = {"train": table(), "validation": table()}
    tasks = write_label_studio(parts, tmp_path / "ls", NAMES, {})
    assert [f.name for f in tasks] == ["tasks-train.json", "tasks-validation.json", "config.xml"]
    records, settings, dataset = write_argilla(parts, tmp_path / "a", NAMES, {})
    splits = [r["metadata"]["split"] for r in json.loads(records.read_text())]
    assert splits == ["train"] * 2 + ["validation"] * 2
    options = json.loads(settings.read_text())["questions"][0]["settings"]["options"]
    assert [o["value"] for o in options] == NAMES
    assert json.loads(dataset.read_text())["name"] == "curated"


@pytest.mark.parametrize(
    ("title", "name"), [("my texts", "my-texts"), ("日本", "curated"), ("a/../b", "a----b")]
)
def test_a_name_that_argilla_takes(title, name):
    assert argilla_name(title) == name
