"""The model card: valid front matter, figures as handed in, and names that stay only names."""

import json
from dataclasses import replace

import huggingface_hub
import markdown_it
import pytest
import yaml

from llkd.exporting import ModelCard, model_card
from llkd.exporting.markup import code, size, visible, yaml_string
from llkd.store.run_summary import RunSummary

REPORT = {
    "judged": 120,
    "accuracy": 0.75,
    "accuracy_interval": [0.6656, 0.8188],
    "macro_f1": 0.7123,
    "macro_f1_interval": [0.63, 0.79],
    "ece": 0.0456,
    "per_class": [
        {"class": "a", "f1": 0.8, "precision": 0.9, "recall": 0.72, "support": 70},
        {"class": "b", "f1": 0.6246, "precision": 0.5, "recall": 0.832, "support": 50},
    ],
}
HOSTILE = [
    "<script>alert(1)</script>",
    "](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "`code` ``` fence",
    "a | b",
    "---\nlicense: stolen\n---\n# Heading",
    "🙂 ü \u2028 \x7f \u202e end",
    "https://evil.example www.evil.example",
    "\\",
    ": {}[]&*!%@'\"",
]


def entry(file, agreement, accuracy=None, difference=0.0):
    found = {
        "file": file, "agreement": agreement, "ms_per_text": 4.25, "texts_per_second": 1234.4,
    }  # fmt: skip
    if accuracy is not None:
        apart = {"value": difference, "low": difference - 0.01, "high": difference + 0.01}
        found |= {"accuracy": accuracy, "accuracy_difference": apart}
    return found


def forms(measured=True, note=None):
    return {
        "texts": {"kind": "held-out" if measured else "pool", "count": 120, "of": 120},
        "threads": 2,
        "batch": 32,
        "processor": "A processor | of some kind",
        "variants": {
            "torch": entry("model.safetensors", 1.0, 0.75 if measured else None),
            "fp32": entry("model.onnx", 1.0, 0.75 if measured else None),
            "int8": entry("model.int8.onnx", 0.975, 0.7417 if measured else None, -0.0083),
        },
        "note": note,
    }


def story(**changes):
    base = ModelCard(
        project="city",
        classes=[{"name": "a", "description": "what a is"}, {"name": "b", "description": ""}],
        base="all-MiniLM-L6-v2",
        base_id="sentence-transformers/all-MiniLM-L6-v2",
        max_tokens=64,
        date="1 May 2026",
        program="LLKD Studio",
        run=3,
        data={"source": "texts.csv", "rows": 1000, "held_out": 250, "sha256": "ab" * 32},
        teacher={
            "kind": "local", "model": "SmolLM2", "asked": "It was asked.", "labelled": 990,
            "calibration": "batch", "temperature": 1.0, "people": 0,
        },
        teacher_report={**REPORT, "accuracy": 0.6, "accuracy_interval": None},
        config={"epochs": 3, "student": "/home/ann/model", "selection": {"strategy": "llkd"}},
        summary=RunSummary(
            backpropagated=428, selected_share=0.183, unique=300, steps=75, selected_accuracy=0.521
        ),
        report=REPORT,
        agreement=None,
        forms=forms(),
        sizes={"model.safetensors": 90_900_000, "model.onnx": 91_000_000, "model.int8.onnx": 999},
        usage="```python\nimport torch\n```",
    )  # fmt: skip
    return replace(base, **changes)


def front(card):
    start, matter, rest = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(matter), rest


def test_the_front_matter_is_a_hubs():
    card = model_card(story())
    found, _ = front(card)
    assert found["pipeline_tag"] == "text-classification"
    assert found["base_model"] == ["sentence-transformers/all-MiniLM-L6-v2"]
    assert {"text-classification", "onnx"} <= set(found["tags"])
    assert "license" not in found
    [model] = found["model-index"]
    [result] = model["results"]
    assert result["task"] == {"type": "text-classification"}
    assert [(m["type"], m["value"]) for m in result["metrics"]] == [
        ("accuracy", 0.75), ("f1", 0.7123),
    ]  # fmt: skip
    data = huggingface_hub.ModelCard(card).data
    assert data.eval_results[0].metric_value == 0.75
    assert data.base_model == ["sentence-transformers/all-MiniLM-L6-v2"]


def test_the_figures_are_those_handed_in():
    card = model_card(story())
    for line in (
        "Measured on 120 held-out texts with gold labels.",
        "| accuracy | 75.0 % (66.6 to 81.9) | 60.0 % |",
        "| macro-F1 | 71.2 % (63.0 to 79.0) | 71.2 % (63.0 to 79.0) |",
        "| expected calibration error | 0.046 | 0.046 |",
        "| `b` | 62.5 % | 50.0 % | 83.2 % | 50 |",
        "| PyTorch, 32-bit | `model.safetensors` | 90.9 MB | 75.0 % | – | – | 4.2 ms | 1,234 texts/s |",
        "| ONNX, 8-bit | `model.int8.onnx` | 999 bytes | 74.2 % | \u22120.8 (\u22121.8 to +0.2) points | 97.5 %",
        "2 threads, from text to probabilities: one text alone, and batches of 32.",
        "1,000 from `texts.csv`, of which 250 were held out; SHA-256 of ids and texts `abab",
        "428 back-propagated (18.3 % of all it could have been trained on), 300 different texts",
        "120 texts measured it, so the intervals above are wide.",
        "gave, by LLKD Studio (run 3, 1 May 2026).",
    ):
        assert line in card, line
    assert "/home/ann" not in card and '"student": "all-MiniLM-L6-v2"' in card
    assert "python predict.py" in card


