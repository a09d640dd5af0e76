"""Files that are small and claim or unpack to very much: refused early, in a sentence."""

import gzip
import io
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llkd.datasets.texts import read_texts
from llkd.errors import DataError

ROOT = Path(__file__).resolve().parents[3]
TABLE = b"id,text\n1,The first text\n2,The second text\n"
READ = """
import resource, sys
sys.path.insert(0, {root!r})
from llkd.datasets.texts import read_texts
from llkd.errors import DataError
import openpyxl, pyarrow.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_texts(sys.argv[1])
except DataError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def refused(path):
    """The sentence, and how much memory it took to come to it (MiB)."""
    done = subprocess.run(
        [sys.executable, "-c", READ.format(root=str(ROOT)), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30)),
    )
    assert done.returncode == 0, done.stderr[-1000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 2, "it was read"
    return lines[0], int(lines[1])


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_gzip_of_one_letter(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as stream:
        for _ in range(200):
            stream.write(b"a" * (1 << 20))
    message, memory = refused(path)
    assert "unpacks to more than 300 times its size" in message
    assert memory < 150


def test_gzip_in_a_zip(tmp_path):
    inner = gzip.compress(b"text\n" + b"a" * (200 << 20), compresslevel=9)
    message, memory = refused(zipped(tmp_path / "a.zip", [("t.csv.gz", inner)]))
    assert "decompression bomb" in message and memory < 150


def test_zip_of_many_members_that_are_much_together(tmp_path):
    members = [(f"{k}.csv", b"text\n" + b"a" * (4 << 20)) for k in range(30)]
    message, memory = refused(zipped(tmp_path / "a.zip", members))
    assert "decompression bomb" in message and memory < 150


def test_zip_whose_members_are_all_one(tmp_path):
    """As in the zip bombs of 2019: many entries of the directory share the same packed bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.csv", b"text\n" + b"words and words\n" * 1000)
    data = stream.getvalue()
    start = data.rindex(b"PK\x05\x06")
    begin = struct.unpack("<I", data[start + 16 : start + 20])[0]
    entry = data[begin:start]
    entries = b"".join(entry.replace(b"0.csv", f"{k}.csv".encode()[-5:]) for k in range(9))
    end = bytearray(data[start:])
    struct.pack_into("<HHII", end, 8, 9, 9, len(entries), begin)
    path = tmp_path / "a.zip"
    path.write_bytes(data[:begin] + entries + bytes(end))
    with pytest.raises(DataError, match=r"a\.zip is a damaged archive"):
        read_texts(path)


def test_zip_that_claims_much(tmp_path):
    path = zipped(tmp_path / "a.zip", [("t.csv", TABLE)])
    data = bytearray(path.read_bytes())
    where = data.rindex(b"PK\x01\x02") + 24
    data[where : where + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    message, memory = refused(path)
    assert "decompression bomb" in message and memory < 60


def test_zip_in_itself_and_in_another(tmp_path):
    inner = zipped(tmp_path / "i.zip", [("t.csv", TABLE)]).read_bytes()
    for depth in range(3):
        inner = zipped(tmp_path / f"{depth}.zip", [("i.zip", inner)]).read_bytes()
    message, _ = refused(tmp_path / "2.zip")
    assert message.startswith("The member 'i.zip' of 2.zip is itself an archive.")


def test_workbook_of_one_long_part(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["one text"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    parts = [
        (name, data.replace(b"<sheetData>", b" " * (150 << 20) + b"<sheetData>"))
        if name.endswith("sheet1.xml")
        else (name, data)
        for name, data in parts
    ]
    message, memory = refused(zipped(path, parts))
    assert "decompression bomb" in message and memory < 150


def test_workbook_that_unpacks_to_more_than_is_read_whole(tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["one text"])
    book.save(tmp_path / "a.xlsx")
    monkeypatch.setattr("llkd.datasets.readers.workbook.MAX_WHOLE_BYTES", 1000)
    with pytest.raises(
        DataError, match=r"a workbook is read as a whole .* Export the sheet as CSV"
    ):
        read_texts(tmp_path / "a.xlsx")


def test_json_document_that_is_too_large_to_be_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text('{"rows": [{"text": "one text"}, {"text": "two"}]}')
    assert read_texts(path).kept_count == 2
    monkeypatch.setattr("llkd.datasets.readers.json.records.MAX_WHOLE_BYTES", 20)
    with pytest.raises(DataError, match=r"read as a whole .* Export it as JSON Lines"):
        read_texts(path)
    # An array needs no whole document.
    path.write_text('[{"text": "one text"}, {"text": "two"}]')
    assert read_texts(path).kept_count == 2


def test_parquet_of_many_rows_and_of_long_ones(tmp_path):
    path = tmp_path / "rows.parquet"
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 6_000_000, pa.int8()), ["a text"])
    pq.write_table(pa.table({"text": same}), path)
    assert path.stat().st_size < 100_000
    message, memory = refused(path)
    assert "more than 5,000,000 rows" in message and memory < 60
    path = tmp_path / "long.parquet"
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int8()), ["a" * 1_000_000])
    pq.write_table(pa.table({"text": long}), path)
    assert path.stat().st_size < 2_000_000
    message, memory = refused(path)
    assert "scratch file" in message or "unpacks to more than" in message
    assert memory < 400


def test_json_array_is_read_across_the_ends_of_blocks(tmp_path, monkeypatch):
    import json

    monkeypatch.setattr("llkd.datasets.readers.json.values.BLOCK", 7)
    records = [{"id": k, "text": f'text {k} \u00fc "quoted"', "n": 10**k} for k in range(60)]
    path = tmp_path / "a.json"
    for indent in (None, 1):
        path.write_text(json.dumps(records, indent=indent))
        found = read_texts(path, text_column="text")
        assert found.texts["text"].tolist() == [record["text"] for record in records]
        assert found.texts["id"].tolist() == [str(k) for k in range(60)]
    content = json.dumps(records, indent=1)
    path.write_text(content[:-3] + "x\n]")
    line = content[:-3].count("\n") + 1
    with pytest.raises(DataError, match=rf"not valid JSON at line {line:,}, column "):
        read_texts(path)
