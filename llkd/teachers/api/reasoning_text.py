"""What a model wrote before and around its answer: thoughts, channel marks, tags of a template.

Servers without a parser for a model's thoughts send them as part of the answer. A finished thought
is taken off; of one that is not finished there is no answer yet.
"""

from __future__ import annotations

import re

_THINKING = r"(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad|seed:think)"
# A closing mark may come without an opening one: some templates write that into the prompt.
_END = re.compile(
    rf"</\s*{_THINKING}\s*>|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>|◁/think▷|<channel\|>",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    rf"<\s*{_THINKING}\b[^<>]{{0,100}}>|\[THINK\]|<\|begin_of_thought\|>|<\|START_THINKING\|>|"
    r"◁think▷|<\|channel>\s*thought|<\|channel\|>\s*(?:analysis|commentary)\b",
    re.IGNORECASE,
)
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]{0,40}<\|message\|>", re.IGNORECASE)
# Marks of turns and ends, which a server should have taken off.
_MARK = (
    r"(?:<\|[^<>|\s]{1,40}\|>|</?s>|<eos>|<bos>|<pad>|<(?:start|end)_of_turn>|\[/?INST\]|"
    r"<\uff5c[^<>]{1,60}\uff5c>)"
)
_TURN = re.compile(rf"{_MARK}(?:(?:assistant|model)(?=[\s<]))?", re.IGNORECASE)
_TRAILING = re.compile(rf"(?:\s*{_MARK})+\s*\Z", re.IGNORECASE)
_WRAPPED = (
    re.compile(
        r"<(answer|final|final_answer|response|output|label|category|class)>(.{0,2000}?)</\1>",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"(\\boxed|\\text)\s*\{([^{}]{0,500})\}"),
    re.compile(r"(<\|begin_of_box\|>)(.{0,2000}?)<\|end_of_box\|>", re.DOTALL),
    re.compile(r"(<\|START_RESPONSE\|>)(.{0,2000}?)<\|END_RESPONSE\|>", re.DOTALL),
)


def begins_with_thought(words: str) -> bool:
    """Whether the words, or as much of them as there is, open or hold a thought."""
    return _BEGIN.match(_unmarked(words)) is not None or _END.search(words) is not None


def answer_start(words: str) -> int | None:
    """Where the answer begins, behind thoughts and marks; None where a thought is not finished."""
    final = list(_FINAL.finditer(words))
    if final:
        return final[-1].end()
    ends = list(_END.finditer(words))
    rest = _unmarked(words[ends[-1].end() if ends else 0 :])
    return None if _BEGIN.match(rest) else len(words) - len(rest)


def without_thoughts(words: str) -> str:
    """The answer alone; empty where a thought is not finished."""
    start = answer_start(words)
    if start is None:
        return ""
    answer = words[start:]
    for pattern in _WRAPPED:
        inside = {match[2].strip() for match in pattern.finditer(answer)}
        if len(inside) == 1:
            answer = inside.pop()
    return _TRAILING.sub("", answer)


def _unmarked(words: str) -> str:
    """The words behind white space and marks of a turn, but for a mark that opens a thought."""
    rest = words.lstrip()
    while _BEGIN.match(rest) is None:
        mark = _TURN.match(rest)
        if mark is None:
            break
        rest = rest[mark.end() :].lstrip()
    return rest
