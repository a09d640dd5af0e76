"""A chat completion's body read with care: servers differ in what they fill in, and how.

The answer's words may be a string, a list of parts or the arguments of a tool; logprobs may have
the form of chat completions or that of the older ones; numbers may be missing, null or no numbers.
What cannot be read is passed over, so that one odd value does not cost the answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from llkd.teachers.api.reasoning_text import answer_start, begins_with_thought, without_thoughts
from llkd.teachers.api.replies import SPACES

MOST_TOKENS = 10**9  # of one call: a server that tells more tells nonsense
LONGEST_ANSWER = 10_000  # characters: what a server sends beyond is never an answer
MOST_PLACES = 4096  # tokens of an answer that are searched for its first word
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_WORD_PARTS = {"text", "output_text", None}

Listed = list[tuple[str, float]]


@dataclass(frozen=True)
class Reply:
    """What came back.

    ``text``: the answer's words, without thoughts. ``listed``: the likely words, with logprobs,
    where the answer begins; empty where it did not begin, None where the server gives none.
    ``refused``: the server marked the words as a refusal. ``thinks``: a thought came first.
    ``cut``: the limit of tokens ended it. ``blank``: so far there are only white space, quotes or
    brackets. ``first``: the words listed at the very first place, whatever was written there.
    Tokens are None where the server told none; ``counted``: it told how many it read.
    """

    text: str
    listed: Listed | None
    tokens_in: int | None
    tokens_out: int | None
    refused: bool = False
    thinks: bool = False
    cut: bool = False
    blank: bool = False
    counted: bool = False
    first: Listed | None = None


def parse(body: str) -> Any:
    """The document of a body: JSON, or the joined pieces of a stream. Raises ValueError."""
    body = body.lstrip("\ufeff")
    if body.lstrip()[:5] in {"data:", "event"} or body.lstrip().startswith(":"):
        return _joined(body)
    return json.loads(body)


def read_completion(document: Any) -> Reply:
    """Read a completion. Raises ValueError where it has no choice with a message."""
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise ValueError("no choice")
    message = choice.get("message") or choice.get("delta")
    if not isinstance(message, dict):
        if not isinstance(choice.get("text"), str):
            raise ValueError("a choice without a message")
        message = {"content": choice["text"]}
    written, thoughts = _words(message)
    refusal = message.get("refusal")
    words = without_thoughts(written)
    thinks = bool(thoughts) or begins_with_thought(written)
    places = _places(choice.get("logprobs"))
    read, spent = _usage(document.get("usage"), bool(written or thoughts or refusal))
    reason = choice.get("finish_reason")
    return Reply(
        text=str(words or refusal or "")[:LONGEST_ANSWER],
        listed=_first_words(places, message, thinks),
        tokens_in=read,
        tokens_out=spent,
        refused=bool(refusal) or reason == "content_filter",
        thinks=thinks or _thought_tokens(document.get("usage")),
        blank=bool(written) and not written.strip(SPACES),
        cut=reason in {"length", "max_tokens", "MAX_TOKENS"},
        counted=read is not None,
        first=next((listed for _, listed in places or ()), None),
    )


def _words(message: dict[str, Any]) -> tuple[str, str]:
    """The words of a message, and those of its thoughts where they stand apart."""
    thoughts = "".join(str(message[f]) for f in _THOUGHT_FIELDS if message.get(f))
    words, thinking = _parts(message.get("content"))
    if not words.strip():
        words = _arguments(message) or words
    return words, thoughts + thinking


def _parts(content: Any) -> tuple[str, str]:
    """Text and thoughts of a string, a part, or a list of parts."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, list):
        pairs = [_parts(part) for part in content]
        return "".join(words for words, _ in pairs), "".join(thoughts for _, thoughts in pairs)
    if isinstance(content, dict):
        kind = content.get("type")
        inner = next((content[f] for f in ("text", "content", "value") if content.get(f)), None)
        if kind in _WORD_PARTS:
            return _parts(inner)
        thought = content.get("thinking") or content.get("reasoning")
        return "", str(thought) if kind in {"thinking", "reasoning"} and thought else ""
    return str(content), ""


def _arguments(message: dict[str, Any]) -> str:
    """The arguments of the one function that the model called in place of words."""
    calls = message.get("tool_calls")
    listed = calls if isinstance(calls, list) else []
    called = [call.get("function") for call in listed if isinstance(call, dict)]
    called = called or [message.get("function_call")]
    if len(called) != 1 or not isinstance(called[0], dict):
        return ""
    arguments = called[0].get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""


