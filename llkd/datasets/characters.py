"""Characters that need care: invisible, not storable, or put where a number stands."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d,_ ]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*")
_JOINERS = "\u200c\u200d"
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> bool:
    """Whether anything is left without white space, control and invisible format characters."""
    if _WORD.search(text):
        return True
    return any(not c.isspace() and unicodedata.category(c) not in _INVISIBLE for c in text)


def as_seen(text: str) -> str:
    """The text as a person sees it: composed (NFC), without invisible format characters.

    Joiners that stand between two letters which are not of ASCII stay: Persian words and emoji are
    written with them. So do the tags of flags.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    visible_parts = []
    for place, char in enumerate(text):
        if unicodedata.category(char) == "Cf" and char not in _TAGS:
            around = text[place - 1 : place] + text[place + 1 : place + 2]
            if char not in _JOINERS or len(around) < 2 or any(c.isascii() for c in around):
                continue
        visible_parts.append(char)
    return "".join(visible_parts)


def is_number(text: str) -> bool:
    """Whether the text is one number: ``007``, ``-1.5e3``, ``1,000`` or ``12 %``."""
    return _NUMBER.fullmatch(text) is not None


def without_surrogates(text: str) -> str:
    """The text with half surrogate pairs, which no UTF-8 file can hold, turned into U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def storable(text: str) -> str:
    """The text without NUL characters and half surrogate pairs (U+FFFD stands for each)."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else without_surrogates(text)
