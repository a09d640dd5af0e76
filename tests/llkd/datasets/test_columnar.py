import datetime
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llkd.datasets.readers import parquet
from llkd.datasets.readers.records import read_records
from llkd.datasets.source import inspect
from llkd.datasets.texts import read_texts
from llkd.errors import DataError


@pytest.fixture
def save(tmp_path):
    def made(table, **more):
        path = tmp_path / "a.parquet"
        pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path, **more)
        return path

    return made


def refused(path, **more):
    with pytest.raises(DataError) as error:
        read_texts(path, **more)
    return str(error.value)


def test_every_type_as_words(save):
    when = datetime.datetime(2024, 5, 6, 7, 8, tzinfo=datetime.UTC)
    frame = read_records(
        save(
            {
                "i": pa.array([1, None], pa.int64()),
                "f": pa.array([0.5, 1e300]),
                "b": pa.array([True, False]),
                "large": pa.array(["x", "ü"], pa.large_string()),
                "bytes": pa.array(["plain", "café"], pa.binary()),
                "dict": pa.array(["a", "b"]).dictionary_encode(),
                "when": pa.array([when, None]),
                "list": pa.array([["x", "y"], None]),
                "none": pa.nulls(2),
            }
        )
    ).frame
    assert frame["i"].tolist() == ["1", None]
    assert frame["f"].tolist() == ["0.5", "1e+300"]
    assert frame["b"].tolist() == ["true", "false"]
    assert frame["large"].tolist() == ["x", "ü"]
    assert frame["bytes"].tolist() == ["plain", "café"]
    assert frame["dict"].tolist() == ["a", "b"]
    assert frame["when"].iloc[0].startswith("2024-05-06 07:08:00")
    assert frame["list"].tolist() == ['["x", "y"]', None]
    assert frame["none"].tolist() == [None, None]


def noted(features, **columns):
    table = pa.table(columns)
    note = features if isinstance(features, bytes) else json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": note})


def test_numbers_of_classes_are_read_as_the_names_that_the_file_gives(save):
    label = {"_type": "ClassLabel", "names": ["World", "Sports"]}
    path = save(
        noted(
            {"label": label, "text": {"_type": "Value", "dtype": "string"}, "gone": label},
            text=["one text", "two texts", "three texts", "four texts", "five texts"],
            label=pa.array([1, 0, -1, None, 7], pa.int8()),
        )
    )
    found = read_texts(path, text_column="text", label_column="label")
    assert found.texts["gold"].tolist() == ["Sports", "World", None, None, "7"]
    assert found.warnings[0] == (
        "The numbers of the column 'label' of a.parquet were read as the names of classes that the "
        "file gives for them: World and Sports."
    )


@pytest.mark.parametrize(
    "features",
    [
        b"{", b"[]", b'"x"', b"null", b"[" * 100_000, b'{"info": {"features": ["label"]}}',
        {"label": None}, {"label": {"_type": "ClassLabel"}},
        {"label": {"_type": "ClassLabel", "names": 3}},
        {"label": {"_type": "ClassLabel", "names": ["a", 2]}},
        {"label": {"_type": "ClassLabel", "names": ["a", " "]}},
        {"text": {"_type": "ClassLabel", "names": ["a", "b"]}},
    ],
)  # fmt: skip
def test_a_note_that_says_nothing_of_use_changes_nothing(save, features):
    path = save(noted(features, text=["one text", "two texts"], label=[0, 1]))
    assert read_records(path).frame["label"].tolist() == ["0", "1"]


def test_bytes_that_are_no_utf8(save):
    path = save({"text": pa.array([b"plain", b"caf\xe9"], pa.binary()), "label": ["a", "b"]})
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["plain", "caf\ufffd"]
    assert found.warnings == (
        "1 value of the column 'text' holds characters that are no valid Unicode; each was "
        "replaced by �.",
    )


def test_structs_are_dotted_columns(save):
    path = save({"doc": [{"title": "t", "body": {"text": "the text itself"}}], "n": [1]})
    assert inspect(path).columns == ("doc.title", "doc.body.text", "n")
    assert inspect(path).text_column == "doc.body.text"
    assert inspect(path).warnings == (
        "The nested column doc of a.parquet was read as doc.title and doc.body.text.",
    )


def test_lists_are_no_texts(save):
    path = save({"text": [["cut", "up"], ["in", "words"]], "label": ["a", "b"]})
    assert refused(path, text_column="text") == (
        "The column 'text' of a.parquet holds lists and no texts. Choose another column with "
        "--text-column: label."
    )


def test_two_columns_of_one_name(save):
    table = pa.table([["draft"], ["a"], ["final"]], names=["text", "label", "text"])
    assert inspect(save(table)).columns == ("text", "label", "text (2)")


def test_unused_categories_are_no_labels(save):
    labels = pa.DictionaryArray.from_arrays([0, 1, 0], ["a", "b", "never used"])
    path = save({"text": ["one x", "two x", "three x"], "label": labels})
    assert read_texts(path, text_column="text", label_column="label").labels == ("a", "b")


def test_damaged_or_empty(save):
    path = save({"text": ["one text", "two texts"]})
    path.write_bytes(path.read_bytes()[:-20])
    assert refused(path).startswith("a.parquet is a damaged Parquet file (")
    assert refused(save({"text": pa.array([], pa.string())})).startswith(
        "a.parquet has columns and no rows."
    )
    assert refused(save({"text": pa.nulls(3), "label": ["a", "b", "c"]}), text_column="text") == (
        "a.parquet holds no usable text: 3 values of the column 'text' are blank. Choose another "
        "column with --text-column."
    )


def test_encodings_without_dictionaries(save):
    for encoding in ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "PLAIN"):
        path = save(
            {"text": ["one text", "two texts"]}, use_dictionary=False, column_encoding=encoding
        )
        assert read_texts(path).texts["text"].tolist() == ["one text", "two texts"]


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"inner": v}])
def test_dictionary_that_stands_for_too_much(save, monkeypatch, wrap):
    path = save({"text": [wrap("a" * 100_000)] * 1_000})
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(parquet, "FREE_BYTES", 10_000_000)
    assert "unpacks to more than" in refused(path, text_column="text")
