"""Looks at all texts at once find what a look at each one finds."""

import random
import re
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.characters import visible
from llkd.datasets.checks.scan import BLANK, LIST, USABLE, scan
from llkd.datasets.checks.statistics import token_estimates
from llkd.datasets.limits import LONG_TEXT

PARTS = [
    "a", "é", " ", "\t", "\n", "\0", "\x01", "\x7f", "\x80", "\x9f", "\xa0", "\x85", "\u200b",
    "\u2028", "\ufeff", "中", "ñ", "Ã©", "Ã\x80", "â€", "Ð\x90Ñ", "ï¿½", "\x1c", "_", "1", "²", "Ⅷ",
    "😀", "!", "é" * LONG_TEXT, "x" * (LONG_TEXT + 1), "\u00ad", "٣", "\u3000", "あ", "한", "ไ", "𠀀",
]  # fmt: skip
CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
MISDECODED = re.compile("Ã[\x80-\xbf]|â€|Ð[\x80-\xbf]Ñ|ï¿½")


def drawn(seed: int) -> list[str | None]:
    draw = random.Random(seed)
    return [
        None if draw.random() < 0.05 else "".join(draw.choices(PARTS, k=draw.randint(0, 5)))
        for _ in range(draw.randint(0, 30))
    ]


def test_each_text_is_told_as_if_it_were_alone():
    for seed in range(300):
        texts = drawn(seed)
        cut = len(texts) // 3
        # A slice of a chunk begins in the middle of its bytes.
        chunks = [pa.array(["before", *texts[:cut]])[1:], pa.array(texts[cut:], pa.string())]
        lists = [k for k in range(len(texts)) if k % 7 == 3]
        looked = scan(pa.chunked_array(chunks, type=pa.string()), lists)
        blank = [text is None or not visible(text) for text in texts]
        state = [LIST if k in lists else BLANK if b else USABLE for k, b in enumerate(blank)]
        assert looked.state.tolist() == state
        usable = [(k, str(texts[k])) for k in range(len(texts)) if state[k] == USABLE]
        assert looked.long.tolist() == [k for k, text in usable if len(text) > LONG_TEXT]
        assert looked.controls.tolist() == [k for k, text in usable if CONTROL.search(text)]
        assert looked.unstorable.tolist() == [k for k, text in usable if "\0" in text]
        assert looked.misdecoded.tolist() == [k for k, text in usable if MISDECODED.search(text)]
        for k, text in usable:
            for other, other_text in usable:
                same = looked.hashes[k] == looked.hashes[other]
                assert same == (text.strip() == other_text.strip())


def test_tokens_of_dense_writing():
    dense = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"
    texts = [text for seed in range(40) for text in drawn(seed) if text and len(text) < 100]
    texts += [chr(code) + "x" for code in range(0x800, 0x3000, 7)]
    counts = pc.count_substring_regex(pa.array(texts), dense).to_numpy()
    expected = counts + (np.array([len(text) for text in texts]) - counts) / np.float32(4)
    assert np.array_equal(token_estimates(texts), expected)
    assert unicodedata.name("ไ").startswith("THAI") and token_estimates(["ไ"])[0] == 1
