"""The model card of a student: what it is, whose labels it learned, how good it was measured to be.

Names of classes, projects, files and models are other people's words: see
:mod:`llkd.exporting.markup`. Every figure is handed in; nothing is computed here but its wording.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llkd.evaluation.student_and_teacher import Standing
from llkd.evaluation.wording import points
from llkd.exporting.calibration_words import calibration_words
from llkd.exporting.certificate_words import certificate_lines
from llkd.exporting.dataset_card import refined_words
from llkd.exporting.form_words import forms_section
from llkd.exporting.markup import code, fenced, share, table, visible, yaml_string
from llkd.store.run_summary import RunSummary
from llkd.teachers.registry import described_kind

Figures = Mapping[str, Any]

_ABOUT_GOLD = (
    "The student was not trained on them. Intervals are 95 %, of the texts (Wilson for accuracy, "
    "bootstrap for macro-F1); they say nothing about texts of another kind."
)


@dataclass(frozen=True)
class ModelCard:
    """What a card tells of a student.

    ``base`` is the model it was made from, ``base_id`` its id on a model hub, if it has one.
    ``data``: source, rows, held_out, sha256 and perhaps languages. ``teacher``: see
    :func:`llkd.workflows.model_card.card_of_run`; ``teacher_report`` and ``report`` are reports of
    :mod:`llkd.evaluation.metrics` on the held-out texts (with macro_f1_interval) or None.
    ``agreement``: share and number of the pool's texts where student and teacher agree.
    ``standing``: student and teacher on the same texts, None where nobody knows a class of theirs.
    ``certificate``: of the texts that it was trained on.
    ``forms`` is what was measured of the ONNX files, None where there are none; ``sizes`` maps
    files to bytes. ``calibration``: see :mod:`llkd.evaluation.student_calibration`. ``date`` is a
    day in words.
    """

    project: str
    classes: Sequence[Mapping[str, str]]
    base: str
    base_id: str | None
    max_tokens: int
    longer: float | None = field(default=None, kw_only=True)
    date: str
    program: str
    run: int
    data: Figures
    teacher: Figures
    teacher_report: Figures | None
    config: Figures
    summary: RunSummary
    report: Figures | None
    agreement: tuple[float, int] | None
    forms: Figures | None
    sizes: Mapping[str, int]
    usage: str
    standing: Standing | None = None
    certificate: Figures | None = None
    calibration: Figures | None = None


def model_card(card: ModelCard) -> str:
    """The card as Markdown with YAML front matter, as model hubs read it."""
    parts = [
        _front_matter(card),
        f"# A text classifier for {code(card.project)}",
        _what(card),
        "## Classes",
        _classes(card),
        "## How good it is",
        _quality(card),
        *(
            [
                "## The same student in other forms",
                forms_section(card.forms, card.sizes),
                calibration_words(card.calibration),
            ]
            if card.forms
            else []
        ),
        "## Where its labels come from",
        _origin(card),
        *(["## How right these labels are"] if card.certificate else []),
        *certificate_lines(card.certificate),
        "## How it was trained",
        _training(card),
        "## Limits",
        _limits(card),
        "## How to use it",
        _use(card),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _front_matter(card: ModelCard) -> str:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags:"]
    lines += ["- text-classification", "- knowledge-distillation", "- llkd"]
    lines += ["- custom_code", *(["- onnx"] if card.forms else [])]
    if card.base_id is not None:
        lines += ["base_model:", f"- {yaml_string(card.base_id)}"]
    lines += [
        "# license: yours to choose; that of the base model, of the data and of the teacher's"
    ]
    lines += ["#   answers bear on it"]
    report = card.report
    if report is not None:
        lines += ["metrics:", "- accuracy", "- f1", "model-index:"]
        lines += [f"- name: {yaml_string(f'{card.project}, run {card.run}')}", "  results:"]
        lines += ["  - task:", "      type: text-classification", "    dataset:"]
        lines += [f"      name: {yaml_string(_source(card) + ', held-out texts')}"]
        lines += ["      type: private", "    metrics:"]
        for kind, name, value in (
            ("accuracy", "accuracy", report["accuracy"]),
            ("f1", "macro-F1", report["macro_f1"]),
        ):
            lines += [f"    - type: {kind}", f"      name: {name}", f"      value: {value:.6f}"]
    return "\n".join([*lines, "---"])


def _what(card: ModelCard) -> str:
    return (
        f"It sorts a text into one of {len(card.classes)} classes, with a probability for each. "
        f"It is {code(card.base)} with a linear head on the mean of its last hidden states, and "
        f"sees the first {card.max_tokens:,} tokens of a text{_longer(card)}. It was trained on "
        f"labels that {_who(card)} gave, by {visible(card.program)} (run {card.run}, {card.date})."
    )


def _longer(card: ModelCard) -> str:
    """How many of the texts that it learned from are longer; nothing where that is not known."""
    return "" if card.longer is None else f" ({share(card.longer)} of its pool's texts are longer)"


def _who(card: ModelCard) -> str:
    kind = described_kind(card.teacher)
    noun = "model" if kind is None else kind.noun
    return f"the {noun} {code(card.teacher['model'])}"


def _classes(card: ModelCard) -> str:
    if not any(entry.get("description") for entry in card.classes):
        return "\n".join(f"- {code(entry['name'])}" for entry in card.classes)
    rows = [[code(e["name"], True), _cell(e.get("description", ""))] for e in card.classes]
    return table(["class", "meaning"], rows)


def _quality(card: ModelCard) -> str:
    report = card.report
    if report is None:
        sentence = (
            "Nobody knows: no held-out text had a gold label, so how often it is right was not "
            "measured. Label some texts by hand before you rely on it."
        )
        if card.agreement is not None:
            agreed, of = card.agreement
            sentence += (
                f" It agrees with its teacher on {share(agreed)} of the {of:,} texts it could "
                "learn from, which says that it learned what it was taught, not that it was taught "
                "right."
            )
        return sentence
    teacher = card.teacher_report
    rows = [
        [
            name,
            *(
                _figure(figures, key, in_points)
                for figures in (report, teacher)
                if figures is not None
            ),
        ]
        for name, key, in_points in (
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
            f"Measured on {report['judged']:,} {_evaluated(card)}. {_ABOUT_GOLD}",
            table(heads, rows, numbers=True),
            *_against_teacher(card.standing),
            table(["class", "F1", "precision", "recall", "texts"], per_class, numbers=True),
        ]
    )


def _evaluated(card: ModelCard) -> str:
    """Which texts measured the student."""
    if card.standing is not None and card.standing.by_people:
        return "texts that people labelled"
    return "held-out texts with gold labels"


def _against_teacher(standing: Standing | None) -> list[str]:
    """The paired difference to the teacher, and the classes that the student never answers."""
    if standing is None:
        return []
    lines, apart = [], standing.difference
    if apart is not None:
        same = f"the same {standing.teacher_texts:,} texts"
        lines.append(f"Student minus teacher on {same}, points of accuracy: {points(apart)}.")
    if standing.unused:
        names = ", ".join(f"{code(name)} ({texts:,} texts)" for name, texts in standing.unused)
        lines.append(f"**It never answered** {names}.")
    return lines


def _figure(report: Figures, key: str, in_points: bool) -> str:
    value, interval = report.get(key), report.get(f"{key}_interval")
    if value is None:
        return "not known"
    if not in_points:
        return f"{value:.3f}"
    if not interval:
        return share(value)
    return f"{share(value)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _origin(card: ModelCard) -> str:
    data, teacher = card.data, card.teacher
    lines = [
        f"- **Texts**: {data['rows']:,} from {code(_source(card))}, of which {data['held_out']:,} "
        f"were held out; SHA-256 of ids and texts `{data['sha256']}`."
    ]
    if data.get("languages"):
        spoken = ", ".join(f"{code(k, limit=40)} {share(v)}" for k, v in data["languages"].items())
        lines.append(f"- **Languages**, guessed from a sample of the texts: {spoken}.")
    lines += [
        f"- **Teacher**: {_who(card)}. {teacher['asked']}",
        f"- **Its answers**: {teacher['labelled']:,} texts labelled; probabilities with the "
        f"calibration `{teacher['calibration']}`{_temperature(teacher)}.",
    ]
    if teacher.get("refinement"):
        lines.append(f"- **Refined**: {refined_words(teacher['refinement'])}")
    if teacher["people"]:
        lines.append(f"- **People** labelled {teacher['people']:,} of the texts themselves.")
    return "\n".join(lines)


def _temperature(teacher: Figures) -> str:
    value = teacher["temperature"]
    return "" if value is None or value == 1 else f" and the temperature {value:.3g}"


def _training(card: ModelCard) -> str:
    summary, config = card.summary, dict(card.config)
    selection = dict(config.pop("selection"))
    lines = [
        f"- **Strategy**: `{selection['strategy']}`, which chooses the texts of every step.",
        f"- **Samples**: {summary.backpropagated or 0:,} back-propagated "
        f"({share(summary.selected_share)} of all it could have been trained on), "
        f"{summary.unique or 0:,} different texts, {summary.steps or 0:,} steps.",
    ]
    if summary.selected_accuracy is not None:
        lines.append(
            f"- **Labels right**: {share(summary.selected_accuracy)} of the selected labels whose "
            "text had gold."
        )
    lines += [f"- **Note**: {code(warning, limit=400)}" for warning in summary.warnings]
    # The path of a folder says something about a machine and nothing about the student.
    settings = {**config, "student": card.base, "selection": selection}
    written = json.dumps(settings, indent=1, ensure_ascii=False, sort_keys=True)
    return "\n".join(lines) + "\n\nAll settings:\n\n" + fenced(written, "json")


def _limits(card: ModelCard) -> str:
    lines = [
        "- It gives every text one of its classes, also a text that belongs to none of them.",
        "- It learned from the labels above, with their errors and leanings.",
        f"- What comes after the first {card.max_tokens:,} tokens of a text is not seen.",
    ]
    if card.report is None:
        lines.append("- How often it is right is not known.")
    elif card.report["judged"] < 200:
        lines.append(
            f"- {card.report['judged']:,} texts measured it, so the intervals above are wide."
        )
    return "\n".join(lines)


def _use(card: ModelCard) -> str:
    if not card.forms:
        return card.usage
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
    return script + "\n\n" + card.usage


def _source(card: ModelCard) -> str:
    return str(card.data["source"])


def _cell(text: str) -> str:
    """Words of a person in a table; in a code span, so that they are only words."""
    return code(text, True, limit=400) if text.strip() else ""
