"""Every place where a record names another is known, so that none keeps a number of another home."""

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from llkd.store import schema
from llkd.store.packing.numbers import DOCUMENTS, WITHOUT_NUMBERS, Numbers, replaced
from llkd.store.packing.places import last_name, without_places
from llkd.store.packing.project_files import is_safe, place_of
from llkd.store.packing.records import FACTS, NUMBERED, TABLES


def test_every_document_of_a_project_says_whether_it_names_records():
    """A new column must be listed: with the places of numbers in it, or as one without any."""
    documents = {
        (table.name, column.name)
        for table in TABLES
        for column in table.c
        if isinstance(column.type, schema.Document | sa.JSON)
    }
    assert documents <= set(DOCUMENTS) | WITHOUT_NUMBERS
    assert not set(DOCUMENTS) & WITHOUT_NUMBERS
    assert {path[0] for path in DOCUMENTS["jobs", "context"]} <= set(FACTS), "else it is lost"


def test_every_whole_number_of_a_project_is_a_reference_or_counts_something():
    counts = {
        "id", "rows", "tokens_in", "tokens_out", "cached", "cut", "pid", "attempts", "done", "total",
        "row", "seed", "place",
    }  # fmt: skip
    for table in TABLES:
        for column in table.c:
            if isinstance(column.type, sa.Integer):
                named = column.foreign_keys or column.name in counts
                assert named, f"{table.name}.{column.name}"


def test_tables_that_others_name_are_written_first():
    names = [table.name for table in TABLES]
    for table in TABLES:
        for key in table.foreign_keys:
            assert key.column.table.name in NUMBERED
            if key.constraint.use_alter:  # two tables name each other: filled in afterwards
                assert key.parent.nullable
                continue
            assert names.index(key.column.table.name) < names.index(table.name)


def test_numbers_in_documents_and_names():
    numbers = Numbers({"runs": {3: 13}, "labellings": {2: 12}, "audits": {5: 15}})
    run = {"id": 3, "project_id": 1, "labelling_id": 2, "job_id": 9,
           "config": {"reference_run": 3}, "labels": {"labelling": 2, "saved": {"view": {"run": 8}}}}  # fmt: skip
    changed = numbers.record("runs", run)
    assert (changed["labelling_id"], changed["job_id"]) == (12, None)
    assert changed["config"] == {"reference_run": 13}
    assert changed["labels"] == {"labelling": 12, "saved": {"view": {"run": 0}}}, "8 is gone"
    assert run["config"] == {"reference_run": 3}
    members = numbers.record("labellings", {"config": {"members": ["similarity", "2", "api:2"]},
                                            "teacher": {"members": [{"labeling_run": 2}]}})  # fmt: skip
    assert members["config"]["members"] == ["similarity", "12", "api:2"]
    assert members["teacher"]["members"] == [{"labeling_run": 12}]
    for batch, there in (("audit5.7", "audit15.7"), ("audit5x.7", "audit5x.7"), ("ab12", "ab12")):
        assert numbers.record("human_labels", {"batch": batch})["batch"] == there
    assert place_of("runs/3/student/config.json", numbers) == "runs/13/student/config.json"
    assert place_of("probes/2-1-part.parquet-batch-x.parquet", numbers).startswith("probes/12-1-")
    assert place_of("probes/kept-2.parquet", numbers) == "probes/kept-2.parquet"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["run", "runs", "members", "config", "a"]), inner)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([table for table in DOCUMENTS]))
def test_a_document_of_any_form_is_read(value, column):
    table, name = column
    changed = Numbers({"runs": {1: 2}}).record(table, {name: value, "batch": ""})
    assert type(changed[name]) is type(value)
    assert replaced(value, ("b",), lambda number: 0) == value


def test_places_of_this_machine():
    assert last_name("/home/ann/x.csv") == "x.csv" and last_name("a/b.csv") == "a/b.csv"
    assert last_name("local:~/models/m/") == "local:m" and last_name(r"C:\a\b") == "b"
    assert without_places({"base_url": "https://u:p@h:8/v1?key=1", "text": "/not a path"}) == {
        "base_url": "https://h:8/v1",
        "text": "/not a path",
    }
    assert without_places({"folder": ["/a/b"], "x": {"out": "/c/d.csv"}}) == {
        "folder": ["b"],
        "x": {"out": "d.csv"},
    }


def test_paths_in_sentences_of_this_program():
    for before, after in (
        ("Cannot read /home/ann/a.csv: no such file.", "Cannot read a.csv: no such file."),
        ("The folder '~/models/m' and (/x/y/z)", "The folder 'm' and (z)"),
        ("3/4 of http://h:8/v1/x, and/or n/a", "3/4 of http://h:8/v1/x, and/or n/a"),
    ):
        assert without_places({"error": before, "notices": [before]}) == {
            "error": after,
            "notices": [after],
        }
        assert without_places({"instruction": before}) == {"instruction": before}


def test_names_of_packed_files():
    for name in ("texts.parquet", "labels/1/part-0001-ab.parquet", "runs/1/student/tokenizer.json",
                 "probes/1-2-part-1.parquet-batch+temperature-x.parquet"):  # fmt: skip
        assert is_safe(name), name
    for name in (
        "../x.json",
        "/x.json",
        "a/./x.json",
        "x",
        "x.py",
        "x.json ",
        "a//x.json",
        ".x.json",
    ):
        assert not is_safe(name), name
