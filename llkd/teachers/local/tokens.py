"""From a prompt and hostile texts to token ids: texts can be cut, and never act as template."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot
from llkd.teachers.few_shot import GAP as EXAMPLE_GAP
from llkd.teachers.few_shot import LONGEST_TOKENS, Shorten, example_text
from llkd.teachers.prompts import TEXT, Part, Prompt, label_prompt

GAP = " ..."
SMALLEST_TEXT = 8
# No tokenizer in use has words of text this long; longer texts are shortened before they are
# tokenised, because a cell may hold megabytes.
CHARACTERS_PER_TOKEN = 64
_LOG = logging.getLogger(__name__)


class PromptEncoder:
    """Token ids of one prompt: ``prefix``, any text's own, ``suffix``, and the ``answers``.

    The ids of the whole prompt are the three parts one after the other. ``cut`` counts the texts
    shortened so far: a text of more than ``max_text_tokens`` loses its middle, the prompt nothing.
    ``dropped`` counts the examples of single texts that the model's context had no room for.
    """

    def __init__(
        self, tokenizer: Any, prompt: Prompt, max_text_tokens: int, context: int | None = None
    ) -> None:
        """``context`` is the longest input the model can read, where it has a limit."""
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._unknown = tokenizer.unk_token_id
        self._forbidden, self._pattern = _special_words(tokenizer, prompt)
        self.prefix = self._start() + self._parts(prompt.before)
        self.suffix = self._parts(prompt.after)
        self.answers = [self._answer(words) for words in prompt.answers]
        self._own = [self._parts([part]) for part in prompt.own]
        self._gap = self.ordinary([GAP])[0]
        self.cut = 0
        self.dropped = 0
        self.max_text_tokens = max_text_tokens
        self._room: int | None = None
        if context is not None:
            shared = len(self.prefix) + len(self.suffix) + sum(map(len, self._own))
            self._room = context - shared - max(map(len, self.answers))
            if self._room < SMALLEST_TEXT:
                raise ConfigError(
                    f"The instruction and the class list take {shared} tokens, and the "
                    f"model reads {context} in all, so no room is left for a text. "
                    "Shorten the instruction or the class descriptions."
                )
            self.max_text_tokens = min(max_text_tokens, self._room)

    def encode(
        self, texts: Sequence[str], examples: Sequence[Sequence[Example]] = ()
    ) -> list[list[int]]:
        """Token ids of each text, at most ``max_text_tokens`` of them, and of what is its own.

        ``examples``: those of each text, where the prompt has a place for them; the first of them
        are left out where not all fit.
        """
        rows = self._texts(texts)
        if self._prompt.own == (TEXT,):
            return rows
        shown = list(examples) or [()] * len(texts)
        blocks = self._blocks(shown)
        for i, row in enumerate(rows):
            few = shown[i]
            while few and self._room is not None and len(row) + _length(blocks[i]) > self._room:
                few = few[1:]
                blocks[i] = self._blocks([few])[0]
            self.dropped += len(shown[i]) - len(few)
            shown[i] = few
        return [self._filled(row, block) for row, block in zip(rows, blocks, strict=True)]

    def show(self, text: str, examples: Sequence[Example] = ()) -> str:
        """The prompt as the model reads it, with the text cut where it is too long."""
        before = self.cut
        ids = self._texts([text])[0]
        was_cut, self.cut = self.cut > before, before
        while examples and self._room is not None:
            if len(ids) + _length(self._blocks([examples])[0]) <= self._room:
                break
            examples = examples[1:]
        return self._prompt.show(self._tokenizer.decode(ids) if was_cut else text, examples)

    def _texts(self, texts: Sequence[str]) -> list[list[int]]:
        limit = self.max_text_tokens * CHARACTERS_PER_TOKEN
        halves = [(text[: limit // 2], text[-limit // 2 :]) for text in texts]
        short = [
            text if len(text) <= limit else GAP.join(half)
            for text, half in zip(texts, halves, strict=True)
        ]
        rows = []
        for text, part, ids in zip(texts, short, self.ordinary(short), strict=True):
            self.cut += len(ids) > self.max_text_tokens or len(part) < len(text)
            rows.append(self._middle_out(ids))
        return rows

    def _blocks(self, examples: Sequence[Sequence[Example]]) -> list[list[list[int]]]:
        """For each text and each place of examples: their token ids."""
        places = [part for part in self._prompt.own if part.hole == "examples"]
        words = [self._prompt.words(part, "", few) for few in examples for part in places]
        ids = self.ordinary(words)
        n = len(places)
        return [ids[i * n : (i + 1) * n] for i in range(len(examples))]

    def _filled(self, row: list[int], block: list[list[int]]) -> list[int]:
        ids: list[int] = []
        places = iter(block)
        for part, own in zip(self._prompt.own, self._own, strict=True):
            ids += row if part.hole == "text" else next(places) if part.hole else own
        return ids

    def ordinary(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts in which special tokens are words like any other."""
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        rows: list[list[int]] = self.token_ids(clean) if clean else []
        for position, ids in enumerate(rows):
            if not self._forbidden.isdisjoint(ids):
                rows[position] = self._in_pieces(clean[position])
        return rows

    def token_ids(self, texts: list[str]) -> list[list[int]]:
        """Empty texts aside, which some tokenizers do not take."""
        filled = [text for text in texts if text]
        rows = iter(
            self._tokenizer(
                filled,
                add_special_tokens=False,
                split_special_tokens=True,
                return_attention_mask=False,
                verbose=False,
            )["input_ids"]
            if filled
            else []
        )
        return [list(next(rows)) if text else [] for text in texts]

    def _in_pieces(self, text: str) -> list[int]:
        """Cut each special word after its first letter, so that no tokenizer can recognise it."""
        pieces, start = [], 0
        for match in self._pattern.finditer(text):
            pieces.append(text[start : match.start() + 1])
            start = match.start() + 1
        pieces.append(text[start:])
        allowed = {self._unknown} if len(pieces) == 1 else set()
        refused = self._forbidden - allowed
        return [i for ids in self.token_ids(pieces) for i in ids if i not in refused]

    def _parts(self, parts: Sequence[Part]) -> list[int]:
        ids: list[int] = []
        for part in parts:
            if part.hole:
                continue  # filled for each text
            if part.template:
                ids += self._tokenizer(part.text, add_special_tokens=False)["input_ids"]
            else:
                ids += self.ordinary([part.text])[0]
        return ids

    def _start(self) -> list[int]:
        """The begin-of-text token, where the tokenizer sets one before plain text."""
        if (*self._prompt.before, *self._prompt.own)[0].template:
            return []  # a chat template writes its own
        start = self._tokenizer.bos_token_id
        ids = self._tokenizer("a")["input_ids"]
        return [start] if start is not None and ids[:1] == [start] else []

    def _answer(self, words: str) -> list[int]:
        """Tokens of an answer where it follows the prompt, not where it begins a text."""
        last = self._prompt.after[-1:]
        lead = "".join(part.text for part in last if not part.template)
        alone, joined = self.ordinary([lead, lead + words])
        ids = joined[len(alone) :] if joined[: len(alone)] == alone else self.ordinary([words])[0]
        if not ids:
            raise ModelError(
                f"The model's tokenizer has no token for the class {words.strip()!r}. "
                "Give it another verbaliser."
            )
        return ids

    def _middle_out(self, ids: list[int]) -> list[int]:
        if len(ids) <= self.max_text_tokens:
            return ids
        gap = self._gap if len(self._gap) <= self.max_text_tokens // 4 else []
        room = self.max_text_tokens - len(gap)
        tail = room // 2
        return ids[: room - tail] + gap + ids[len(ids) - tail :]


