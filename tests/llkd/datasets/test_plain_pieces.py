"""Reading by pieces tells what reading row by row tells, whatever stands in the file."""

import random

import pyarrow as pa
import pytest

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.delimited import plain_pieces, reader
from llkd.errors import DataError

PLAIN = [
    "a",
    "b c",
    "",
    '""',
    '"x,y"',
    '"l\nm"',
    '"l\r\nm"',
    '"l\rm"',
    '"q""q"',
    "é",
    "中\u2028x",
    "\0",
]
ODD = ['a"b', '"a"b', ' "s"', '"', '""""', 'x\\"', "\ufeff", '"\ufeffz"', "'s'", " ", "\x1c"]


def table_bytes(draw: random.Random) -> bytes:
    """A table of a few columns with, in every third one, rows that keep no rule."""
    width, separator = draw.choice([1, 2, 3]), draw.choice(",;\t")
    line_end = draw.choice(["\n", "\n", "\r\n", "\r", "\r\r\n"])
    odd = draw.random() < 0.35
    lines = [separator.join(["id", "text", "label"][:width])] if draw.random() < 0.8 else []
    for _ in range(draw.randint(0, 80)):
        cells = PLAIN + ODD if odd and draw.random() < 0.03 else PLAIN
        columns = width + (draw.choice([-1, 1, 2]) if odd and draw.random() < 0.02 else 0)
        lines.append(separator.join(draw.choices(cells, k=max(columns, 1))))
        lines += [lines[0]] if odd and draw.random() < 0.01 else []
        lines += [""] if draw.random() < 0.02 else []
    return line_end.join(lines).encode()


def outcome(data: bytes) -> object:
    try:
        content = reader.read_delimited(ByteSource.of(data), "a.csv")
    except DataError as error:
        return str(error)
    rows = content.table.to_pydict() if content.table.num_rows else {}
    return (
        content.table.column_names, rows, content.rows, content.left_out, content.warnings,
        content.delimiter, None if content.numbers is None else list(content.numbers),
    )  # fmt: skip


@pytest.mark.parametrize("piece", [64, 400])
def test_the_same_as_row_by_row(monkeypatch, piece):
    pieces = {"read": 0, "by rows": 0}
    of_arrow = plain_pieces.PieceReader.read

    def counted(self, place):
        table = of_arrow(self, place)
        pieces["by rows" if table is None else "read"] += 1
        return table

    monkeypatch.setattr(reader, "SAMPLE_RECORDS", 4)
    tables = [table_bytes(random.Random(seed)) for seed in range(400)]
    tables = [data for data in tables if not data.startswith(b"\xef\xbb\xbf")]
    monkeypatch.setattr(plain_pieces.PieceReader, "read", lambda self, place: None)
    expected = [outcome(data) for data in tables]
    monkeypatch.setattr(plain_pieces.PieceReader, "read", counted)
    monkeypatch.setattr(plain_pieces, "BLOCK", piece)
    monkeypatch.setattr(reader, "BLOCK", piece)
    assert [outcome(data) for data in tables] == expected
    assert pieces["read"] > 200 and pieces["by rows"] > 20


def test_lines_are_counted_over_pieces(monkeypatch):
    monkeypatch.setattr(plain_pieces, "BLOCK", 50)
    monkeypatch.setattr(reader, "BLOCK", 50)
    rows = [f'{k},"two\nlines"' for k in range(500)]
    rows[400] = "400,odd,cells"
    content = reader.read_delimited(ByteSource.of("\n".join(["id,text", *rows]).encode()), "a.csv")
    assert content.rows == 500 and content.left_out == 1
    assert any("(line 802)" in warning for warning in content.warnings)
    rows[450] = '450,"never closed'
    with pytest.raises(DataError, match="line 901 "):
        reader.read_delimited(ByteSource.of("\n".join(["id,text", *rows]).encode()), "a.csv")


def test_strings_are_neither_numbers_nor_missing():
    rows = "\n".join(f"{k:03},NA,1e5," for k in range(5_000))
    content = reader.read_delimited(ByteSource.of(f"id,text,n,none\n{rows}".encode()), "a.csv")
    assert content.table.schema.types == [pa.string()] * 4
    assert content.table.slice(4_999).to_pydict() == {
        "id": ["4999"], "text": ["NA"], "n": ["1e5"], "none": [""]
    }  # fmt: skip
