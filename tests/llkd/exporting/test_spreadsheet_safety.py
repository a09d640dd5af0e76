"""No exported CSV cell starts a formula, whoever reads it; our own CSV is read without loss."""

import csv
import io
import json
import unicodedata

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llkd import exporting
from llkd.datasets import read_texts
from llkd.datasets.characters import visible
from llkd.datasets.csv_injection import OUR_COLUMNS, guarded, unguarded
from llkd.exporting.formats import write_csv

SIGNS = "=+-@"
AWKWARD = st.sampled_from("=+-@＝＋－＠﹦'\"\t\r\n;, \u200b\ufeff\xa0\u3000\x0b\x1f|\\(!")
CHARACTERS = st.one_of(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), AWKWARD)
TEXT = st.text(CHARACTERS, max_size=30)
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def starts_a_formula(cell):
    """Whether any program could take the cell for a formula, trimming what it may trim.

    A tab or line end before it is trimmed, too: it is a danger by the sign behind it alone.
    """
    seen = cell.lstrip("\"'") if cell[:1] == '"' else cell
    seen = "".join(c for c in seen if unicodedata.category(c) not in {"Cc", "Cf"}).lstrip()
    return unicodedata.normalize("NFKC", seen[:1])[:1] in set(SIGNS) and bool(seen)


def written(rows, names):
    """The CSV text of rows (text, label), with class names in the header too."""
    texts, labels = zip(*rows, strict=True)
    return pa.table(
        {
            "id": [f"={k}" for k in range(len(rows))],
            "text": list(texts),
            "label": list(labels),
            "labelled_by": ["teacher"] * len(rows),
            "teacher_probabilities": [[0.5] * len(names)] * len(rows),
        }
    )


@QUICK
@given(text=st.text(st.one_of(st.characters(exclude_categories=["Cs"]), AWKWARD), max_size=12))
def test_the_guard_can_be_taken_off_exactly(text):
    safe = guarded(pa.array([text, None]))
    assert unguarded(safe).to_pylist() == [text, None]
    assert not starts_a_formula(safe[0].as_py())
    # Of the cells that we write none begins with white space that a program may act on.
    assert safe[0].as_py()[:1] not in set("\t\r\n")
    assert guarded(pa.array(["plain - text", "a = b"])).to_pylist() == ["plain - text", "a = b"]


DIALECTS = {
    "commas": {"delimiter": ","},
    "commas, spaces skipped": {"delimiter": ",", "skipinitialspace": True},
    "semicolons": {"delimiter": ";"},
    "semicolons, spaces skipped": {"delimiter": ";", "skipinitialspace": True},
    "tabs": {"delimiter": "\t"},
}


@pytest.mark.parametrize("dialect", DIALECTS)
@QUICK
# Split at semicolons, the quotes around this label mean nothing and its second line is a cell.
@example(rows=[("a", "\n\tb"), ("a", "\n\t=b"), ("\n\t\u200b-b", "c")], name="\n\t@")
@given(
    rows=st.lists(
        st.tuples(TEXT, st.text(CHARACTERS, min_size=1, max_size=8)), min_size=1, max_size=5
    ),
    name=st.text(CHARACTERS, min_size=1, max_size=8),
)
def test_no_cell_starts_a_formula_in_any_dialect(tmp_path, dialect, rows, name):
    path = tmp_path / "x.csv"
    write_csv(written(rows, [name, "other"]), path, [name, "other"])
    content = path.read_bytes().decode("utf-8-sig")
    for line in csv.reader(io.StringIO(content, newline=""), **DIALECTS[dialect]):
        for cell in line:
            assert not starts_a_formula(cell), (cell, content)


@QUICK
@given(rows=st.lists(st.tuples(TEXT, st.sampled_from(["a", "-b", "c;=d"])), min_size=1, max_size=6))
def test_csv_readers_agree_on_the_cells(tmp_path, rows):
    path = tmp_path / "x.csv"
    write_csv(written(rows, ["a", "b"]), path, ["a", "b"])
    expected = guarded(pa.array([text for text, _ in rows])).to_pylist()
    with path.open(newline="", encoding="utf-8-sig") as file:
        assert [row["text"] for row in csv.DictReader(file)] == expected
    options = pa_csv.ParseOptions(newlines_in_values=True)
    kinds = pa_csv.ConvertOptions(column_types={"text": pa.string()}, strings_can_be_null=False)
    assert (
        pa_csv.read_csv(path, parse_options=options, convert_options=kinds)["text"].to_pylist()
        == expected
    )
    if not any("\r" in text for text in expected):  # pandas' default parser ends lines there
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
        assert frame["text"].tolist() == expected


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@settings(QUICK, max_examples=20)  # each is read in a process of its own: few files, many rows
@given(rows=st.lists(
    st.tuples(TEXT.filter(visible), st.sampled_from(["good", "=bad", "'-1", "a;=b"])),
    min_size=1, max_size=40,
))  # fmt: skip
def test_import_of_an_export_gives_the_same_texts_and_labels(tmp_path_factory, form, rows):
    folder = tmp_path_factory.mktemp("out")
    exporting.write_curated(written(rows, ["a", "b"]), folder, [form], ["a", "b"], {})
    found = read_texts(
        folder / f"curated.{form}", text_column="text", label_column="label", keep_duplicates=True
    )
    assert found.texts["text"].tolist() == [text for text, _ in rows]
    assert found.texts["gold"].tolist() == [label for _, label in rows]
    assert found.texts["id"].tolist() == [f"={k}" for k in range(len(rows))]


def test_only_our_own_csv_loses_its_quotes(tmp_path):
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    ours.write_text(",".join(OUR_COLUMNS) + "\n1,'=1+1,x,teacher\n2,'tis,x,teacher\n")
    theirs.write_text("id,text,label,by\n1,'=1+1,x,teacher\n2,'tis,x,teacher\n")
    found = read_texts(ours, text_column="text")
    assert found.texts["text"].tolist() == ["=1+1", "'tis"]
    assert "running 1 cell as a formula was taken away" in " ".join(found.warnings)
    assert read_texts(theirs, text_column="text").texts["text"].tolist() == ["'=1+1", "'tis"]


def test_json_lines_hold_no_other_line_end(tmp_path):
    texts = ["a\u2028b", "c\x85d", "e\rf", "g\u2029h"]
    exporting.write_curated(pa.table({"text": texts}), tmp_path, ["jsonl"], [], {})
    lines = (tmp_path / "curated.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts
