"""Rows as JSON lines: the same bytes as Python's own json module writes, value by value."""

import hashlib
import json
import random

import numpy as np
import pyarrow as pa
import pytest

from llkd.exporting import json_rows
from llkd.exporting.json_rows import json_lines, line_bytes, rows_sha256

HOSTILE = [
    *("", '"', "\\", '\\"', "\n", "\r\n", "\t", "\x00", "\x1f", "\x7f", "\x80", "\x85", "\x84"),
    *(
        "\u2028",
        "\u2029",
        "\u2027",
        "\u202a",
        "\xc2",
        "\xe2\x80",
        "naïve",
        "“quoted”",
        "日本",
        "🙂",
    ),
    *("ends with \u2028", "\x85begins", "{", "null", "%s", "a,b", "</script>", "e\u0301", "\ufeff"),
]


def reference(table):
    """Line by line, by the json module."""
    lines = []
    for row in table.to_pylist():
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        for end, escaped in (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
            line = line.replace(end, escaped)
        lines.append(line + "\n")
    return "".join(lines).encode()


def written(table):
    return b"".join(bytes(line_bytes(lines)) for lines in json_lines(table))


def numbers(rng, count):
    """Of every size: whole, tiny, huge, rounded as an export rounds them, and not."""
    values = np.concatenate(
        [
            rng.random(count).round(6),
            rng.random(count) * 10.0 ** rng.integers(-12, 25, count),
            rng.integers(-5, 2_000_000, count).astype(float),
            [0.0, 1.0, 1e-6, 9.9e-05, 1e-4, 0.000999, 999999.5, 1e6, 1e15, 1e16, 1e22, 0.1 + 0.2],
        ]
    )
    return rng.permutation(values) + 0.0


@pytest.mark.parametrize("seed", range(5))
def test_every_value_is_written_as_the_json_module_writes_it(seed, monkeypatch):
    monkeypatch.setattr(json_rows, "PART_ROWS", 37)
    rng, choice = np.random.default_rng(seed), random.Random(seed)
    values = numbers(rng, 200)
    count = len(values)
    texts = [
        None if choice.random() < 0.1 else "".join(choice.choices([*HOSTILE, "word ", "x"], k=4))
        for _ in range(count)
    ]
    lists = [None if choice.random() < 0.2 else rng.choice(values, 3).tolist() for _ in values]
    table = pa.table(
        {
            'a "name"\u2028': pa.array(texts, pa.string()),
            "number": pa.array(np.where(rng.random(count) < 0.1, np.nan, values), from_pandas=True),
            "lists": pa.array(lists, pa.list_(pa.float64())),
            "times": pa.array([None if k % 7 == 0 else k * 10**9 for k in range(count)]),
            "nothing": pa.array([None] * count, pa.string()),
            "label": pa.array(choice.choices(["roads", "waste", None], k=count), pa.string()),
        }
    )
    assert written(table) == reference(table)
    assert rows_sha256(table) == hashlib.sha256(reference(table)).hexdigest()
    # Chunks that do not begin together, and a part of a table.
    torn = pa.concat_tables([table.slice(0, 11), table.slice(11, 100), table.slice(111)])
    assert written(torn.slice(5, 300)) == reference(table.slice(5, 300))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_comes_back(text):
    table = pa.table({"text": pa.array([text, "a", text + "z", None], pa.string())})
    assert written(table) == reference(table)
    lines = written(table).decode().splitlines()
    assert [json.loads(line)["text"] for line in lines] == [text, "a", text + "z", None]


def test_large_texts_go_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(json_rows, "PART_BYTES", 1 << 16)
    table = pa.table({"text": ["\x01" * 50_000, "a", "b" * 100_000, "\n" * 20_000, "c"]})
    assert written(table) == reference(table)
    assert len(list(json_lines(table))) >= 3


def test_no_rows_are_no_lines():
    table = pa.table({"text": pa.array([], pa.string())})
    assert written(table) == b""
    assert rows_sha256(table) == hashlib.sha256(b"").hexdigest()
