"""How the question is put: a part all texts share, the text, and what follows it.

The shared part comes first, so that a local model reads it once. Only words of the model's own
chat template count as template: special tokens written in an instruction, a class name, an example
or a text are ordinary words (see ``teachers.tokens``), so none of them can end a turn or begin
another. Torch-free: pages show a prompt in these words, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot
from llkd.teachers.few_shot import HEADING, Shorten, example_block, example_text

# Some templates write today's date, which would make every day's prompt another one, or open a
# chain of thought where the answer should stand. Templates without these options ignore them.
TEMPLATE_OPTIONS = {"date_string": "26 Jul 2024", "enable_thinking": False}
PLACEHOLDER = re.compile(r"\{(labels|descriptions|examples|text)\}")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A piece of a prompt; ``template`` is True for words of the chat template itself.

    A ``hole`` is filled for each text: with the text, or with examples chosen for it, which
    ``text`` stands above.
    """

    text: str
    template: bool = False
    hole: Literal["", "text", "examples"] = ""


TEXT = Part("", hole="text")


@dataclass(frozen=True)
class Prompt:
    """One question: what all texts share before, a text's ``own`` parts, what all share after.

    ``own`` holds the text's hole, and those of its own examples if it has any. ``answers``: what
    each class is answered with. ``block`` writes examples.
    """

    before: tuple[Part, ...]
    after: tuple[Part, ...]
    answers: tuple[str, ...]
    own: tuple[Part, ...] = (TEXT,)
    block: Callable[[Sequence[Example]], str] = field(default=lambda _: "", compare=False)

    def show(self, text: str, examples: Sequence[Example] | None = None) -> str:
        """The whole prompt with this text in it; without ``examples`` of its own their place."""
        parts = (*self.before, *self.own, *self.after)
        return "".join(self.words(part, text, examples) for part in parts)

    def words(self, part: Part, text: str, examples: Sequence[Example] | None) -> str:
        """What stands in a part for this text."""
        if part.hole == "text":
            return text
        if part.hole == "examples":
            if examples is None:
                return part.text + "{examples}"
            return part.text + self.block(examples) if examples else ""
        return part.text


@dataclass(frozen=True)
class Wording:
    """The words of the two turns, before they are one text: ``system`` and ``user``."""

    system: tuple[Part, ...]
    user: tuple[Part, ...]


def wording(
    config: TeacherConfig,
    labels: LabelSet,
    examples: FewShot = NO_EXAMPLES,
    shorten: Shorten = example_text,
) -> Wording:
    """Put classes and examples where their placeholders stand, in one pass.

    The class list follows the instruction where no placeholder asks for it, and the examples
    follow that. What is put in is never read for placeholders again; examples chosen for each
    text, and the text, stay holes.
    """
    block = example_block(examples.fixed, labels, shorten)
    own = examples.choose is not None
    values = {
        "labels": Part("\n".join(f"- {words}" for words in labels.verbalisers)),
        "descriptions": Part(label_list(labels)),
        "examples": Part("", hole="examples") if own else Part(block),
        "text": TEXT,
    }
    used = {*PLACEHOLDER.findall(config.instruction), *PLACEHOLDER.findall(config.question)}
    system = _fill(config.instruction, values)
    if not used & {"labels", "descriptions"}:
        system += [Part("\n\nCategories:\n"), values["descriptions"]]
    if "examples" not in used:
        if own:
            system.append(Part(HEADING, hole="examples"))
        elif block:
            system.append(Part(HEADING + block))
    return Wording(tuple(_merged(system)), tuple(_merged(_fill(config.question, values))))


def label_prompt(
    config: TeacherConfig,
    labels: LabelSet,
    tokenizer: Any = None,
    examples: FewShot = NO_EXAMPLES,
    shorten: Shorten = example_text,
) -> Prompt:
    """The question for label scoring: the answer is the verbaliser of a class.

    With a chat template the instruction is the system's message (or opens the user's, for a
    template without one), the text the user's, and the assistant's turn is begun with the lead.
    Without one it is plain text.
    """
    turn_words = wording(config, labels, examples, shorten)
    turns = chat_parts(tokenizer)
    if turns is None:
        heading = "\n\nText:\n" if config.question == "{text}" else "\n\n"
        parts = [*turn_words.system, Part(heading), *turn_words.user, Part(f"\n\n{config.lead}")]
    else:
        opening, between, closing = turns
        middle = Part("\n\n") if between is None else Part(between, template=True)
        parts = [Part(opening, template=True), *turn_words.system, middle, *turn_words.user]
        parts += [Part(closing, template=True), Part(config.lead)]
    parts = _merged(parts)
    holes = [i for i, part in enumerate(parts) if part.hole]
    begun = config.lead if turns is not None else f"\n\n{config.lead}"
    space = " " if begun and not begun[-1].isspace() else ""
    return Prompt(
        tuple(parts[: holes[0]]),
        tuple(parts[holes[-1] + 1 :]),
        tuple(space + words for words in labels.verbalisers),
        tuple(parts[holes[0] : holes[-1] + 1]),
        lambda nearest: example_block(nearest, labels, shorten),
    )


def label_turns(
    config: TeacherConfig, labels: LabelSet, text: str, examples: FewShot = NO_EXAMPLES
) -> list[tuple[str, str]]:
    """The prompt of label scoring as (role, words), without a model's own chat template.

    The last turn is the lead that the model goes on from; an empty one is left out.
    """
    words = wording(config, labels, examples)
    prompt = label_prompt(config, labels, None, examples)
    own = examples.choose(text) if examples.choose else ()
    turns = [
        (role, "".join(prompt.words(part, text, own) for part in parts))
        for role, parts in (("system", words.system), ("user", words.user))
    ]
    return [*turns, ("assistant", config.lead)] if config.lead else turns


def label_list(labels: LabelSet) -> str:
    """The classes in their fixed order, one a line, with their descriptions."""
    return "\n".join(
        f"- {label.words}: {label.description}" if label.description else f"- {label.words}"
        for label in labels.labels
    )


def _fill(words: str, values: Mapping[str, Part]) -> list[Part]:
    """The words cut at their placeholders, these replaced; unknown ones stay words."""
    pieces = PLACEHOLDER.split(words)
    return [values[piece] if i % 2 else Part(piece) for i, piece in enumerate(pieces)]


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Neighbouring words as one part, so that they are tokenised as one; empty ones left out."""
    merged: list[Part] = []
    for part in parts:
        plain = not part.template and not part.hole
        before = merged[-1] if merged else None
        if plain and before is not None and not before.template and not before.hole:
            merged[-1] = Part(before.text + part.text)
        elif not plain or part.text:
            merged.append(part)
    return merged


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