def _first_words(
    places: Sequence[tuple[str, Listed]] | None, message: dict[str, Any], thinks: bool
) -> Listed | None:
    """The words listed where the answer begins.

    White space, quotes and brackets before it are passed over: what stands behind them is weighed
    with their probability, beside the words that might have stood in their place.
    """
    if places is None:
        return None
    written = "".join(token for token, _ in places)
    answer = without_thoughts(_parts(message.get("content"))[0]).strip()
    if message.get("content") is None or (thinks and not answer):
        return []  # these are words of a thought
    # Behind a thought the answer comes last, whether its own words are listed as well or not.
    start = written.rfind(answer) if thinks else answer_start(written)
    if start is None or start < 0:
        return []
    if not written[:start].strip():
        start = 0  # nothing but white space, which is weighed
    candidates: Listed = []
    passed, weight = 0, 0.0
    for token, listed in places:
        passed += len(token)
        if passed <= start:
            continue  # of a thought, or a mark of the template
        if token.strip(SPACES):
            return candidates + [(word, value + weight) for word, value in listed]
        candidates += [(word, value + weight) for word, value in listed if word != token]
        weight += next((value for word, value in listed if word == token), 0.0)
    # Nothing but white space so far: the other words that might have stood there are no answer.
    return []


def _places(logprobs: Any) -> list[tuple[str, Listed]] | None:
    """For each token its words and what was likely in its place; None where nothing is told."""
    if not isinstance(logprobs, dict):
        return None
    content = logprobs.get("content")
    if isinstance(content, list) and content:
        places = [
            (str(place.get("token") or ""), _listed(place.get("top_logprobs")))
            for place in content[:MOST_PLACES]
            if isinstance(place, dict)
        ]
    else:
        tokens, tops = logprobs.get("tokens"), logprobs.get("top_logprobs")
        if not (isinstance(tokens, list) and isinstance(tops, list)):
            return None
        pairs = zip(tokens[:MOST_PLACES], tops, strict=False)
        places = [(str(token), _listed(top)) for token, top in pairs]
    return places if any(listed for _, listed in places) else None


def _listed(top: Any) -> Listed:
    """Words with their logprobs; entries that are none left out."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(top, dict):
        pairs = top.items()
    elif isinstance(top, list):
        pairs = ((e.get("token"), e.get("logprob")) for e in top if isinstance(e, dict))
    entries = []
    for token, value in pairs:
        number = _number(value)
        if token is not None and number is not None:
            entries.append((str(token), number))
    return entries


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def _usage(usage: Any, spoke: bool) -> tuple[int | None, int | None]:
    """Tokens read and written, None for each that the server did not tell.

    No prompt is empty, and no words are written with 0 tokens: such a 0 is "not told". Tokens in
    the total that are neither read nor written are thoughts, which are paid like words.
    """
    if not isinstance(usage, dict):
        return None, None
    read = _tokens(usage, ("prompt_tokens", "input_tokens"), 1)
    written = _tokens(usage, ("completion_tokens", "output_tokens"), 1 if spoke else 0)
    total = _tokens(usage, ("total_tokens",), 1)
    if read is None and written == 0:
        written = None  # it counts nothing at all
    if read is not None and written is not None and total is not None:
        written = max(written, total - read)
    return read, written


def _tokens(usage: dict[str, Any], names: Sequence[str], least: int) -> int | None:
    number = next((n for n in (_number(usage.get(name)) for name in names) if n is not None), None)
    return int(number) if number is not None and least <= number <= MOST_TOKENS else None


def _thought_tokens(usage: Any) -> bool:
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    return bool(_number(details.get("reasoning_tokens"))) if isinstance(details, dict) else False


def _joined(body: str) -> dict[str, Any]:
    """The events of a stream as one completion. Raises ValueError where none can be read."""
    words, thoughts, last = [], [], {}
    usage, reason, read = None, None, 0
    for line in body.splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if not data or data == "[DONE]":
            continue
        event = json.loads(data)
        if not isinstance(event, dict):
            raise ValueError("an event that is no object")
        if event.get("error") or not isinstance(event.get("choices"), list):
            return event
        read, last, usage = read + 1, event, event.get("usage") or usage
        for choice in event["choices"][:1]:
            delta = choice.get("delta") or choice.get("message") or {}
            written, thought = _words(delta)
            words.append(written)
            thoughts.append(thought)
            reason = choice.get("finish_reason") or reason
    if not read:
        raise ValueError("no event")
    message = {"content": "".join(words), "reasoning_content": "".join(thoughts)}
    return {**last, "usage": usage, "choices": [{"message": message, "finish_reason": reason}]}
