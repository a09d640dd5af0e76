"""System One's wire format: ``POST /v1/systemone``, a state and named, typed questions.

As typesafe-sdk 0.7 sends and reads it: {"state", "model", "questions": {id: {"type": "choice",
"instructions", "criteria": {option: description}}}} → {"model", "answers": {id: …}, "usage"}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

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
from llkd.serving.wire import MOST_OPTIONS, MOST_QUESTIONS, Content, Wire, text_of, words_of

MOST_LEVELS = 255
Id = Annotated[str, Field(min_length=1)]


class NoulCriteria(Wire):
    """What true and false mean."""

    true: Content | None = None
    false: Content | None = None


class NoulQuestion(Wire):
    """Is it true? The answer is the probability that it is."""

    type: Literal["noul"]
    instructions: Content | None = None
    criteria: NoulCriteria | None = None


class ChoiceQuestion(Wire):
    """Which option? ``criteria`` maps each to what it means, or to null."""

    type: Literal["choice"]
    instructions: Content | None = None
    criteria: dict[Id, Content | None] = Field(min_length=1, max_length=MOST_OPTIONS)


class ScoreQuestion(Wire):
    """How much? ``criteria`` lists the levels from the lowest."""

    type: Literal["score"]
    instructions: Content | None = None
    criteria: list[Content] = Field(min_length=1, max_length=MOST_LEVELS)


SystemOneQuestion = Annotated[
    NoulQuestion | ChoiceQuestion | ScoreQuestion, Field(discriminator="type")
]


class SystemOneRequest(Wire):
    """A state (text, or JSON) and questions about it by their ids."""

    state: Content
    model: str | None = None
    questions: dict[Id, SystemOneQuestion] = Field(min_length=1, max_length=MOST_QUESTIONS)


def questions_of(request: SystemOneRequest) -> tuple[str, list[Question]]:
    """The text, and its questions in the order of the request."""
    return text_of(request.state), [_question(k, q) for k, q in request.questions.items()]


def _question(name: str, question: NoulQuestion | ChoiceQuestion | ScoreQuestion) -> Question:
    place: Place = ("body", "questions", name, question.type, "criteria")
    instructions = words_of(question.instructions)
    options: Sequence[Option]
    if isinstance(question, ChoiceQuestion):
        options = [Option(key, words_of(words)) for key, words in question.criteria.items()]
    elif isinstance(question, ScoreQuestion):
        options = [Option(str(k), words_of(level)) for k, level in enumerate(question.criteria)]
    else:
        sides = question.criteria or NoulCriteria()
        options = [Option(False, words_of(sides.false)), Option(True, words_of(sides.true))]
        if not instructions and not any(option.description for option in options):
            raise RequestRefused(
                "A noul question needs instructions, or criteria that say what true or false "
                "means.",
                place=("body", "questions", name, "noul", "instructions"),
                kind="missing",
            )
    return Question(question.type, tuple(options), instructions, place)


def answers_document(
    request: SystemOneRequest, questions: Sequence[Question], replies: Sequence[Reply], model: str
) -> dict[str, Any]:
    """The body of the reply."""
    answers = {
        name: _answer(wire, question, reply)
        for (name, wire), question, reply in zip(
            request.questions.items(), questions, replies, strict=True
        )
    }
    tokens = sum(reply.tokens for reply in replies)
    return {
        "model": model,
        "answers": answers,
        "usage": {"input_tokens": tokens, "output_tokens": 0},
    }


def _answer(wire: Wire, question: Question, reply: Reply) -> dict[str, Any]:
    p = reply.probabilities
    if question.kind == "noul":
        answer: dict[str, Any] = {"type": "noul", "noul": float(p[1])}
    elif question.kind == "choice":
        answer = {
            "type": "choice",
            "choice": question.options[reply.best].value,
            "confidence": choice_confidence(p),
            "probabilities": {
                str(option.value): float(value)
                for option, value in zip(question.options, p, strict=True)
            },
        }
    else:
        levels = wire.criteria if isinstance(wire, ScoreQuestion) else []
        answer = {
            "type": "score",
            "score": expected_level(p),
            "confidence": score_confidence(p),
            "legend": {str(k): level for k, level in enumerate(levels)},
            "probabilities": {str(k): float(value) for k, value in enumerate(p)},
        }
    if reply.mass is not None:
        answer["x_option_mass"] = reply.mass
    if reply.answered_by:
        answer["x_answered_by"] = reply.answered_by
    return answer


def error_document(error: RequestRefused) -> Mapping[str, Any]:
    """A refusal in this interface's form: a list of places for a bad body, else one word."""
    if error.status == 422:
        place = list(error.place) or ["body"]
        return {"detail": [{"loc": place, "msg": str(error), "type": error.kind}]}
    kinds = {401: "authentication_error", 404: "not_found", 429: "rate_limit_error"}
    kind = kinds.get(error.status, error.kind)
    return {"detail": {"error_type": kind, "message": str(error)}}
