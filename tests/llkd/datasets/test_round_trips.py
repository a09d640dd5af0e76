"""Whatever texts are written, the same texts are read: CSV, JSON Lines, JSON, Parquet, XLSX."""

import csv
import gzip
import json
import zipfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llkd.datasets import read_texts
from llkd.datasets.characters import visible

# Any character but NUL and half surrogate pairs, with the awkward ones more often.
CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    st.sampled_from("\"',;\t|\\\n\r\u2028\x85\ufeff\u200b\x1a =@<é漢🙂"),
)
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)
TEXTS = st.lists(TEXT, min_size=1, max_size=40)
LABELS = st.sampled_from(["praise", "complaint", "a,b", 'say "x"', "x;y"])
# Each file is read in a process of its own: few files, many rows.
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def expected(texts):
    """The usable texts, each but once, and how many were blank or came again."""
    usable = [text for text in texts if visible(text)]
    first = dict.fromkeys(text.strip() for text in usable)
    kept, seen = [], set()
    for text in usable:
        if text.strip() not in seen:
            seen.add(text.strip())
            kept.append(text)
    return kept, len(texts) - len(usable), len(usable) - len(first)


def check(path, texts, **columns):
    kept, blank, duplicate = expected(texts)
    if not kept:
        with pytest.raises(Exception, match="no usable text|is empty|no rows"):
            read_texts(path, **columns)
        return
    found = read_texts(path, **columns)
    assert found.texts["text"].tolist() == kept
    assert found.dropped.get("blank", 0) == blank
    assert found.dropped.get("duplicate", 0) == duplicate
    assert found.rows == len(texts) == found.kept_count + blank + duplicate


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@QUICK
@given(rows=st.lists(st.tuples(TEXT, LABELS), min_size=1, max_size=40))
def test_csv_with_labels(tmp_path, delimiter, rows):
    path = tmp_path / "texts.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["id", "text", "label"])
        writer.writerows([f"r{k}", text, label] for k, (text, label) in enumerate(rows))
    check(path, [text for text, _ in rows], text_column="text", label_column="label")


@QUICK
@given(texts=TEXTS)
def test_csv_of_one_column(tmp_path, texts):
    path = tmp_path / "texts.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text"])
        writer.writerows([text] for text in texts)
    check(path, texts, text_column="text")


@QUICK
@given(rows=st.lists(st.tuples(TEXT, LABELS), min_size=2, max_size=30))
def test_gold_stays_with_its_text(tmp_path, rows):
    path = tmp_path / "texts.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["label", "id", "text"])
        writer.writerows([label, f"r{k}", text] for k, (text, label) in enumerate(rows))
    usable = {f"r{k}": row for k, row in enumerate(rows) if visible(row[0])}
    if usable:
        found = read_texts(path, text_column="text", label_column="label", keep_duplicates=True)
        read = zip(found.texts["text"], found.texts["gold"], strict=True)
        assert dict(zip(found.texts["id"], read, strict=True)) == usable


@pytest.mark.parametrize("ascii_only", [True, False])
@QUICK
@given(texts=TEXTS)
def test_json_lines(tmp_path, ascii_only, texts):
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts]
    path.write_bytes("\n".join(lines).encode())
    check(path, texts, text_column="text")


@QUICK
@given(texts=TEXTS)
def test_json_array_in_gzip(tmp_path, texts):
    path = tmp_path / "texts.json.gz"
    records = [{"n": k, "text": text} for k, text in enumerate(texts)]
    path.write_bytes(gzip.compress(json.dumps(records, indent=1).encode()))
    check(path, texts, text_column="text")


@QUICK
@given(texts=TEXTS)
def test_parquet_in_zip(tmp_path, texts):
    inner = tmp_path / "inner.parquet"
    pd.DataFrame({"text": texts}).to_parquet(inner)
    path = tmp_path / "texts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "data/inner.parquet")
    check(path, texts, text_column="text")


@QUICK
@given(
    texts=st.lists(
        st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=30),
        min_size=1,
        max_size=8,
    )
)
def test_xlsx(tmp_path, texts):
    path = tmp_path / "texts.xlsx"
    frame = pd.DataFrame({"text": texts, "label": "x"})
    with pd.ExcelWriter(path) as writer:
        frame.to_excel(writer, index=False)
        for row in writer.sheets["Sheet1"].iter_rows(min_row=2, max_col=1):
            row[0].data_type = "s"  # a text that begins with = is no formula
    check(path, texts, text_column="text")
