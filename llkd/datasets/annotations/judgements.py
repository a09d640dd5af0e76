"""What annotation tools' files hold beside texts: people's labels, models' labels, what is neither.

A record is a row of the file's table. A label is one name; who chose several, skipped the text or
left a draft gave none, and is counted.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llkd.datasets.characters import storable, visible
from llkd.datasets.checks.class_names import cleaned
from llkd.datasets.wording import count, listed, plain, quoted

LONGEST_NAME = 100
_NUMBER = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}")
SKIPPED, DRAFT, SEVERAL, EMPTY = "skipped", "draft", "several", "empty"
_WORDS = {
    SKIPPED: "was skipped or discarded",
    DRAFT: "is a draft",
    SEVERAL: "chooses several classes, and a text has one here",
    EMPTY: "says nothing of this question",
}
_MANY_WORDS = {
    SKIPPED: "were skipped or discarded",
    DRAFT: "are drafts",
    SEVERAL: "choose several classes, and a text has one here",
    EMPTY: "say nothing of this question",
}


class Judgement(NamedTuple):
    """One person's label of one record; ``created`` orders them, ``truth`` comes last."""

    record: int
    who: str
    label: str
    created: str = ""
    truth: bool = False


class Prediction(NamedTuple):
    """One model's label of one record; ``score`` from 0 to 1, None where the file has none."""

    record: int
    model: str
    label: str
    score: float | None


@dataclass
class Question:
    """One question of the tool, and what was answered to it."""

    judgements: list[Judgement] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass
class Annotations:
    """All questions of a file of ``tool``; ``columns`` are those that hold answers, no texts."""

    tool: str
    columns: frozenset[str]
    questions: dict[str, Question] = field(default_factory=lambda: defaultdict(Question))
    drafts_unknown: bool = False
    skipped: int = 0

    def answered(self) -> list[str]:
        """The questions that somebody or some model gave a class for, by their number of labels."""
        sizes = {
            name: len(question.judgements) + len(question.predictions)
            for name, question in self.questions.items()
        }
        return sorted((name for name in sizes if sizes[name]), key=lambda name: -sizes[name])

    def pick(self, wanted: str | None) -> tuple[str | None, Question | None]:
        """The question that was asked for, or the only one that people or models answered."""
        if wanted is not None:
            name = self._named(wanted)
            return name, None if name is None else self.questions[name]
        answered = self.answered()
        return (answered[0], self.questions[answered[0]]) if len(answered) == 1 else (None, None)

    def _named(self, wanted: str) -> str | None:
        """The question of a name, or of a column that holds its answers."""
        if wanted in self.questions:
            return wanted
        return next((name for name in self.questions if wanted.startswith(f"{name}.")), None)


class PeopleLabels(NamedTuple):
    """People's labels of texts, oldest first: the position of a text, who, and which class.

    ``tool`` and ``question`` say where they are from.
    """

    tool: str
    question: str
    position: list[int]
    who: list[str]
    label: list[str]

    @property
    def people(self) -> list[str]:
        """Everybody who labelled, by name."""
        return sorted(set(self.who))

    def with_those_of(self, other: PeopleLabels) -> PeopleLabels:
        """These labels and those of another file."""
        return self._replace(
            position=[*self.position, *other.position],
            who=[*self.who, *other.who],
            label=[*self.label, *other.label],
        )

    def sentence(self) -> str:
        """What they are, in words."""
        texts = len(set(self.position))
        return (
            f"{count(len(self.label), 'label')} of {count(len(self.people), 'person', 'people')} "
            f"for {count(texts, 'text')}, from {self.tool}'s question {quoted(self.question)}, "
            f"{'is' if len(self.label) == 1 else 'are'} kept as theirs: "
            f"{listed([plain(name, 60) for name in self.people], 5)}."
        )


def of_positions(
    annotations: Annotations, wanted: str | None, position: Mapping[int, int]
) -> tuple[PeopleLabels | None, list[str]]:
    """The labels of the question asked for, and sentences; ``position``: record to kept text."""
    name, question = annotations.pick(wanted)
    if name is None or question is None:
        return None, _unchosen(annotations)
    notes = _notes(annotations, name, question)
    judgements = [j for j in question.judgements if j.record in position]
    if not judgements:
        return None, notes
    judgements.sort(key=lambda j: (j.truth, j.created))
    labels = PeopleLabels(
        annotations.tool,
        name,
        [position[j.record] for j in judgements],
        [j.who for j in judgements],
        [j.label for j in judgements],
    )
    return labels, [labels.sentence(), *notes]


def _unchosen(annotations: Annotations) -> list[str]:
    answered = annotations.answered()
    if not answered:
        return [f"The file is of {annotations.tool}, and nobody has given a text one class yet."]
    return [
        f"The file is of {annotations.tool} and holds answers to several questions: "
        f"{listed([quoted(name) for name in answered], 8)}. None was taken: choose one as the "
        "label column (--label-column)."
    ]


def _notes(annotations: Annotations, name: str, question: Question) -> list[str]:
    notes = []
    for reason, number in question.left_out.items():
        words = _WORDS if number == 1 else _MANY_WORDS
        notes.append(f"{count(number, 'answer')} to {quoted(name)} {words[reason]}: left out.")
    if annotations.skipped:
        was = "was" if annotations.skipped == 1 else "were"
        notes.append(f"{count(annotations.skipped, 'annotation')} {was} skipped: left out.")
    if annotations.drafts_unknown and question.judgements:
        notes.append(
            f"This form of {annotations.tool}'s records does not say which answers are drafts; all "
            "were taken. Its rows as a data set (records.to_datasets()) say it."
        )
    models = Counter(p.model for p in question.predictions)
    if models:
        notes.append(
            f"It also holds {count(sum(models.values()), 'label')} of "
            f"{listed([plain(model, 60) for model in models], 3)}: label with the teacher "
            "file:FILE to use them."
        )
    return notes


def class_name(value: Any) -> str | None:
    """One class name as it is stored; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    return cleaned(str(value)) if isinstance(value, str | int | float) else None


def person(name: Any, tool: str) -> str:
    """Who annotated, as a name of one line: an address or a name, else the tool's number."""
    if isinstance(name, Mapping):
        full = " ".join(
            str(name.get(part) or "").strip() for part in ("first_name", "last_name")
        ).strip()
        name = name.get("email") or name.get("username") or full or name.get("id")
    words = "" if name is None else " ".join(storable(str(name)).split())
    words = "".join(sign for sign in words if sign.isprintable())[:LONGEST_NAME]
    if not words or not visible(words):
        return f"somebody in {tool}"
    return f"{tool} user {words}" if _NUMBER.fullmatch(words) else words


def single(values: Iterable[Any]) -> tuple[str | None, str | None]:
    """The one class among the choices, or why there is none."""
    names = [name for value in values if (name := class_name(value)) is not None]
    if len(set(names)) == 1:
        return names[0], None
    return None, SEVERAL if names else EMPTY


def share(value: Any) -> float | None:
    """A score from 0 to 1; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0.0 <= number <= 1.0 else None
