"""What a server says when it does not answer: the sentence for people, and the words to search.

Servers put it in many places: ``error.message``, ``detail`` (FastAPI: a list of places and
reasons), a list of errors, JSON inside a string (gateways), a page of HTML, and sometimes under
status 200. What a request held is left out of the words: a text about temperature is no complaint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_SENTENCE = 300
LONGEST_BODY = 50_000
_DEPTH = 8
# Fields that repeat the request, or say nothing.
_ECHOES = {
    "input",
    "body",
    "request",
    "messages",
    "prompt",
    "ctx",
    "url",
    "input_value",
    "headers",
    "flagged_input",
}
_SENTENCES = (
    *("message", "msg", "detail", "details", "error", "errors", "error_message", "error_msg"),
    *("errorMessage", "error_description", "description", "status_msg", "base_resp", "reason"),
    *("title", "raw", "Message", "fault", "faultstring", "metadata"),
)
_VAGUE = re.compile(
    r"(?:provider returned|upstream|internal server|unknown|an?|bad request|request)?\s*"
    r"(?:error|failed|failure|request)?\s*(?:occurred)?[.!]?",
    re.IGNORECASE,
)
_STATUS_WORDS = (
    (402, ("quota", "credit", "billing", "balance", "payment", "arrears")),
    (429, ("rate limit", "rate_limit", "too many", "throttl", "resource_exhausted", "busy")),
    (401, ("api key", "api_key", "unauthor", "authenticat", "login fail", "invalid key")),
    (403, ("permission", "forbidden", "not allowed")),
    (503, ("overload", "unavailable", "timeout", "timed out", "idle", "loading", "capacity")),
    (400, ("invalid", "unsupported", "not support", "unknown", "unrecognized", "bad request")),
)


class ServerError:
    """The body of a failure: ``sentence`` for people, ``words`` in lower case to search in."""

    def __init__(self, document: Any, texts: tuple[str, ...] = ()) -> None:
        """``document``: a parsed body, or its words. ``texts``: what was asked, to be left out."""
        self.document = _unpacked(document)
        self.sentence = one_line(_sentence(self.document) or "")
        words = " ".join(_strings(self.document))
        for text in texts:
            for form in (text, json.dumps(text)[1:-1]):
                # A short text is a part of ordinary words.
                words = words.replace(form, " ") if len(form) > 3 else words
        self.words = " ".join(words.casefold().split())

    @property
    def vague(self) -> bool:
        """Whether it says nothing that tells what is wrong."""
        return _VAGUE.fullmatch(self.sentence.strip()) is not None

    def status(self, otherwise: int) -> int:
        """The status that the error itself names, by number or in words."""
        for code in _codes(self.document):
            if 400 <= code < 600:
                return code
        named = (code for code, signs in _STATUS_WORDS if any(sign in self.words for sign in signs))
        return next(named, otherwise)


def error_of(body: str, texts: tuple[str, ...] = ()) -> ServerError:
    """The error in the body of a response."""
    return ServerError(_parsed(body[:LONGEST_BODY]), texts)


def error_inside(document: Any, texts: tuple[str, ...] = ()) -> ServerError | None:
    """The error that a body under status 200 holds; None where it holds an answer, or nothing."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return None
    choices = document.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        inner = choices[0].get("error") or document.get("error")
        if not inner and choices[0].get("finish_reason") == "error":
            inner = "the answer ended with an error"
        return ServerError({"error": inner}, texts) if inner else None
    error = ServerError(
        {k: v for k, v in document.items() if k not in {"choices", "usage", "object", "id"}}, texts
    )
    return error if error.sentence else None


def one_line(words: str, longest: int = LONGEST_SENTENCE) -> str:
    """The words as one line of printable signs, ended by a full stop."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    if len(line) > longest:
        line = line[: longest - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return line if not line or line[-1] in ".!?\N{HORIZONTAL ELLIPSIS}" else line + "."


def _parsed(body: str) -> Any:
    words = body.strip()
    if words[:1] in {"{", "["}:
        try:
            return json.loads(words)
        except (ValueError, RecursionError):
            return words
    if words.startswith("data:"):
        return _parsed(words.removeprefix("data:").partition("\n")[0])
    if words[:1] == "<":
        title = re.search(r"<(title|h1)\b[^>]*>(.{0,200}?)</\1>", words, re.I | re.S)
        return title[2] if title else re.sub(r"<[^>]*>", " ", words)[:200]
    return words


def _unpacked(value: Any, depth: int = 0) -> Any:
    """The value with JSON inside strings read, and without what repeats the request."""
    if depth > _DEPTH:
        return None
    if isinstance(value, str):
        inner = _parsed(value) if value.strip()[:1] in {"{", "["} else value
        return inner if isinstance(inner, str) else _unpacked(inner, depth + 1)
    if isinstance(value, Mapping):
        return {
            str(name): _unpacked(item, depth + 1)
            for name, item in value.items()
            if str(name).casefold() not in _ECHOES
        }
    if isinstance(value, list | tuple):
        return [_unpacked(item, depth + 1) for item in value[:20]]
    return value


def _sentence(value: Any) -> str | None:
    """What is said, from the first field that says something."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        sentences = [words for words in map(_sentence, value[:3]) if words]
        return "; ".join(sentences) or None
    if not isinstance(value, dict):
        return None
    best = None
    for name in _SENTENCES:
        words = _sentence(value.get(name))
        if words is None:
            continue
        if isinstance(value.get("loc"), list):
            place = ".".join(str(part) for part in value["loc"] if part != "body")
            words = f"{place}: {words}" if place else words
        if best is None or (_VAGUE.fullmatch(best) and not _VAGUE.fullmatch(words)):
            best = words
    if best is None and value:  # {"max_tokens": ["Unknown field."]}
        named = ((name, _sentence(item)) for name, item in value.items() if _is_list(item))
        best = next((f"{name}: {words}" for name, words in named if words), None)
    return best


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _codes(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _codes(item)
    if not isinstance(value, dict):
        return
    for name in ("code", "status", "status_code", "statusCode", "http_code"):
        code = value.get(name)
        if isinstance(code, int) or (isinstance(code, str) and code.isdigit()):
            yield int(code)
    for item in value.values():
        yield from _codes(item)
