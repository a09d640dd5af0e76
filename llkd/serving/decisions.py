"""OpenAI's wire format of decisions: ``POST /v1/decisions``, an input and a list of questions.

As the official client (``client.decisions.create``) sends and reads it: {"model", "input",
"questions": [{"type": "choice", "instructions", "choices": [{"value", "description"}]}]} →
{"model", "answers": […], "usage"}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictStr

from llkd.serving.questions import (
    Option,
    Place,
    Question,
    Reply,
    RequestRefused,
    choice_confidence,
    expected_level,
    score_confidence,
)
from llkd.serving.wire import (
    MOST_OPTIONS,
    MOST_QUESTIONS,
    Wire,
    as_json,
)

INSTRUCTING = {"system", "developer"}
"""Roles whose words belong to every question, not to the text."""


class TextPart(Wire):
    """Words of a message."""

    type: Literal["input_text", "output_text"]
    text: str


class JsonPart(Wire):
    """Structured data, read as JSON text."""

    type: Literal["input_json"]
    data: dict[str, Any] | list[dict[str, Any]]


class ImagePart(Wire):
    """An image, which is refused: only texts are read here."""

    type: Literal["input_image"]


class RefusalPart(Wire):
    """What an assistant declined."""

    type: Literal["refusal"]
    refusal: str


Part = Annotated[TextPart | JsonPart | ImagePart | RefusalPart, Field(discriminator="type")]


class Item(Wire):
    """A message, or a tool's call or output."""

    type: str = "message"
    role: str | None = None
    content: str | list[Part] | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[Part] | None = None


class Choice(Wire):
    """One option; a boolean and a string that reads the same are two."""

    value: StrictStr | StrictBool
    description: str | None = None


class Level(Wire):
    """One level of a score."""

    label: str
    description: str | None = None


class PredicateQuestion(Wire):
    """Is it true? The answer is the probability that it is."""

    type: Literal["predicate"]
    instructions: str | list[Part]
    name: str | None = None


class ChoiceQuestion(Wire):
    """Which of the choices?"""

    type: Literal["choice"]
    instructions: str | list[Part]
    choices: list[Choice] = Field(min_length=1, max_length=MOST_OPTIONS)
    name: str | None = None


class ScoreQuestion(Wire):
    """How much? Levels from the lowest."""

    type: Literal["score"]
    instructions: str | list[Part]
    levels: list[Level] = Field(min_length=1, max_length=MOST_OPTIONS)
    name: str | None = None


DecisionQuestion = Annotated[
    PredicateQuestion | ChoiceQuestion | ScoreQuestion, Field(discriminator="type")
]


class DecisionsRequest(Wire):
    """An input (text, or messages) and questions about it."""

    model: str | None = None
    input: str | list[Item]
    questions: list[DecisionQuestion] = Field(min_length=1, max_length=MOST_QUESTIONS)


def questions_of(request: DecisionsRequest) -> tuple[str, list[Question]]:
    """The text, and its questions in order. Raises RequestRefused for what only others read."""
    text, before = _text(request.input)
    questions = []
    for number, question in enumerate(request.questions):
        words = _content(question.instructions, ("body", "questions", number, "instructions"))
        instructions = "\n\n".join(part for part in (before, words) if part)
        questions.append(_question(question, instructions, ("body", "questions", number)))
    return text, questions


def _question(
    question: PredicateQuestion | ChoiceQuestion | ScoreQuestion, instructions: str, place: Place
) -> Question:
    if isinstance(question, PredicateQuestion):
        return Question("noul", (Option(False), Option(True)), instructions, place)
    if isinstance(question, ScoreQuestion):
        levels = [
            Option(level.label, level.description or level.label) for level in question.levels
        ]
        return Question("score", tuple(levels), instructions, (*place, "levels"))
    place = (*place, "choices")
    twice = {(type(choice.value), choice.value) for choice in question.choices}
    if len(twice) < len(question.choices):
        raise RequestRefused("Each choice must be unique.", place=place, kind="duplicate_choice")
    choices = [Option(choice.value, choice.description or "") for choice in question.choices]
    return Question("choice", tuple(choices), instructions, place)


def _text(given_input: str | list[Item]) -> tuple[str, str]:
    """The text of an input, and what its system and developer messages say."""
    if isinstance(given_input, str):
        return given_input, ""
    texts: list[str] = []
    instructions: list[str] = []
    for number, item in enumerate(given_input):
        place: Place = ("body", "input", number)
        parts = [item.arguments, item.input]
        parts += [_content(part, place) for part in (item.content, item.output)]
        words = "\n\n".join(part for part in parts if part)
        (instructions if item.role in INSTRUCTING else texts).append(words)
    return "\n\n".join(filter(None, texts)), "\n\n".join(filter(None, instructions))


def _content(content: str | list[Part] | None, place: Place) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    words = []
    for part in content:
        if isinstance(part, ImagePart):
            raise RequestRefused(
                "Images are not read here: send text.", place=place, kind="unsupported_image"
            )
        if isinstance(part, TextPart):
            words.append(part.text)
        elif isinstance(part, RefusalPart):
            words.append(part.refusal)
        else:
            words.append(as_json(part.data))
    return "\n\n".join(words)


def answers_document(
    request: DecisionsRequest, questions: Sequence[Question], replies: Sequence[Reply], model: str
) -> dict[str, Any]:
    """The body of the reply."""
    tokens = sum(reply.tokens for reply in replies)
    return {
        "model": model,
        "answers": [
            _answer(wire, question, reply)
            for wire, question, reply in zip(request.questions, questions, replies, strict=True)
        ],
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens,
        },
    }


def _answer(
    wire: PredicateQuestion | ChoiceQuestion | ScoreQuestion, question: Question, reply: Reply
) -> dict[str, Any]:
    p = reply.probabilities
    if question.kind == "noul":
        answer: dict[str, Any] = {"type": "predicate", "probability": float(p[1])}
    elif question.kind == "choice":
        answer = {
            "type": "choice",
            "choice": question.options[reply.best].value,
            "confidence": choice_confidence(p),
            "probabilities": [
                {"value": option.value, "probability": float(value)}
                for option, value in zip(question.options, p, strict=True)
            ],
        }
    else:
        answer = {
            "type": "score",
            "score": expected_level(p),
            "confidence": score_confidence(p),
            "probabilities": [
                {"label": option.value, "value": k, "probability": float(value)}
                for k, (option, value) in enumerate(zip(question.options, p, strict=True))
            ],
        }
    answer["name"] = wire.name
    if reply.mass is not None:
        answer["x_option_mass"] = reply.mass
    if reply.answered_by:
        answer["x_answered_by"] = reply.answered_by
    return answer


KINDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


def error_document(error: RequestRefused) -> Mapping[str, Any]:
    """A refusal as OpenAI's clients read it."""
    parts = error.place[1:] if error.place[:1] == ("body",) else error.place
    param = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return {
        "error": {
            "message": str(error),
            "type": KINDS.get(error.status, "invalid_request_error"),
            "param": param.removeprefix(".") or None,
            "code": error.kind,
        }
    }
