"""The question as an API gets it: the classes as options, examples as earlier turns, the text.

The system message holds the instruction, the options and the rule of the answer; the user message
is the configured question with the text put in. A template's placeholders are replaced in one pass,
so that nothing written in a text, a class or an example is ever read as a placeholder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase, digits

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.teachers.api.class_names import fold
from llkd.teachers.api.replies import LETTERS
from llkd.teachers.api.retries import MESSAGE_TOKENS, Query
from llkd.teachers.base import Example, FewShot
from llkd.teachers.prompts import PLACEHOLDER, label_turns

CHARACTERS_PER_TOKEN = 4
GAP = " ... "
_RULE = "Answer with the {what} and nothing else."
_STATED_RULE = (
    'Answer only with JSON of this form: {"label": "<the name of one category>", "confidence": '
    "<from 0 to 100, how probable it is that this category is right>}"
)


@dataclass(frozen=True)
class Question:
    """One way to ask about a text.

    ``key`` names it; ``listed`` and ``described`` are the options without and with descriptions;
    ``answers[k]`` is the right answer for class k, None where the question does not offer it.
    ``marks``: what stands before each option, in their order, where they have marks. ``turns``:
    examples are earlier turns, not words of the instruction. ``local``: the words are those of a
    model on this machine (:func:`llkd.teachers.prompts.label_turns`), and the answer is begun.
    """

    key: str
    listed: str
    described: str
    rule: str
    answers: tuple[str | None, ...]
    heading: str = "Categories"
    turns: bool = True
    marks: tuple[str, ...] = ()
    local: bool = False


class Questions:
    """Makes messages from the settings, the classes and the examples."""

    def __init__(self, config: TeacherConfig, labels: LabelSet, examples: FewShot) -> None:
        """``config`` gives instruction, question and the longest text."""
        self._config, self._label_set = config, labels
        self._instruction = config.instruction
        self._question = config.question
        self._labels = labels.labels
        self._examples = examples
        self.longest = config.max_text_tokens * CHARACTERS_PER_TOKEN
        self._choosing = threading.Lock()

    def letters(self) -> Question:
        """The classes as lettered options; at most 20."""
        return self._lettered("letters", list(range(len(self._labels))))

    def members(self, group: int, classes: Sequence[int]) -> Question:
        """The lettered classes of one group."""
        return self._lettered(f"group {group}", classes)

    def groups(self, groups: Sequence[Sequence[int]]) -> Question:
        """Lettered groups of classes, their members named."""
        answers: list[str | None] = [None] * len(self._labels)
        marks = option_marks([()] * len(groups), _single_letters(self._labels))
        for letter, group in zip(marks, groups, strict=True):
            for k in group:
                answers[k] = letter

        def lines(show: Callable[[Label], str]) -> str:
            return _marked(marks, ("; ".join(show(self._labels[k]) for k in g) for g in groups))

        return Question(
            key="groups",
            listed=lines(lambda label: label.words),
            described=lines(_described),
            rule=_RULE.replace("{what}", "letter of the group that holds the right category"),
            answers=tuple(answers),
            heading="Groups of categories",
            marks=marks,
        )

    def names(self) -> Question:
        """The classes by name."""
        return self._named("names", _RULE.replace("{what}", "name of one category"), turns=True)

    def begun(self) -> Question:
        """The words that a model on this machine is asked in, behind which its answer begins."""
        return replace(self._named("begun", "", turns=False), local=True)

    def stated(self) -> Question:
        """The classes by name, with a stated confidence.

        Examples stand in the instruction: as turns they would have to show a confidence, and
        nobody measured one.
        """
        return self._named("stated", _STATED_RULE, turns=False)

    def query(self, question: Question, text: str) -> Query:
        """The messages about one text, with the examples chosen for it."""
        nearest: Sequence[Example] = ()
        if self._examples.choose is not None:
            with self._choosing:
                nearest = self._examples.choose(text)
        fixed = self._examples.apart_from(text).fixed
        return self._query(question, self.shorten(text)[0], nearest, fixed)

    def template(self, question: Question) -> str:
        """The messages with ``{text}`` for the text and without examples chosen for a text."""
        return shown(self._query(question, "{text}", (), self._examples.fixed))

    def shorten(self, text: str) -> tuple[str, bool]:
        """A text that is too long without its middle, and whether it was."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) <= self.longest:
            return text, False
        room = self.longest - len(GAP)
        return text[: room - room // 2] + GAP + text[len(text) - room // 2 :], True

    def _lettered(self, key: str, classes: Sequence[int]) -> Question:
        answers: list[str | None] = [None] * len(self._labels)
        names = [(self._labels[k].words.strip(), self._labels[k].name.strip()) for k in classes]
        marks = option_marks(names, _single_letters(self._labels))
        for letter, k in zip(marks, classes, strict=True):
            answers[k] = letter
        return Question(
            key=key,
            listed=_marked(marks, (self._labels[k].words for k in classes)),
            described=_marked(marks, (_described(self._labels[k]) for k in classes)),
            rule=_RULE.replace("{what}", "letter of one category"),
            answers=tuple(answers),
            marks=marks,
        )

    def _named(self, key: str, rule: str, *, turns: bool) -> Question:
        return Question(
            key=key,
            listed="\n".join(f"- {label.words}" for label in self._labels),
            described="\n".join(f"- {_described(label)}" for label in self._labels),
            rule=rule,
            answers=tuple(label.words for label in self._labels),
            turns=turns,
        )

    def _query(
        self,
        question: Question,
        text: str,
        nearest: Sequence[Example],
        fixed: Sequence[Example],
    ) -> Query:
        if question.local:
            return self._local_query(question, text, nearest, fixed)
        examples = [
            (self.shorten(example.text)[0], answer)
            for example in (*fixed, *nearest)
            if (answer := question.answers[example.label]) is not None
        ]
        template = self._instruction + self._question
        as_turns = question.turns and "{examples}" not in template
        values = {
            "labels": question.listed,
            "descriptions": question.described,
            "examples": "\n\n".join(f"Text: {words}\nAnswer: {a}" for words, a in examples),
        }
        system = fill(self._instruction, values)
        if "{labels}" not in template and "{descriptions}" not in template:
            system += f"\n\n{question.heading}:\n{question.described}"
        if examples and not as_turns and "{examples}" not in template:
            system += f"\n\nExamples:\n{values['examples']}"
        messages = [{"role": "system", "content": f"{system}\n\n{question.rule}"}]
        for words, answer in examples if as_turns else []:
            messages.append({"role": "user", "content": self._question_about(words, values)})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": self._question_about(text, values)})
        # What is measured of the fixed part holds for prompts with all of its examples only.
        whole = len(fixed) == len(self._examples.fixed)
        key = question.key if whole else f"{question.key} without an example"
        return Query(messages, key, self._own(text, examples if nearest else [], as_turns))

    def _local_query(
        self,
        question: Question,
        text: str,
        nearest: Sequence[Example],
        fixed: Sequence[Example],
    ) -> Query:
        """The turns of a local model's prompt before its answer, as messages."""
        few = FewShot(fixed=tuple(fixed), choose=(lambda _: nearest) if nearest else None)
        turns = label_turns(self._config, self._label_set, text, few)
        messages = [
            {"role": role, "content": words} for role, words in turns if role != "assistant"
        ]
        whole = len(fixed) == len(self._examples.fixed)
        key = question.key if whole else f"{question.key} without an example"
        around = sum(len(e.text.encode()) + MESSAGE_TOKENS for e in nearest)
        return Query(messages, key, len(text.encode()) + MESSAGE_TOKENS + around)

    def _question_about(self, text: str, values: dict[str, str]) -> str:
        return fill(self._question, {**values, "text": text})

    def _own(self, text: str, examples: Sequence[tuple[str, str]], as_turns: bool) -> int:
        """Bytes of what only this text has, with all it brings along."""
        # In a turn an example stands inside the question; as text it stands between short words.
        around = len(self._question.encode()) + 2 * MESSAGE_TOKENS if as_turns else MESSAGE_TOKENS
        return len(text.encode()) + sum(
            len(words.encode()) + len(answer.encode()) + around for words, answer in examples
        )


def fill(template: str, values: dict[str, str]) -> str:
    """The template with its placeholders replaced in one pass; others stay as they are written."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def shown(query: Query) -> str:
    """Messages as a person reads them."""
    return "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in query.messages)


def _described(label: Label) -> str:
    return f"{label.words}: {label.description}" if label.description else label.words


def _marked(marks: Sequence[str], lines: Iterable[str]) -> str:
    return "\n".join(f"{mark}. {line}" for mark, line in zip(marks, lines, strict=True))


def option_marks(names: Sequence[Sequence[str]], letters: Sequence[str]) -> tuple[str, ...]:
    """A letter for each option (at most 20): A, B, ... where no class is called like one of them.

    ``taken`` are the single letters (in lower case) that classes are called by, outer punctuation
    aside, one for each class that is. Where one of them would be another option's mark, an option
    that is called by a letter alone keeps that letter, and the others get letters that no class is
    called by, digits where these run out.
    """
    usual = tuple(LETTERS[: len(names)])
    if all(_own_letter(options, letters) == mark for options, mark in zip(names, usual, strict=True)
           if mark.casefold() in letters):  # fmt: skip
        return usual
    free = iter([c for c in (*ascii_uppercase, *digits) if c.casefold() not in letters])
    marks = [_own_letter(options, letters) or next(free, "") for options in names]
    return tuple(marks) if all(marks) else usual


def _own_letter(options: Sequence[str], letters: Sequence[str]) -> str | None:
    """The letter that this option alone is called by."""
    alone = {o.upper() for o in options if len(o) == 1 and letters.count(o.casefold()) == 1}
    return alone.pop() if len(alone) == 1 else None


def _single_letters(labels: Sequence[Label]) -> list[str]:
    """The single signs that classes are called by, outer punctuation aside, once for each class."""
    return [
        sign for label in labels for sign in {fold(label.name), fold(label.words)} if len(sign) == 1
    ]
