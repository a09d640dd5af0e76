"""Large files lie in scratch files and read as if they were in memory."""

import csv
import json
import random
import threading
import weakref

import pyarrow as pa
import pytest

from llkd.datasets import read_texts
from llkd.datasets.readers import temp_buffer
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.temp_buffer import TableSpool, TempBuffer


@pytest.fixture
def small(monkeypatch):
    """Every limit so low that a few rows take the way of a large file."""
    monkeypatch.setattr(temp_buffer, "MEMORY_BYTES", 500)
    monkeypatch.setattr("llkd.datasets.readers.tables.CHUNK_CHARACTERS", 300)
    monkeypatch.setattr("llkd.datasets.readers.json.records.CHUNK_CHARACTERS", 300)
    monkeypatch.setattr("llkd.datasets.readers.byte_source.BLOCK", 97)


def test_bytes_past_the_limit_come_back(small):
    written = TempBuffer()
    parts = [bytes([k]) * 30 for k in range(50)]
    for part in parts:
        written.write(part)
    blob = written.blob()
    assert blob.whole() == b"".join(parts) and blob.size == 1500
    assert b"".join(blob.blocks()) == blob.whole()
    assert blob.part(20, 60).whole() == blob.whole()[20:60]
    assert blob.last(7) == blob.whole()[-7:] and blob.first(7) == blob.whole()[:7]
    with blob.open() as one, blob.open() as other:  # two readers do not disturb each other
        assert one.read(40) == other.read(40)
        other.seek(-3, 2)
        assert other.read() == blob.whole()[-3:] and one.read(5) == blob.whole()[40:45]


def test_a_needle_across_blocks_is_found(small):
    blob = ByteSource.of(b"x" * 96 + b'\\"' + b"y" * 200)
    assert blob.holds(b'\\"') and not blob.holds(b"yx")
    assert blob.count(b"y") == 200
    assert ByteSource.of(b" \n\t" * 90).blank() and not blob.blank()


def test_tables_of_different_columns_past_the_limit(small):
    spool = TableSpool()
    for k in range(40):
        spool.add(pa.table({"text": ["words"] * 9, f"c{k % 2}": [str(k)] * 9}))
    table = spool.table()
    temp_buffer.release()
    assert table.num_rows == 360 and set(table.column_names) == {"text", "c0", "c1"}
    assert table.column("c1").null_count == 180
    assert table.column("c0")[0].as_py() == "0"
    assert table.column("text").to_pylist() == ["words"] * 360


def test_one_import_lets_go_of_memory_while_another_takes_some(small, monkeypatch):
    under_way, added = threading.Event(), threading.Event()

    class Slow(weakref.WeakSet):
        """Is gone through while the other thread adds to it, where nothing keeps that off."""

        def __iter__(self):
            for one in super().__iter__():
                under_way.set()
                added.wait(0.3)
                yield one

    monkeypatch.setattr(temp_buffer, "MAPPED", Slow())
    spools = [TableSpool() for _ in range(3)]
    for spool in spools:
        spool.add(pa.table({"text": ["words"] * 200}))
    kept = [spool.table() for spool in spools[:2]]

    def other():
        under_way.wait()
        kept.append(spools[2].table())
        added.set()

    thread = threading.Thread(target=other)
    thread.start()
    temp_buffer.release()
    thread.join()
    assert [table.num_rows for table in kept] == [200, 200, 200]
    assert len(temp_buffer.MAPPED) == 3


def rows():
    draw = random.Random(0)
    letters = "abc \u00fc\u4e2d,;\"'\n"
    return [
        {"id": str(k), "text": f"{k} " + "".join(draw.choices(letters, k=draw.randint(5, 90)))}
        for k in range(150)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_csv_in_pieces(small, tmp_path, encoding):
    path = tmp_path / "a.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, ["id", "text"])
        writer.writeheader()
        writer.writerows(rows())
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == [row["text"] for row in rows()]
    assert found.texts["id"].tolist() == [row["id"] for row in rows()]


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "gz"])
def test_other_formats_in_pieces(small, tmp_path, form):
    import gzip

    import pyarrow.parquet as pq

    path = tmp_path / f"a.{'jsonl.gz' if form == 'gz' else form}"
    lines = "\n".join(map(json.dumps, rows())).encode()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows()), path)
    else:
        whole = json.dumps(rows()).encode()
        path.write_bytes({"json": whole, "gz": gzip.compress(lines)}.get(form, lines))
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == [row["text"] for row in rows()]


def test_dropped_and_mended_texts_in_pieces(small, tmp_path):
    path = tmp_path / "a.csv"
    texts = [f"text number {k} of them" + ("\0" if k % 7 == 0 else "") for k in range(200)]
    content = [*texts, *texts[:50], "", " "]
    path.write_text("id,text\n" + "\n".join(f"{k},{t}" for k, t in enumerate(content)))
    found = read_texts(path, text_column="text", near="ignore")
    assert found.texts["text"].tolist() == [t.replace("\0", "\ufffd") for t in texts]
    assert found.dropped == {"blank": 2, "duplicate": 50}