def shortener(tokenizer: Any) -> Shorten:
    """Makes the text of an example fit: one line of at most LONGEST_TOKENS tokens."""

    def tokens(line: str) -> list[int]:
        options = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
        return list(tokenizer(line, **options)["input_ids"]) if line else []

    @functools.lru_cache(maxsize=4096)
    def shorten(text: str) -> str:
        line = example_text(text).encode("utf-8", "replace").decode("utf-8")
        ids = tokens(line)
        short, room = line, LONGEST_TOKENS
        while len(tokens(short)) > LONGEST_TOKENS:
            room -= 4
            start, end = ids[: room - room // 2], ids[len(ids) - room // 2 :]
            # Half a character decodes as a replacement character.
            short = (
                tokenizer.decode(start).rstrip("\ufffd ")
                + EXAMPLE_GAP
                + tokenizer.decode(end).lstrip("\ufffd ")
            )
        return short

    return shorten


def fitting_encoder(
    config: TeacherConfig,
    labels: LabelSet,
    tokenizer: Any,
    examples: FewShot = NO_EXAMPLES,
    context: int | None = None,
) -> tuple[Prompt, PromptEncoder]:
    """The prompt and its encoder; with as many fixed examples as leave the texts their room."""
    shorten = shortener(tokenizer)
    fixed = examples.fixed
    while True:
        few = replace(examples, fixed=fixed)
        prompt = label_prompt(config, labels, tokenizer, few, shorten)
        try:
            encoder = PromptEncoder(tokenizer, prompt, config.max_text_tokens, context)
            if not fixed or encoder.max_text_tokens == config.max_text_tokens:
                break
        except ConfigError:
            if not fixed:
                raise
        fixed = fixed[1:]
    if len(fixed) < len(examples.fixed):
        _LOG.warning(
            "The model reads %s tokens: %d of %d examples fit.",
            context,
            len(fixed),
            len(examples.fixed),
        )
    return prompt, encoder


def _length(block: Sequence[Sequence[int]]) -> int:
    return sum(map(len, block))


def _special_words(tokenizer: Any, prompt: Prompt) -> tuple[set[int], re.Pattern[str]]:
    """Ids no text may contain, and a pattern that finds their words.

    These are the special tokens, and the added ones that the chat template is made of.
    """
    parts = (*prompt.before, *prompt.own, *prompt.after)
    template = "".join(part.text for part in parts if part.template)
    special = set(tokenizer.all_special_ids)
    words = {
        str(token): number
        for number, token in tokenizer.added_tokens_decoder.items()
        if getattr(token, "special", False) or number in special or str(token) in template
    }
    words = {word: number for word, number in words.items() if word.strip()}
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(re.escape(word) for word in longest_first)
    return set(words.values()), re.compile(pattern or r"(?!)")