def test_without_gold_nothing_is_claimed():
    card = model_card(
        story(report=None, teacher_report=None, agreement=(0.913, 750), forms=forms(False))
    )
    found, rest = front(card)
    assert "metrics" not in found and "model-index" not in found
    assert "Nobody knows: no held-out text had a gold label" in rest
    assert "It agrees with its teacher on 91.3 % of the 750 texts" in rest
    assert "No gold was there, so only the agreement of the forms could be measured." in rest
    assert "accuracy |" not in rest and "Measured on the 120 texts of the pool." in rest
    assert "How often it is right is not known." in rest


def test_a_transformers_folder_alone_speaks_of_no_onnx():
    card = model_card(story(forms=None, base_id=None))
    found, rest = front(card)
    assert "onnx" not in found["tags"] and "base_model" not in found
    assert "onnx" not in rest.lower() and "predict.py" not in rest
    assert "import torch" in rest


def test_a_note_stands_in_place_of_the_all_clear():
    note = "The 8-bit model is 3.0 points less accurate than the 32-bit one: prefer model.onnx."
    assert "the bounds within which it is not advised against" in model_card(story())
    card = model_card(story(forms=forms(note=note)))
    assert note in card and "not advised against" not in card


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_only_names(name):
    card = model_card(
        story(
            project=name,
            classes=[{"name": name, "description": name}, {"name": "b", "description": ""}],
            base=name,
            base_id=name,
            data={
                "source": name, "rows": 1, "held_out": 0, "sha256": "00",
                "languages": {name: 1.0},
            },
            teacher={**story().teacher, "model": name},
            summary=story().summary.model_copy(
                update={"warnings": (f"No text labelled {name!r} was selected.",)}
            ),
            config={**story().config, "selection": {"strategy": "fixed", "teacher": {name: 0.5}}},
            report={**REPORT, "per_class": [{**REPORT["per_class"][0], "class": name}]},
        )
    )  # fmt: skip
    found, rest = front(card)
    assert set(found) == {
        "library_name",
        "pipeline_tag",
        "tags",
        "base_model",
        "metrics",
        "model-index",
    }
    assert found["base_model"] == [visible(name)]
    assert found["model-index"][0]["name"] == f"{visible(name)}, run 3"
    tokens = markdown_it.MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(rest)
    headings = [tokens[k + 1] for k, token in enumerate(tokens) if token.type == "heading_open"]
    assert len(headings) == 8
    inline = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inline} <= {
        "text", "code_inline", "strong_open", "strong_close", "softbreak",
    }  # fmt: skip
    assert not any(token.type in {"html_block", "html_inline"} for token in tokens)
    # Wherever it stands it stands whole, and every row of a table has as many cells as its head.
    spans = [child.content for child in inline if child.type == "code_inline"]
    assert sum(span == visible(name).strip() for span in spans) >= 5
    words = "".join(child.content for child in inline if child.type == "text")
    assert visible(name) not in words or name == "\\"
    fences = [token for token in tokens if token.type == "fence"]
    settings = next(json.loads(token.content) for token in fences if token.info == "json")
    assert list(settings["selection"]["teacher"]) == [name]


def test_code_spans_and_yaml_of_any_text():
    assert code("a`b") == "``a`b``" and code("`") == "`` ` ``" and code("") == "(empty)"
    assert code("a|b", table=True) == "`a\\|b`" and code("a|b") == "`a|b`"
    assert code("\ud800\0") == "`\ufffd\ufffd`"
    assert len(visible("x" * 999)) == 200
    for text in HOSTILE:
        assert yaml.safe_load(yaml_string(text)) == visible(text)


def test_sizes_in_words():
    assert [size(n) for n in (0, 999, 1000, 23_400_000, 5_120_000_000)] == [
        "0 bytes", "999 bytes", "1.0 kB", "23.4 MB", "5.1 GB",
    ]  # fmt: skip
