"""How a question of a decision interface is put to a local teacher, which picks among classes.

A choice is put as the teacher's own question is: with the default instruction and the options as
classes the prompt is that of labelling, word for word. Statements and levels are put as choices.
"""

from __future__ import annotations

from dataclasses import dataclass

from llkd.config import LabelSet, TeacherConfig, build
from llkd.errors import ConfigError
from llkd.serving.questions import Question, RequestRefused

STATEMENT = "Read the text and answer the question about it, or say whether the statement is true."
STATEMENT_LEAD = "The answer is"
SCALE = "Read the text and rate it."
SCALE_LEAD = "The level of this text is"
SHORT_LEVEL = 60
"""Characters; a level described in more is named by its number."""


@dataclass(frozen=True)
class Posed:
    """A question as a teacher is asked it: settings and classes, one for each option."""

    config: TeacherConfig
    labels: LabelSet


def posed(question: Question, config: TeacherConfig) -> Posed:
    """The question under a server's own settings of lead, rule and longest text.

    Raises RequestRefused for options that no prompt can tell apart, and for too many words.
    """
    try:
        if question.kind == "noul":
            return _statement(question, config)
        if question.kind == "score":
            return _scale(question, config)
        instruction = question.instructions.strip() or config.instruction
        return Posed(
            _worded(config, instruction, config.lead),
            build(
                LabelSet,
                labels=[
                    {"name": _option(option.value), "description": option.description}
                    for option in question.options
                ],
            ),
        )
    except ConfigError as error:
        raise RequestRefused(str(error), place=question.place, kind="unusable_question") from None


def _statement(question: Question, config: TeacherConfig) -> Posed:
    instruction = f"{STATEMENT}\n\n{question.instructions}".strip()
    labels = [
        {"name": name, "description": option.description}
        for name, option in zip(("No", "Yes"), question.options, strict=True)
    ]
    return Posed(_worded(config, instruction, STATEMENT_LEAD), build(LabelSet, labels=labels))


def _scale(question: Question, config: TeacherConfig) -> Posed:
    levels = [option.description for option in question.options]
    short = all(0 < len(level) <= SHORT_LEVEL for level in levels)
    distinct = len({level.strip().casefold() for level in levels}) == len(levels)
    if short and distinct:
        labels = [{"name": level} for level in levels]
    else:
        labels = [{"name": str(k + 1), "description": level} for k, level in enumerate(levels)]
    instruction = question.instructions.strip() or SCALE
    return Posed(_worded(config, instruction, SCALE_LEAD), build(LabelSet, labels=labels))


def _worded(config: TeacherConfig, instruction: str, lead: str) -> TeacherConfig:
    values = {"instruction": instruction, "lead": lead, "question": "{text}", "examples": "none"}
    return build(TeacherConfig, config.model_dump() | values)


def _option(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()
