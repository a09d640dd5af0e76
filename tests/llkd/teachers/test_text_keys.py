import random
import unicodedata

import pyarrow as pa

from llkd.teachers.imported.cells import stripped, text_keys

PARTS = [
    "a", "e", "é", "e\u0301", "\u0301", "\u0327", " ", "  ", "\t", "\n", "\x1c", "\x85", "\xa0", "中",
    "\u3000", "\u2028", "가", "\u1100", "\u1161", "\u11a8", "ク\u3099", "\u0915\u093c", "😀", "\ufb1d",
    "\u212b", "\U0001d15e", "\u09be", "\u09c7", "ἀ", "\u0344", "x y", "", "й", "и\u0306", "\U000110a5\U000110ba",
]  # fmt: skip


def test_keys_are_composed_and_of_single_spaces():
    draw = random.Random(3)
    texts = ["".join(draw.choices(PARTS, k=draw.randint(0, 6))) for _ in range(6_000)]
    texts += [f"{first}{second}" for first in "aeu가" for second in map(chr, range(0x80, 0x3200))]
    expected = [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]
    assert text_keys(texts).to_pylist() == expected
    chunked = pa.chunked_array([pa.array(["x", *texts[:500]])[1:], pa.array(texts[500:])])
    assert text_keys(chunked).to_pylist() == expected


def test_ids_lose_outer_white_space():
    cells = [None, "", " ", "a", " a", "a\u3000", "\x1ca b\x85", "é"]
    chunked = pa.chunked_array([pa.array(cells)])
    assert stripped(chunked).to_pylist() == [cell and cell.strip() for cell in cells]
