import json

import pytest

from llkd.datasets import inspect, read_records, read_texts
from llkd.errors import DataError


@pytest.fixture
def write(tmp_path):
    def made(content, name="a.json"):
        path = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return path

    return made


def refused(path, **more):
    with pytest.raises(DataError) as error:
        read_texts(path, **more)
    return str(error.value)


RECORDS = [{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (RECORDS, None),
        (
            {"count": 2, "results": RECORDS},
            "The records of a.json were taken from its key 'results'.",
        ),
        ({"data": RECORDS}, "The records of a.json were taken from its key 'data'."),
        (
            {"text": ["one", "two"], "label": ["a", "b"], "meta": [{"n": 1}, {"n": 2}]},
            "a.json holds whole columns; they were joined into records.",
        ),
        (
            {"text": ["one", "two"], "label": ["a", "b"]},
            "a.json holds whole columns; they were joined into records.",
        ),
        (
            {"text": {"0": "one", "1": "two"}, "label": {"0": "a", "1": "b"}},
            "a.json holds whole columns; they were joined into records.",
        ),
        (
            {"t1": RECORDS[0], "t2": RECORDS[1]},
            "The records of a.json are keyed; each key went into the column 'key'.",
        ),
        (
            {"columns": ["text", "label"], "index": [0, 1], "data": [["one", "a"], ["two", "b"]]},
            "a.json holds names and rows apart; they were joined.",
        ),
        (
            [["text", "label"], ["one", "a"], ["two", "b"]],
            "a.json holds rows; the first was taken as names.",
        ),
    ],
)
def test_shapes(write, content, told):
    found = read_texts(write(content), text_column="text", label_column="label")
    assert found.texts["text"].tolist() == ["one", "two"]
    assert found.texts["gold"].tolist() == ["a", "b"]
    assert found.warnings == ((told,) if told else ())


def test_array_of_texts_single_object_and_objects_in_a_row(write):
    assert read_texts(write(["one", "two"])).texts["text"].tolist() == ["one", "two"]
    single = read_texts(write({"text": "only one"}))
    assert single.warnings == ("a.json holds a single object; it was read as one record.",)
    row = read_texts(write('{"text": "one"}{"text": "two"}'))
    assert row.texts["text"].tolist() == ["one", "two"]
    assert row.warnings == ("a.json holds objects one after the other; each was read as a record.",)


def test_json_lines_under_any_ending(write):
    content = '\ufeff{"text": "one"}\r\n\r\n   \r\n{"label": "b", "text": "two"}'
    for name in ("a.jsonl", "a.json", "a.txt", "noending"):
        path = write(content, name)
        assert inspect(path).format == "jsonl"
        assert read_texts(path).texts["text"].tolist() == ["one", "two"]
    pretty = write(json.dumps(RECORDS, indent=2), "a.jsonl")
    assert inspect(pretty).format == "json"
    assert read_texts(pretty).kept_count == 2


def test_broken_lines_are_named(write):
    lines = [json.dumps({"text": f"text {k}"}) for k in range(5)]
    lines[2] = lines[2][:7]
    found = read_texts(write("\n".join(lines), "a.jsonl"))
    assert (found.rows, found.kept_count, found.dropped) == (4, 4, {"malformed": 1})
    assert found.warnings == ("1 line of a.jsonl is no JSON object and was left out (line 3).",)
    mostly = write('{"text": "a"}\n[1]\n"x"\nnull\n{"text": "b"}', "a.jsonl")
    assert refused(mostly).startswith(
        "a.jsonl is not valid JSON Lines: 3 lines are no JSON object (lines 2, 3 and 4)."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('["a",]', "is not valid JSON at line 1, column 6 (a value is missing after the comma)."),
        ('["a"\n"b"]', "is not valid JSON at line 2, column 1 (a comma or ']' is missing)."),
        ("[][]", "is not valid JSON at line 1, column 3 (something follows the end of the array)."),
        ("{'text': 'a'}", "is not valid JSON at line 1, column 2 (expecting property name"),
        ('[{"text": "a"},\n {"text": "b', "ends too early: it is cut off after line 2, column 13."),
        ('[{"text": "a"},', "ends too early: it is cut off after line 1, column 16."),
        ('// note\n[{"text": "a"}]', "is not valid JSON at line 1, column 1 (expecting value)."),
        ('"just one text"', "holds a single value and no records."),
        ("[]", "holds no records."),
        ("[[[1]]]", "holds lists without names for their values."),
        ('{"text": ["a", "b"], "label": ["x"]}', "holds columns of unequal length."),
        ('{"a": [{"x": 1}], "b": [{"y": 2}]}', "holds several lists of records (a and b)."),
        ("[" * 100_000, "is too deeply nested in the value that begins at line 1, column 2."),
        ('[{"text": "a", "m": ' + '{"a":' * 3000 + "1" + "}" * 3000 + "}]", "is too deeply nested"),
    ],
)
def test_what_is_no_json_says_where(write, content, words):
    assert refused(write(content)).startswith(f"a.json {words}")


