"""The model card of a student: what it is, whose labels it learned, how good it was measured to be.

Names of classes, projects, files and models are other people's words: see
:mod:`llkd.exporting.markup`. Every figure is handed in; nothing is computed here but its wording.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llkd.exporting.markup import code, fenced, share, size, table, visible, yaml_string

Figures = Mapping[str, Any]

FORMS = {
    "torch": "PyTorch, 32-bit",
    "fp32": "ONNX, 32-bit",
    "int8": "ONNX, 8-bit",
}
_ABOUT_GOLD = (
    "The student was not trained on them. Intervals are 95 %, of the texts (Wilson for accuracy, "
    "bootstrap for macro-F1); they say nothing about texts of another kind."
)


@dataclass(frozen=True)
class Story:
    """What a card tells of a student.

    ``base`` is the model it was made from, ``base_id`` its id on a model hub, if it has one.
    ``data``: source, rows, held_out, sha256 and perhaps languages. ``teacher``: see
    :func:`llkd.pipeline.student_story.story`; ``teacher_report`` and ``report`` are reports of
    :mod:`llkd.evaluation` on the held-out texts (with macro_f1_interval), None without gold.
    ``agreement``: share and number of the pool's texts where student and teacher agree.
    ``forms`` is what was measured of the ONNX files, None where there are none; ``sizes`` maps
    files to bytes. ``made`` is a date.
    """

    project: str
    classes: Sequence[Mapping[str, str]]
    base: str
    base_id: str | None
    max_tokens: int
    made: str
    program: str
    run: int
    data: Figures
    teacher: Figures
    teacher_report: Figures | None
    config: Figures
    summary: Figures
    report: Figures | None
    agreement: tuple[float, int] | None
    forms: Figures | None
    sizes: Mapping[str, int]
    usage: str


def model_card(story: Story) -> str:
    """The card as Markdown with YAML front matter, as model hubs read it."""
    parts = [
        _front_matter(story),
        f"# A text classifier for {code(story.project)}",
        _what(story),
        "## Classes",
        _classes(story),
        "## How good it is",
        _quality(story),
        *(["## The same student in other forms", _forms(story)] if story.forms else []),
        "## Where its labels come from",
        _origin(story),
        "## How it was trained",
        _training(story),
        "## Limits",
        _limits(story),
        "## How to use it",
        _use(story),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _front_matter(story: Story) -> str:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags:"]
    lines += ["- text-classification", "- knowledge-distillation", "- llkd"]
    lines += ["- custom_code", *(["- onnx"] if story.forms else [])]
    if story.base_id is not None:
        lines += ["base_model:", f"- {yaml_string(story.base_id)}"]
    lines += [
        "# license: yours to choose; that of the base model, of the data and of the teacher's"
    ]
    lines += ["#   answers bear on it"]
    report = story.report
    if report is not None:
        lines += ["metrics:", "- accuracy", "- f1", "model-index:"]
        lines += [f"- name: {yaml_string(f'{story.project}, run {story.run}')}", "  results:"]
        lines += ["  - task:", "      type: text-classification", "    dataset:"]
        lines += [f"      name: {yaml_string(_source(story) + ', held-out texts')}"]
        lines += ["      type: private", "    metrics:"]
        for kind, name, value in (
            ("accuracy", "accuracy", report["accuracy"]),
            ("f1", "macro-F1", report["macro_f1"]),
        ):
            lines += [f"    - type: {kind}", f"      name: {name}", f"      value: {value:.6f}"]
    return "\n".join([*lines, "---"])


def _what(story: Story) -> str:
    return (
        f"It sorts a text into one of {len(story.classes)} classes, with a probability for each. "
        f"It is {code(story.base)} with a linear head on the mean of its last hidden states, and "
        f"sees the first {story.max_tokens:,} tokens of a text. It was trained on labels that "
        f"{_who(story)} gave, by {visible(story.program)} (run {story.run}, {story.made})."
    )


def _who(story: Story) -> str:
    kind, model = story.teacher["kind"], code(story.teacher["model"])
    return f"the file {model}" if kind == "file" else f"the model {model}"


def _classes(story: Story) -> str:
    if not any(entry.get("description") for entry in story.classes):
        return "\n".join(f"- {code(entry['name'])}" for entry in story.classes)
    rows = [[code(e["name"], True), _cell(e.get("description", ""))] for e in story.classes]
    return table(["class", "meaning"], rows)


def _quality(story: Story) -> str:
    report = story.report
    if report is None:
        said = (
            "Nobody knows: no held-out text had a gold label, so how often it is right was not "
            "measured. Label some texts by hand before you rely on it."
        )
        if story.agreement is not None:
            agreed, of = story.agreement
            said += (
                f" It agrees with its teacher on {share(agreed)} of the {of:,} texts it could "
                "learn from, which says that it learned what it was taught, not that it was taught "
                "right."
            )
        return said
    teacher = story.teacher_report
    rows = [
        [name, *(_figure(found, key, points) for found in (report, teacher) if found is not None)]
        for name, key, points in (
            ("accuracy", "accuracy", True),
            ("macro-F1", "macro_f1", True),
            ("expected calibration error", "ece", False),
        )
    ]
    heads = ["", "this student", *(["its teacher, same texts"] if teacher is not None else [])]
    per_class = [
        [
            code(line["class"], True),
            *(share(line[key]) for key in ("f1", "precision", "recall")),
            f"{line['support']:,}",
        ]
        for line in report["per_class"]
    ]
    return "\n\n".join(
        [
            f"Measured on {report['judged']:,} held-out texts with gold labels. {_ABOUT_GOLD}",
            table(heads, rows, numbers=True),
            table(["class", "F1", "precision", "recall", "texts"], per_class, numbers=True),
        ]
    )


def _figure(report: Figures, key: str, points: bool) -> str:
    value, interval = report.get(key), report.get(f"{key}_interval")
    if value is None:
        return "not known"
    if not points:
        return f"{value:.3f}"
    if not interval:
        return share(value)
    return f"{share(value)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _forms(story: Story) -> str:
    found = story.forms or {}
    texts, variants = found["texts"], found["variants"]
    measured = all("accuracy" in entry for entry in variants.values())
    heads = ["form", "file", "size"]
    heads += ["accuracy", "difference"] if measured else []
    heads += ["same label as PyTorch", "one text", "in batches"]
    rows = []
    for name, entry in variants.items():
        file = entry["file"]
        row = [FORMS[name], f"`{file}`", size(story.sizes[file])]
        if measured:
            row.append(share(entry["accuracy"]))
            apart = entry["accuracy_difference"]
            row.append(
                "–"
                if name == "torch"
                else "{value:+.1f} points ({low:+.1f} to {high:+.1f})".format(
                    **{key: 100 * value for key, value in apart.items()}
                )
            )
        row += ["–" if name == "torch" else share(entry["agreement"])]
        row += [f"{entry['ms_per_text']:.1f} ms", f"{entry['texts_per_second']:,.0f} texts/s"]
        rows.append(row)
    of = texts["of"]
    which = "held-out texts" if texts["kind"] == "held-out" else "texts of the pool"
    some = f"{texts['count']:,} of the {of:,}" if texts["count"] < of else f"the {of:,}"
    processor = f" ({visible(found['processor'])})" if found.get("processor") else ""
    lines = [
        f"Measured on {some} {which}. Times are medians on the CPU{processor}, "
        f"{found['threads']} {'thread' if found['threads'] == 1 else 'threads'}, from text to "
        f"probabilities: one text alone, and batches of {found['batch']}.",
        table(heads, rows, numbers=True),
    ]
    if not measured:
        lines.append("No gold was there, so only the agreement of the forms could be measured.")
    lines.append(
        found["note"]
        or "The 8-bit model is at most one point less accurate than the 32-bit one and gives "
        "another label to at most one text in twenty, the bounds within which it is not advised "
        "against."
        if measured
        else found["note"]
        or "The 8-bit model gives another label to at most one text in twenty, the bound within "
        "which it is not advised against."
    )
    lines.append(
        "In the 8-bit model a text's probabilities depend a little on the texts that share its "
        "batch, because the scale of the activations is taken over all of them."
    )
    return "\n\n".join(lines)


def _origin(story: Story) -> str:
    data, teacher = story.data, story.teacher
    lines = [
        f"- **Texts**: {data['rows']:,} from {code(_source(story))}, of which {data['held_out']:,} "
        f"were held out; SHA-256 of ids and texts `{data['sha256']}`."
    ]
    if data.get("languages"):
        spoken = ", ".join(f"{code(k, limit=40)} {share(v)}" for k, v in data["languages"].items())
        lines.append(f"- **Languages**, guessed from a sample of the texts: {spoken}.")
    lines += [
        f"- **Teacher**: {_who(story)}. {teacher['asked']}",
        f"- **Its answers**: {teacher['labelled']:,} texts labelled; probabilities with the "
        f"calibration `{teacher['calibration']}`{_temperature(teacher)}.",
    ]
    if teacher["people"]:
        lines.append(f"- **People** labelled {teacher['people']:,} of the texts themselves.")
    return "\n".join(lines)


def _temperature(teacher: Figures) -> str:
    value = teacher["temperature"]
    return "" if value is None or value == 1 else f" and the temperature {value:.3g}"


def _training(story: Story) -> str:
    told, config = story.summary, dict(story.config)
    selection = dict(config.pop("selection"))
    lines = [
        f"- **Strategy**: `{selection['strategy']}`, which chooses the texts of every step.",
        f"- **Samples**: {told['backpropagated']:,} back-propagated "
        f"({share(told['selected_share'])} of all it could have been trained on), "
        f"{told['unique']:,} different texts, {told['steps']:,} steps.",
    ]
    if told.get("selected_accuracy") is not None:
        lines.append(
            f"- **Labels right**: {share(told['selected_accuracy'])} of the selected labels whose "
            "text had gold."
        )
    lines += [f"- **Note**: {code(said, limit=400)}" for said in told.get("warnings", [])]
    # The path of a folder says something about a machine and nothing about the student.
    settings = {**config, "student": story.base, "selection": selection}
    written = json.dumps(settings, indent=1, ensure_ascii=False, sort_keys=True)
    return "\n".join(lines) + "\n\nAll settings:\n\n" + fenced(written, "json")


def _limits(story: Story) -> str:
    lines = [
        "- It gives every text one of its classes, also a text that belongs to none of them.",
        "- It learned from the labels above, with their errors and leanings.",
        f"- What comes after the first {story.max_tokens:,} tokens of a text is not seen.",
    ]
    if story.report is None:
        lines.append("- How often it is right is not known.")
    elif story.report["judged"] < 200:
        lines.append(
            f"- {story.report['judged']:,} texts measured it, so the intervals above are wide."
        )
    return "\n".join(lines)


def _use(story: Story) -> str:
    if not story.forms:
        return story.usage
    script = (
        "Anywhere, without PyTorch (`pip install onnxruntime tokenizers numpy`):\n\n"
        '```\npython predict.py "a text" "another text"\n'
        "python predict.py --int8 < texts.txt\n```\n\n"
        "In a browser or Node.js, with transformers.js (`model_quantized.onnx` with "
        "`{ dtype: 'q8' }`):\n\n"
        "```js\nconst classify = await pipeline('text-classification', FOLDER, { dtype: 'fp32' });"
        "\nconsole.log(await classify(['a text']));\n```\n\n"
        "With PyTorch and transformers:"
    )
    return script + "\n\n" + story.usage


def _source(story: Story) -> str:
    return str(story.data["source"])


def _cell(text: str) -> str:
    """Words of a person in a table; in a code span, so that they are only words."""
    return code(text, True, limit=400) if text.strip() else ""
