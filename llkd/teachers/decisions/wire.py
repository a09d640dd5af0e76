"""The two interfaces on the wire: what is sent, and what a reply says of the one question.

OpenAI's Decisions API (``POST /decisions``) and System One (``POST /systemone``) ask the same in
other words. Replies are read with one reader, because servers mix them: answers as a list or by
name, probabilities as a list of values or by option. docs/decisions/decision_servers.md lists what
was seen of whom.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llkd.teachers.decisions.questions import NAME, DecisionQuery

MOST_TOKENS = 10**9  # of one call: a server that tells more tells nonsense
_VALUES = ("value", "option", "label", "name", "choice", "key")
_SHARES = ("probability", "prob", "p")
_REASONS = ("refusal", "reason", "message", "error", "detail")


@dataclass(frozen=True)
class DecisionReply:
    """What a reply says. ``shares``: (option, probability) as they came, None where none did.

    ``choice`` is the option named outright; ``refusal`` why the question is not answered, empty
    where no reason is told, None where it is answered. ``model``: who answered. Tokens are None
    where none are told.
    """

    choice: Any = None
    shares: tuple[tuple[Any, Any], ...] | None = None
    refusal: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


class Pairs(dict[str, Any]):
    """A JSON object that remembers members which stand twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = tuple(pairs)


def parse(body: str) -> Any:
    """The document of a body. Raises ValueError."""
    return json.loads(body.lstrip("\ufeff"), object_pairs_hook=Pairs)


def decisions_body(model: str, query: DecisionQuery) -> dict[str, Any]:
    """The request to OpenAI's Decisions API."""
    choices = [
        {"value": option.name} | ({"description": option.description} if option.description else {})
        for option in query.options
    ]
    question = {
        "type": "choice",
        "name": NAME,
        "instructions": query.instructions,
        "choices": choices,
    }
    return {"model": model, "input": query.text, "questions": [question]}


def system_one_body(model: str, query: DecisionQuery) -> dict[str, Any]:
    """The request to a System One server: these members and no others, some servers refuse more."""
    question = {
        "type": "choice",
        "instructions": query.instructions,
        "criteria": {option.name: option.description or None for option in query.options},
    }
    return {"model": model, "state": query.text, "questions": {NAME: question}}


def read(document: Any) -> DecisionReply:
    """What a reply says of the question. Raises ValueError where it is no reply of this kind."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict) or not isinstance(document.get("answers"), dict | list):
        raise ValueError("no answers")
    usage = document.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    model = document.get("model")
    answer = _answer(document["answers"])
    read_tokens = _tokens(usage, "input_tokens", "prompt_tokens")
    common: dict[str, Any] = {
        "model": model if isinstance(model, str) and model.strip() else None,
        "tokens_in": read_tokens,
        "tokens_out": _tokens(usage, "output_tokens", "completion_tokens"),
    }
    if answer is None:
        return DecisionReply(refusal="the question is missing among the answers", **common)
    if answer.get("type") in {"refusal", "error"} or answer.get("refusal") or answer.get("error"):
        return DecisionReply(refusal=_reason(answer), **common)
    return DecisionReply(
        choice=answer.get("choice"), shares=_shares(answer.get("probabilities")), **common
    )


def _answer(answers: Any) -> dict[str, Any] | None:
    """The answer to the one question: by its name, or the only one there is."""
    if isinstance(answers, dict):
        answer = answers.get(NAME)
        return answer if isinstance(answer, dict) else None
    ours = [a for a in answers if isinstance(a, dict) and a.get("name", NAME) in {NAME, None}]
    return ours[0] if len(ours) == 1 else None


def _reason(answer: dict[str, Any]) -> str:
    for name in _REASONS:
        words = answer.get(name)
        if isinstance(words, dict):
            words = words.get("message")
        if isinstance(words, str) and words.strip():
            return words.strip()
    return ""


def _shares(value: Any) -> tuple[tuple[Any, Any], ...] | None:
    if isinstance(value, Pairs):
        return value.pairs
    if not isinstance(value, list):
        return None
    pairs = []
    for entry in value:
        if not isinstance(entry, dict):
            return None
        name = next((entry[key] for key in _VALUES if key in entry), None)
        pairs.append((name, next((entry[key] for key in _SHARES if key in entry), None)))
    return tuple(pairs)


def _tokens(usage: dict[str, Any], *names: str) -> int | None:
    for name in names:
        number = usage.get(name)
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_TOKENS:
            return number
    return None
