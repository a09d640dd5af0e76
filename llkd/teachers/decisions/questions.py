"""The question as a decision server gets it: instructions, options with descriptions, the text.

The project's instruction becomes the question's instructions, class names and descriptions become
its options, and the configured question about the text becomes what is decided about. Neither
interface has a place for few-shot examples (earlier messages would be part of what is decided
about), so they stand in the instructions. Instruction and question are filled in one pass, so that
nothing written in a text, a class or an example is ever read as a placeholder.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.teachers.api.options import CHARACTERS_PER_TOKEN, GAP, fill
from llkd.teachers.base import Example, FewShot

MOST_OPTIONS = 255
"""Of one question, in both interfaces; some servers take fewer."""
NAME = "category"
"""Of the one question that is asked; replies are by name."""


@dataclass(frozen=True)
class Option:
    """One option: its name, and what it means (empty where nobody said)."""

    name: str
    description: str


@dataclass(frozen=True)
class DecisionQuery:
    """What is decided about one text. ``key`` names the options, which are those of ``classes``.

    ``own``: bytes that belong to this text, with the examples chosen for it.
    """

    key: str
    instructions: str
    options: tuple[Option, ...]
    text: str
    own: int


class DecisionQuestions:
    """Makes questions from the settings, the classes and the examples."""

    def __init__(self, config: TeacherConfig, labels: LabelSet, examples: FewShot) -> None:
        """``config`` gives instruction, question and the longest text."""
        self._instruction = config.instruction
        self._question = config.question
        self._labels = labels.labels
        self._examples = examples
        self.names = option_names([label.words for label in self._labels])
        self.longest = config.max_text_tokens * CHARACTERS_PER_TOKEN
        self._choosing = threading.Lock()

    def options(self, classes: Sequence[int] | None = None) -> tuple[Option, ...]:
        """The options of these classes; without any, of all."""
        indices = range(len(self._labels)) if classes is None else classes
        return tuple(Option(self.names[k], self._labels[k].description) for k in indices)

    def groups(self, groups: Sequence[Sequence[int]]) -> tuple[Option, ...]:
        """An option for each group of classes; its description names its members."""
        return tuple(
            Option(f"group {place + 1}", "; ".join(self._described(k) for k in group))
            for place, group in enumerate(groups)
        )

    def about(self, key: str, options: tuple[Option, ...], text: str) -> DecisionQuery:
        """The question about one text, with the examples chosen for it."""
        nearest: Sequence[Example] = ()
        if self._examples.choose is not None:
            with self._choosing:
                nearest = self._examples.choose(text)
        fixed = self._examples.apart_from(text).fixed
        words, own = self._instructions(fixed, nearest)
        values = self._values((*fixed, *nearest))
        state = fill(self._question, {**values, "text": self.shorten(text)[0]})
        # What is measured of the fixed part holds for instructions with all of its examples only.
        whole = len(fixed) == len(self._examples.fixed)
        key = key if whole else f"{key} without an example"
        return DecisionQuery(key, words, options, state, len(state.encode()) + own)

    def template(self) -> str:
        """The instructions without the examples that are chosen for a text."""
        return self._instructions(self._examples.fixed, ())[0]

    def shorten(self, text: str) -> tuple[str, bool]:
        """A text that is too long without its middle, and whether it was."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) <= self.longest:
            return text, False
        room = self.longest - len(GAP)
        return text[: room - room // 2] + GAP + text[len(text) - room // 2 :], True

    def _instructions(
        self, fixed: Sequence[Example], nearest: Sequence[Example]
    ) -> tuple[str, int]:
        """The instructions, and how many bytes of them belong to this text alone."""
        values = self._values((*fixed, *nearest))
        words = fill(self._instruction, values)
        if values["examples"] and "{examples}" not in self._instruction + self._question:
            words += f"\n\nExamples:\n{values['examples']}"
        own = sum(len(self._example(example).encode()) + 2 for example in nearest)
        return words, own

    def _values(self, examples: Sequence[Example]) -> dict[str, str]:
        return {
            "labels": "\n".join(f"- {label.words}" for label in self._labels),
            "descriptions": "\n".join(f"- {self._described(k)}" for k in range(len(self._labels))),
            "examples": "\n\n".join(map(self._example, examples)),
        }

    def _example(self, example: Example) -> str:
        return f"Text: {self.shorten(example.text)[0]}\nAnswer: {self.names[example.label]}"

    def _described(self, place: int) -> str:
        label: Label = self._labels[place]
        return f"{label.words}: {label.description}" if label.description else label.words


def option_names(words: Sequence[str]) -> tuple[str, ...]:
    """A name for each class that stays its own whatever a server does to names.

    Servers strip and lower them, or bring them into one Unicode form: classes whose names are then
    the same get a number behind them, in their order.
    """
    counts = Counter(_plain(name) for name in words)
    names, numbers = [], Counter[str]()
    own_names = {key for key, number in counts.items() if number == 1}
    for word in words:
        key, name = _plain(word), word.strip() or "?"
        if counts[key] > 1 or not word.strip():
            while True:
                numbers[key] += 1
                name = f"{word.strip()} ({numbers[key]})".strip()
                if _plain(name) not in own_names:
                    break
            own_names.add(_plain(name))
        names.append(name)
    return tuple(names)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
