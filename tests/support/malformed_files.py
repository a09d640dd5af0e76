"""Awkward files made on the spot, and what each must lead to.

Each case is a name, the bytes, and the outcome: ``kept(texts)``, ``told(texts, words)`` with a
warning that says so, or ``refused(words)`` in one sentence.
"""

import bz2
import datetime
import decimal
import gzip
import io
import json
import lzma
import sqlite3
import tempfile
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq


def kept(texts):
    return ("kept", texts, "")


def told(texts, words):
    return ("told", texts, words)


def refused(words):
    return ("refused", 0, words)


def zipped(*members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def parquet(columns, **more):
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **more)
    return stream.getvalue()


def feather(version):
    stream = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"text": ["one", "two"]}), stream, version=version)
    return stream.getvalue()


def orc():
    stream = io.BytesIO()
    pyarrow.orc.write_table(pa.table({"text": ["one", "two"]}), stream)
    return stream.getvalue()


def sqlite():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE t (text TEXT)")
        base.execute("INSERT INTO t VALUES ('a text')")
        base.commit()
        base.close()
        return path.read_bytes()


def workbook(*sheets, change=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows, *state in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if state:
            sheet.sheet_state = state[0]
    if change:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def merged(book):
    sheet = book.worksheets[0]
    sheet.merge_cells("A1:B1")


def with_part(data, name, content):
    """A workbook with one part of it put in another's place."""
    old = zipfile.ZipFile(io.BytesIO(data))
    parts = [(n, old.read(n)) for n in old.namelist() if n != name]
    return zipped(*parts, (name, content))


ROWS = "id,text,label\n1,The first text here,a\n2,The second text here,b\n"
LINE = json.dumps({"id": 1, "text": "The first text here"}) + "\n"
SECOND = json.dumps({"id": 2, "text": "The second text here"}) + "\n"
EBCDIC = "id,text\n1,The first text here\n2,The second text here\n".encode("cp037")
BIG = "9" * 1_000_000
EDGES = [
    ["id", "text", "when", "price"],
    [1, "plain", datetime.date(2024, 2, 29), 1.5],
    [2, "=1+1", datetime.datetime(2024, 2, 29, 13, 5), "#DIV/0!"],
    [3, "third", None, decimal.Decimal("0.10")],
]

CASES = [
    # Encodings and marks
    ("bom_inside.csv", b"\xef\xbb\xbf" + ROWS.encode() + b"\xef\xbb\xbf3,Third,a\n", kept(3)),
    ("bom_utf32le.csv", ROWS.encode("utf-32"), kept(2)),
    ("utf32be_no_mark.csv", ROWS.encode("utf-32-be"), told(2, "is not UTF-8")),
    ("utf32le_no_mark.csv", ROWS.encode("utf-32-le"), told(2, "is not UTF-8")),
    ("utf16be_no_mark.csv", ROWS.encode("utf-16-be"), told(2, "is not UTF-8")),
    ("utf16_odd_byte.csv", ROWS.encode("utf-16") + b"x", told(2, "not valid UTF-16")),
    ("utf7.csv", b"id,text\n1,caf+AOk- in the town\n2,plain words\n", kept(2)),
    ("ebcdic.csv", EBCDIC, told(2, "EBCDIC")),
    ("cp1252_long.csv", ("text\n" + "Grüße aus Köln\n" * 50).encode("cp1252"), told(1, "Windows")),
    ("cut_in_a_letter.csv", ("text\nGrüße aus Köln\nviele Grüße").encode()[:-2], told(2, "UTF-8")),
    ("nul_in_text.csv", b"id,text\n1,a\0b here\n2,plain words\n", told(2, "NUL")),
    ("form_feeds.txt", b"one text\x0canother text\nthird\n", told(2, "control")),
    ("overlong.csv", b"id,text\n1,a\xc0\xafb text\n2,plain words\n", told(2, "not UTF-8")),
    ("line_separator.txt", "one\u2028two\nthree\n".encode(), kept(2)),
    ("rtl_marks.csv", "id,text\n1,\u202eabc\u202c\n2,\u200f\u200e\n".encode(), told(1, "blank")),
    ("only_rtl_marks.csv", "id,text\n1,\u202e\n2,\u200f\n".encode(), refused("no usable text")),
    # Separators and quotes
    ("sep_line.csv", b"sep=;\r\nid;text\r\n1;one, two\r\n2;three\r\n", kept(2)),
    ("sep_line_tab.csv", b"sep=\t\nid\ttext\n1\tone, two\n2\tthree\n", kept(2)),
    ("tsv_named.csv", ROWS.replace(",", "\t").encode(), kept(2)),
    ("csv_named.tsv", ROWS.encode(), kept(2)),
    ("pipes.csv", ROWS.replace(",", "|").encode(), kept(2)),
    ("mixed.csv", b"id,text\n1,one text\n2;another text\n3,third\n", told(2, "fewer values")),
    ("unclosed_at_end.csv", (ROWS + '3,"never closed,a\n').encode(), told(3, "plain characters")),
    ("quote_in_middle.csv", b'id,text\n1,say "hi" now\n2,fine words\n', kept(2)),
    ("quotes_doubled_all.csv", b'"id","text"\n"1","say ""hi"""\n"2","fine"\n', kept(2)),
    ("single_quotes.csv", b"id,text\n1,'one, two'\n2,'three, four'\n", told(2, "single quotes")),
    ("header_only.csv", b"id,text,label\n", refused("column names and no rows")),
    ("header_only_no_end.csv", b"text", refused("column names and no rows")),
    ("empty.csv", b"", refused("is empty")),
    ("white.csv", b" \t\r\n \n", refused("is empty")),
    ("commas_only.csv", b",,,\n,,,\n", refused("no value")),
    ("one_row_no_end.csv", b"id,text\n1,the only text", kept(1)),
    ("cr_only.csv", ROWS.replace("\n", "\r").encode(), kept(2)),
    ("mixed_ends.csv", b"id,text\r\n1,one text\n2,two texts\r3,three\r\n", kept(3)),
    ("trailing_commas.csv", b"id,text,\n1,one text,\n2,two texts,\n", kept(2)),
    (
        "wide.csv",
        (
            ",".join(["text", *(f"c{k}" for k in range(10_000))])
            + "\n"
            + "some words"
            + "," * 10_000
            + "\n"
        ).encode(),
        kept(1),
    ),
    (
        "too_wide.csv",
        (",".join(["text", *(f"c{k}" for k in range(20_000))]) + "\n").encode(),
        refused("columns"),
    ),
    (
        "same_names.csv",
        b"text,text\none text here,two words\nthree texts,four\n",
        told(2, "more than once"),
    ),
    (
        "huge_number.csv",
        f"id,text\n1,{BIG}\n2,words are here\n3,more words\n".encode(),
        told(3, "20,000"),
    ),
    ("numbers.csv", ("text\n" + "\n".join(map(str, range(100)))).encode(), refused("numbers")),
    ("duplicate_ids.csv", b"id,text\n1,one text\n1,two texts\n", told(2, "repeats itself")),
    ("formula_cells.csv", b"id,text\n1,=cmd|' /C calc'!A0\n2,@SUM(1)\n", kept(2)),
    # JSON
    ("bom.json", b"\xef\xbb\xbf" + json.dumps([{"text": "a text"}]).encode(), kept(1)),
    (
        "surrogate.json",
        b'[{"text": "half \\ud800 pair"}, {"text": "whole \\ud83d\\ude00"}]',
        told(2, "valid"),
    ),
    ("nan_ids.jsonl", b'{"id": NaN, "text": "one"}\n{"id": NaN, "text": "two"}\n', told(2, "NaN")),
    ("crlf.jsonl", (LINE + SECOND).replace("\n", "\r\n").encode(), kept(2)),
    ("garbage_at_end.jsonl", (LINE + SECOND + "bye\n").encode(), told(2, "line 3")),
    ("cut.jsonl", (LINE + SECOND + '{"id": 3, "te').encode(), told(2, "line 3")),
    ("all_garbage.jsonl", b'{"text": \n{"x\n{{\n', refused("JSON")),
    ("blank_lines.jsonl", (LINE + "\n\n" + SECOND).encode(), kept(2)),
    ("array_in_lines.jsonl", b'["one text"]\n["two texts"]\n', refused("JSON")),
    ("pretty.jsonl", json.dumps({"text": "a text"}, indent=2).encode(), told(1, "single object")),
    ("lines.json", (LINE + SECOND).encode(), kept(2)),
    ("cut.json", b'[{"text": "one"}, {"text": "tw', refused("ends too early")),
    ("comma_missing.json", b'[{"text": "one"}\n {"text": "two"}]', refused("line 2, column 2")),
    ("comma_at_end.json", b'[{"text": "one"},]', refused("after the comma")),
    ("single_quotes.json", b"[{'text': 'one'}]", refused("not valid JSON")),
    ("comment.json", b'[ // texts\n{"text": "one"}]', refused("line 1, column 3")),
    ("empty_array.json", b"[]", refused("no records")),
    ("empty_object.json", b"{}", refused("record")),
    ("a_string.json", b'"only a text"', refused("single value")),
    ("null.json", b"null", refused("single value")),
    ("deep.json", b"[" * 100_000, refused("too deeply nested")),
    (
        "deep_object.json",
        b'[{"text": "x", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}]",
        refused("deeply"),
    ),
    ("huge_integer.json", b'[{"id": ' + BIG.encode() + b', "text": "words"}]', kept(1)),
    ("two_documents.json", b'{"text": "one"} {"text": "two"}', told(2, "one after the other")),
    ("after_array.json", b'[{"text": "one"}] x', refused("something follows")),
    ("columns.json", b'{"text": ["one", "two"], "label": ["a", "b"]}', told(2, "whole columns")),
    ("uneven_columns.json", b'{"text": ["one"], "label": ["a", "b"]}', refused("unequal length")),
    ("texts_are_lists.json", b'[{"text": ["one", "two"]}, {"text": ["three"]}]', refused("lists")),
    ("nested.json", b'[{"data": {"text": "one"}}, {"data": {"text": "two"}}]', kept(2)),
    # Archives
    ("nested.zip", zipped(("inner.zip", zipped(("a.csv", ROWS)))), refused("itself an archive")),
    ("gz_inside.zip", zipped(("a.csv.gz", gzip.compress(ROWS.encode()))), kept(2)),
    ("two_members.csv.gz", gzip.compress(ROWS.encode()) + gzip.compress(b"3,Third,a\n"), kept(3)),
    ("zip_of_gz.gz", gzip.compress(zipped(("a.csv", ROWS))), refused("compressed twice")),
    ("stored.zip", zipped(("a.csv", ROWS), compression=zipfile.ZIP_STORED), kept(2)),
    ("lzma.zip", zipped(("a.csv", ROWS), compression=zipfile.ZIP_LZMA), kept(2)),
    ("with_front.zip", b"#!/bin/sh\n" + zipped(("a.csv", ROWS)), refused("")),
    ("folder_only.zip", zipped(("data/", b"")), refused("no table")),
    ("only_picture.zip", zipped(("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 99)), refused("picture")),
    ("cut.zip", zipped(("a.csv", ROWS * 50))[:-60], refused("damaged archive")),
    ("not_a_gzip.csv.gz", ROWS.encode(), kept(2)),
    ("deflate.csv.gz", zlib.compress(ROWS.encode() * 9), refused("")),
    ("xz.csv", lzma.compress(ROWS.encode()), refused("xz")),
    ("bz2.csv", bz2.compress(ROWS.encode()), refused("bzip2")),
    # Other kinds under a wrong name
    ("feather2.csv", feather(2), refused("Arrow or Feather")),
    ("feather1.csv", feather(1), refused("Feather")),
    ("orc.csv", orc(), refused("ORC")),
    ("avro.csv", b"Obj\x01\x04\x14avro.codec\x08null" + b"\0" * 40, refused("Avro")),
    ("sqlite.csv", sqlite(), refused("SQLite")),
    ("pdf.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", refused("PDF")),
    ("html.txt", b"\n<!DOCTYPE html><html><body>Sign in</body></html>", refused("HTML")),
    ("html_upper.csv", b"<HTML><BODY><TABLE><TR><TD>x</TD></TR></TABLE>", refused("HTML")),
    (
        "docx.txt",
        zipped(("[Content_Types].xml", "<x/>"), ("word/document.xml", "<x/>")),
        refused("Word"),
    ),
    ("ods.csv", zipped(("mimetype", "x"), ("content.xml", "<x/>")), refused("OpenDocument")),
    ("xml.csv", b"<?xml version='1.0'?><rows><row>text</row></rows>", refused("XML")),
    (
        "pickle.csv",
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x04text\x94." + bytes(range(30)) * 9,
        refused("binary"),
    ),
    ("zstd.csv", b"\x28\xb5\x2f\xfd" + b"x" * 50, refused("zstd")),
    ("yaml.txt", b"- text: one thing\n- text: another thing\n", kept(2)),
    # Parquet
    ("struct.parquet", parquet({"row": [{"text": "one"}, {"text": "two"}]}), told(2, "nested")),
    (
        "decimal.parquet",
        parquet({"text": pa.array([decimal.Decimal("1.50"), None])}),
        refused("numbers"),
    ),
    (
        "times.parquet",
        parquet({"text": ["one", "two"], "t": pa.array([1, 2], pa.timestamp("ns"))}),
        kept(2),
    ),
    (
        "dictionary.parquet",
        parquet({"text": pa.array(["one", "two", "one"]).dictionary_encode()}),
        kept(2),
    ),
    (
        "large_string.parquet",
        parquet({"text": pa.array(["one", "two"], pa.large_string())}),
        kept(2),
    ),
    ("view.parquet", parquet({"text": pa.array(["one", "two"], pa.string_view())}), kept(2)),
    (
        "binary.parquet",
        parquet({"text": pa.array([b"one", b"tw\xff"], pa.binary())}),
        told(2, "Unicode"),
    ),
    ("null_column.parquet", parquet({"text": ["one", "two"], "n": pa.nulls(2)}), kept(2)),
    ("only_nulls.parquet", parquet({"text": pa.nulls(2)}), refused("")),
    ("lists.parquet", parquet({"text": [["a"], ["b"]]}), refused("")),
    (
        "map.parquet",
        parquet(
            {
                "text": ["one", "two"],
                "m": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            }
        ),
        kept(2),
    ),
    ("no_columns.parquet", parquet({}), refused("no rows")),
    ("cut.parquet", parquet({"text": ["one", "two"]})[:-9], refused("damaged Parquet")),
    ("magic_only.parquet", b"PAR1", refused("damaged Parquet")),
    ("magic_twice.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", refused("damaged Parquet")),
    (
        "bits_flipped.parquet",
        bytes(
            b ^ 0xFF if 30 < k < 60 else b
            for k, b in enumerate(parquet({"text": ["a text of some length", "two"]}))
        ),
        refused("damaged Parquet"),
    ),
    # Workbooks
    (
        "hidden_first.xlsx",
        workbook(("H", [["text"], ["hidden"]], "hidden"), ("V", [["text"], ["seen"], ["too"]])),
        told(2, "'V'"),
    ),
    (
        "very_hidden.xlsx",
        workbook(("V", [["text"], ["seen"]]), ("H", [["text"], ["x"]], "veryHidden")),
        told(1, "left out"),
    ),
    (
        "merged_header.xlsx",
        workbook(
            ("S", [["Survey of the year", None], ["id", "text"], [1, "one text"], [2, "two"]]),
            change=merged,
        ),
        told(2, "header"),
    ),
    ("dates_errors.xlsx", workbook(("S", EDGES)), told(2, "blank")),
    (
        "empty_cells.xlsx",
        workbook(("S", [["id", "text"], [1, "one"], [None, None], [3, "three"]])),
        kept(2),
    ),
    ("no_sheet_value.xlsx", workbook(("S", []), ("T", [[None]])), refused("no sheet with values")),
    (
        "numbers_as_texts.xlsx",
        workbook(("S", [["text"], *[[k] for k in range(30)]])),
        refused("numbers"),
    ),
    (
        "broken_part.xlsx",
        with_part(
            workbook(("S", [["text"], ["one"]])),
            "xl/worksheets/sheet1.xml",
            "<worksheet><sheetData><row>",
        ),
        refused("damaged workbook"),
    ),
    (
        "entities.xlsx",
        with_part(
            workbook(("S", [["text"], ["one"]])),
            "xl/worksheets/sheet1.xml",
            '<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>',
        ),
        refused("entities"),
    ),
    (
        "missing_part.xlsx",
        zipped(("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<workbook/>")),
        refused(""),
    ),
    # Plain text
    ("long_line.txt", ("word " * 50_000 + "\nshort\n").encode(), told(2, "20,000")),
    ("windows.txt", b"one text\r\n\r\ntwo texts\r\n", kept(2)),
    ("no_ending", b"one text\nanother text\n", kept(2)),
    ("comma_prose.txt", b"Well, it works.\nNo, it does not, at all.\nFine.\n", kept(3)),
]
