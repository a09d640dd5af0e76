"""Sentences that speak of flags and pages, said in Python's words: what to write in a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from llkd.errors import LLKDError

_KEYWORDS = {
    "--text-column": "text=",
    "--label-column": "gold=",
    "--id-column": "id=",
    "--labels": "labels=",
    "--base-url": "base_url=",
    "--price-in": "price_in=",
    "--price-out": "price_out=",
    "--arms": "arms=",
    "--home": "home=",
    "--project": "project=",
    "--strategy": "strategy=",
    "--share": "share=",
    "--track": "tracker=",
    "--onnx": "onnx=True",
    "--public": "public=True",
    "--dataset": "dataset=",
    "--model": "model=",
    "--max-tokens": "max_tokens=",
    "--drop-labels": "drop_labels=True",
}
_FLAG = re.compile("|".join(rf"{flag}(?![-\w])" for flag in _KEYWORDS) + r"")
_JOINED = re.compile(r"(\w+=) (?=['\"\d])")
_COMMANDS = (
    (re.compile(r"(?:Label them first|Label more texts first): llkd label .*$", re.S),
     "Label them first: llkd.label(texts)"),
    (re.compile(r"Name them on the Data page or with: llkd label .*$", re.S),
     "Name them: llkd.read_texts(…, labels=['…', '…'])"),
    (re.compile(r", or as the gold label on the Data page"), ""),
)  # fmt: skip


def in_python(sentence: str) -> str:
    """The sentence with arguments of the API in place of flags of the command line."""
    for pattern, words in _COMMANDS:
        sentence = pattern.sub(lambda _, words=words: words, sentence)  # type: ignore[misc]
    sentence = _FLAG.sub(lambda flag: _KEYWORDS[flag.group()], sentence)
    sentence = _JOINED.sub(r"\1", sentence)
    if re.match(r"\w+=", sentence):  # an argument is written as it is
        return sentence
    return sentence[:1].upper() + sentence[1:]


@contextmanager
def python_words() -> Iterator[None]:
    """Errors of this project raised inside are raised again in the words of the API."""
    try:
        yield
    except LLKDError as error:
        sentence = in_python(str(error))
        if sentence != str(error):
            error.args = (sentence, *error.args[1:])
        raise
