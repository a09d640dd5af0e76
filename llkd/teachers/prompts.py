"""How the question is put: a part all texts share, the text, and what follows it.

The shared part comes first, so that a local model reads it once. Only words of the model's own
chat template count as template: special tokens written in an instruction, a class name or a text
are ordinary words (see ``teachers.tokens``), so none of them can end a turn or begin another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from llkd.config import LabelSet

# What begins the answer. A sentence serves a small model better than "Category:" does.
LEAD = "The category of this text is"
# Some templates write today's date, which would make every day's prompt another one, or open a
# chain of thought where the answer should stand. Templates without these options ignore them.
TEMPLATE_OPTIONS = {"date_string": "26 Jul 2024", "enable_thinking": False}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A piece of a prompt; ``template`` is True for words of the chat template itself."""

    text: str
    template: bool = False


@dataclass(frozen=True)
class Prompt:
    """One question: the parts before the text, those after it, and each class's answer to it."""

    before: tuple[Part, ...]
    after: tuple[Part, ...]
    answers: tuple[str, ...]

    def show(self, text: str) -> str:
        """The whole prompt with this text in it."""
        return (
            "".join(part.text for part in self.before)
            + text
            + "".join(part.text for part in self.after)
        )


def label_prompt(instruction: str, labels: LabelSet, tokenizer: Any = None) -> Prompt:
    """The question for label scoring: the answer is the verbaliser of a class.

    With a chat template the instruction is the system's message (or opens the user's, for a
    template without one), the text the user's, and the assistant's turn is begun with LEAD.
    Without one it is plain text.
    """
    question = f"{instruction}\n\nCategories:\n{label_list(labels)}"
    answers = tuple(f" {words}" for words in labels.verbalisers)
    turns = chat_parts(tokenizer)
    if turns is None:
        return Prompt((Part(f"{question}\n\nText:\n"),), (Part(f"\n\n{LEAD}"),), answers)
    opening, between, closing = turns
    before: tuple[Part, ...]
    if between is None:
        before = (Part(opening, template=True), Part(f"{question}\n\n"))
    else:
        before = (
            Part(opening, template=True),
            Part(question),
            Part(between, template=True),
        )
    return Prompt(before, (Part(closing, template=True), Part(LEAD)), answers)


def label_list(labels: LabelSet) -> str:
    """The classes in their fixed order, one a line, with their descriptions."""
    return "\n".join(
        f"- {label.words}: {label.description}" if label.description else f"- {label.words}"
        for label in labels.labels
    )


def chat_parts(tokenizer: Any) -> tuple[str, str | None, str] | None:
    """What a chat template writes before, between and after a system's and a user's words.

    The middle is None for a template that takes no system message. None without a template, or
    where it does not show the words it is given once and in order.
    """
    if tokenizer is None or not getattr(tokenizer, "chat_template", None):
        return None
    system = {"role": "system", "content": "llkd-system-words"}
    user = {"role": "user", "content": "llkd-user-words"}
    failures = []
    for messages in ([system, user], [user]):
        try:
            rendered = str(
                tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=True, **TEMPLATE_OPTIONS
                )
            )
        except Exception as error:  # a template is a program of the model's maker
            failures.append(str(error))
            continue
        words = [message["content"] for message in messages]
        places = [rendered.find(word) for word in words]
        if all(rendered.count(word) == 1 for word in words) and places == sorted(places):
            opening, _, rest = rendered.partition(words[0])
            if len(words) == 1:
                return opening, None, rest
            between, _, closing = rest.partition(words[1])
            return opening, between, closing
        failures.append("it does not show each message once")
    _LOG.warning("The chat template cannot be used (%s); asking in plain text.", failures[-1])
    return None