def test_numbers_stay_as_written(write):
    path = write(
        '[{"id": 12345678901234567890, "text": "a b", "n": 1.0, "e": 1E+20},'
        ' {"id": 9007199254740993, "text": "c d", "n": %s, "e": true}]' % ("9" * 5000)
    )
    frame = read_records(path).frame
    assert frame["id"].tolist() == ["12345678901234567890", "9007199254740993"]
    assert frame["n"].tolist() == ["1.0", "9" * 5000]
    assert frame["e"].tolist() == ["1E+20", "true"]
    assert read_texts(path).texts["id"].tolist() == ["12345678901234567890", "9007199254740993"]


def test_nested_fields_are_dotted_columns(write):
    path = write([{"data": {"text": "one more", "meta": {"label": "a", "tags": ["x"]}}, "a.b": 1}])
    assert inspect(path).columns == ("data.text", "data.meta.label", "data.meta.tags", "a.b")
    found = read_texts(path, text_column="data.text", label_column="data.meta.label")
    assert found.texts["gold"].tolist() == ["a"]


def test_names_that_come_to_the_same_stay_apart(write):
    frame = read_records(write([{"a.b": "1", "a": {"b": "2"}}])).frame
    assert frame.iloc[0].to_dict() == {"a.b": "1", "a.b (2)": "2"}


def test_values_of_every_type(write):
    values = ["a text", 42, True, None, ["a", "list"], {"en": "object"}, ""]
    path = write([{"text": value, "label": "x"} for value in values] + [{"label": "x"}])
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["a text", "42", "true"]
    assert (found.rows, found.dropped) == (8, {"blank": 3, "malformed": 2})
    assert found.warnings == (
        "3 texts of 8 in the column 'text' are blank and were left out (records 4, 7 and 8).",
        "2 values of the column 'text' are lists or objects and no text, and were left out "
        "(records 5 and 6).",
        "2 values of the column 'text' are no text but a number, date or truth value; each was "
        "kept as it is written.",
    )


def test_repeated_keys_and_constants_are_told(write):
    found = read_texts(write('[{"text": "first", "text": "second", "n": NaN}]'))
    assert found.texts["text"].tolist() == ["second"]
    assert found.warnings == (
        "1 object in a.json has a key more than once; the last value counts.",
        "a.json holds NaN or Infinity (1 time), which JSON does not allow; they are kept as words.",
    )


def test_half_surrogate_pairs_are_replaced(write):
    path = write('[{"text": "half \\ud800 pair"}, {"text": "whole \\ud83d\\ude00 pair"}]')
    found = read_texts(path)
    assert found.texts["text"].tolist() == ["half \ufffd pair", "whole 😀 pair"]
    assert found.warnings == (
        "1 value of the column 'text' holds characters that are no valid Unicode; each was "
        "replaced by �.",
    )


def test_records_with_other_keys_fill_up_with_none(write):
    frame = read_records(write('{"a": "1"}\n{"b": "2"}\n{"a": "3", "c": null}', "a.jsonl")).frame
    assert frame.to_dict("list") == {
        "a": ["1", None, "3"],
        "b": [None, "2", None],
        "c": [None, None, None],
    }


def test_many_records_come_in_chunks_and_in_order(write):
    told = []
    lines = "\n".join(json.dumps({"n": k, f"k{k // 9000}": "x"}) for k in range(25_000))
    records = read_records(write(lines, "a.jsonl"), progress=told.append)
    assert records.frame["n"].tolist() == [str(k) for k in range(25_000)]
    assert records.columns == ("n", "k0", "k1", "k2")
    assert told == [10_000, 20_000, 25_000]


def test_mixed_arrays_name_what_is_no_record(write):
    found = read_texts(write([{"text": "one"}, 5, {"text": "two"}]))
    assert found.texts["text"].tolist() == ["one", "two"]
    assert found.warnings == ("1 value of a.json is no record and was left out (value 2).",)
    assert "holds values that are no records (values 2 and 3)" in refused(
        write([{"text": "a"}, 1, 2])
    )


def test_text_that_begins_like_json_is_text(write):
    path = write("[1] first remark, made here\n[2] second remark\n", "notes.txt")
    assert read_texts(path).texts["text"].tolist() == [
        "[1] first remark, made here",
        "[2] second remark",
    ]
