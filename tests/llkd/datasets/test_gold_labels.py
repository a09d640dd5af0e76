import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.datasets import hold_out, read_texts, with_gold
from llkd.datasets.checks.class_names import class_finder, cleaned
from llkd.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path):
    def made(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return made


@pytest.fixture
def texts(write):
    rows = "".join(f"t{k},text number {k}\n" for k in range(4))
    return read_texts(write("texts.csv", "id,text\n" + rows), text_column="text")


def test_gold_by_id(texts, write):
    path = write("gold.csv", "id,label\nt2,b\nt0,a\n t1 ,b\nt3,a\nt9,a\n")
    found = with_gold(texts, path)
    assert found.texts["gold"].tolist() == ["a", "b", "b", "a"]
    assert found.texts["text"].tolist() == texts.texts["text"].tolist()
    assert found.labels == ("a", "b")
    assert found.warnings == ("1 label in gold.csv belongs to no text.",)
    assert texts.texts["gold"].tolist() == [None] * 4


def test_gold_by_text_where_no_id_matches(texts, write):
    path = write("gold.csv", "id,text,label\n1,text number 3,a\n2,text number 0 ,b\n")
    found = with_gold(texts, path, label_column="label")
    assert found.texts["gold"].tolist() == ["b", None, None, "a"]
    assert found.warnings == (
        "2 of 4 texts found a label in gold.csv; 2 did not.",
        "2 texts of 4 have no label.",
    )


def test_few_matches_are_told_and_old_labels_kept(write, tmp_path):
    first = write("texts.csv", "id,text,label\nt0,one,x\nt1,two,x\nt2,three,y\n")
    texts = read_texts(first, text_column="text", label_column="label")
    found = with_gold(texts, write("gold.csv", "id,label\nt2,z\n"))
    assert found.texts["gold"].tolist() == ["x", "x", "z"]
    assert found.labels == ("x", "z")
    assert found.warnings == ("Only 1 of 3 texts found a label in gold.csv; 2 did not.",)


def test_no_match(texts, write):
    with pytest.raises(DataError) as error:
        with_gold(texts, write("gold.csv", "id,label\n17,a\n18,b\n"))
    assert str(error.value) == (
        "No id in the column 'id' of gold.csv matches a text ('17' there, 't0' here). Choose the "
        "column with the ids with --id-column."
    )
    with pytest.raises(DataError, match="it has no id column, and no text of it is among the"):
        with_gold(texts, write("gold.csv", "text,label\nother,a\nwords,b\n"))


def test_columns_of_the_gold_file(texts, write):
    path = write("gold.csv", "doc,verdict\nt0,a\nt1,b\n")
    with pytest.raises(DataError) as error:
        with_gold(texts, path)
    assert str(error.value) == (
        "It is not clear which column of gold.csv holds the labels. Its columns are doc, verdict. "
        "Choose one of them with --label-column."
    )
    found = with_gold(texts, path, id_column="doc", label_column="verdict")
    assert found.texts["gold"].tolist() == ["a", "b", None, None]
    with pytest.raises(DataError, match=r"no column 'x' in gold\.csv.* with --id-column\."):
        with_gold(texts, path, id_column="x", label_column="verdict")


def test_two_labels_for_one_id(texts, write):
    path = write("gold.csv", "id,label\nt0,a\nt0,b\nt1,a\nt1,a\nt2,a\nt3,a\n")
    found = with_gold(texts, path)
    assert found.texts["gold"].tolist() == ["a"] * 4
    assert found.warnings == (
        "1 value of the column 'id' in gold.csv has more than one label (for example 't0'); the "
        "first counts.",
    )


def test_hold_out_is_stratified_and_repeatable():
    gold = ["a"] * 50 + ["b"] * 30 + ["c"] * 20 + [None] * 100
    split = hold_out(gold, 0.2, seed=3)
    held = Counter(label for label, part in zip(gold, split, strict=True) if part == "eval")
    assert held == {"a": 10, "b": 6, "c": 4}
    assert split.dtype == object
    assert (split[100:] == "pool").all()
    assert (split == hold_out(gold, 0.2, seed=3)).all()
    assert (split != hold_out(gold, 0.2, seed=4)).any()


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", None, " "]), max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_hold_out_bounds(gold, share, seed):
    split = hold_out(gold, share, seed)
    assert len(split) == len(gold)
    assert set(split) <= {"pool", "eval"}
    counts = Counter(label for label in gold if label and label.strip())
    held = Counter(label for label, part in zip(gold, split, strict=True) if part == "eval")
    for label, count in counts.items():
        assert held[label] <= count - 1
        assert held[label] >= (1 if count > 1 else 0)
        assert abs(held[label] - share * count) <= max(1.0, share * count) + 1e-9
    assert set(held) <= set(counts)


def test_hold_out_rounds_over_all_classes():
    gold = [label for label in "abcde" for _ in range(5)]
    split = hold_out(gold, 0.3)
    assert Counter(split)["eval"] == 8  # 7.5 to the nearest even number
    assert len(hold_out([], 0.5)) == 0
    assert hold_out([None, float("nan")], 0.5).tolist() == ["pool", "pool"]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_hold_out_share(share):
    with pytest.raises(ConfigError, match="The share to hold out lies between 0 and 1"):
        hold_out(["a", "b"], share)


def test_hold_out_leaves_the_global_random_state_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    hold_out(["a"] * 10, 0.5)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ('["good"]', "good"),
        ("['it is good']", "it is good"),
        ("[3]", "3"),
        ("[]", None),
        ('[""]', None),
        ('["a", "b"]', '["a", "b"]'),
        ("[[1]]", "[[1]]"),
        ("[not a list]", "[not a list]"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffSports\u200b ", "Sports"),
        ("Sp\u00adorts", "Sports"),
        ("\u200d", None),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,
        ("\U0001f468\u200d\U0001f469",) * 2,
        ("-1", "-1"),
        ("***", "***"),
        (":)", ":)"),
    ],
)
def test_a_label_is_read_as_it_is_seen(cell, label):
    assert cleaned(cell) == label


def test_labels_that_look_alike_are_one_class_and_that_is_said(tmp_path):
    labels = ["Sports", "Sports\u200b", "\ufeffSports", "cafe\u0301", "caf\u00e9"]
    path = tmp_path / "a.csv"
    path.write_text(
        "text,label\n" + "".join(f"message number {k},{v}\n" for k, v in enumerate(labels * 4)),
        encoding="utf-8",
    )
    texts = read_texts(path, label_column="label")
    assert dict(Counter(texts.texts["gold"])) == {"Sports": 12, "caf\u00e9": 8}
    (told,) = [w for w in texts.warnings if "what is seen" in w]
    assert told.startswith("12 labels of the column 'label' hold invisible characters")
    assert r"'Sports\u200b' as 'Sports'" in told
    # The same of a second file with gold.
    plain = read_texts(path, text_column="text")
    joined = with_gold(plain, path, label_column="label")
    assert set(joined.labels) == {"Sports", "caf\u00e9"}
    assert any("what is seen" in w for w in joined.warnings)


def test_lists_of_one_label_are_that_label(tmp_path):
    path = tmp_path / "doccano.jsonl"
    cells = [["good"], ["bad"], ["good"], [], ["good", "bad"], ["bad"]] * 3
    path.write_text(
        "".join(json.dumps({"text": f"text {k}", "label": v}) + "\n" for k, v in enumerate(cells))
    )
    texts = read_texts(path, label_column="label")
    counts = Counter(texts.texts["gold"])
    assert counts["good"] == counts["bad"] == 6 and counts[None] == 3
    assert counts['["good","bad"]'] + counts['["good", "bad"]'] == 3
    assert any(
        "12 labels of the column 'label' stand in a list of one" in w for w in texts.warnings
    )
    assert any(w.startswith("3 labels in the column 'label' are lists") for w in texts.warnings)


def test_classes_are_found_exactly_first_and_else_only_where_one_fits():
    find = class_finder(["-1", "0", "1", "*", "**", "A", "A+", "Very good", "x", "X"])
    names = ["-1", "0", "1", "*", "**", "A", "A+", "Very good", "x", "X"]
    for place, name in enumerate(names):
        assert find(name) == place
    assert [find(spelled) for spelled in ("1.0", "-1.0", "0.00", "+1")] == [2, 0, 1, 2]
    assert [find(spelled) for spelled in ("a", "a+", "very  GOOD ", "***", "01")] == [
        5,
        6,
        7,
        None,
        None,
    ]
    assert class_finder(["x", "X", "y"])("\u200bx") is None, "two classes fit"
    assert class_finder(["1", "1.0"])("1.00") is None and class_finder(["1", "1.0"])("1.0") == 1
    words = class_finder(["World", "Sci"], {"world": 0, "science": 1, "Earth": 0})
    assert (words("SCIENCE"), words("sci"), words("World"), words("earth")) == (1, 1, 0, 0)
    # What a class is called today comes before what another one was called.
    assert class_finder(["Sport", "Games"], {"SPORTS": 0, "sport": 1})("SPORT") == 0


def test_one_number_written_in_several_ways_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "text,label\n" + "".join(f"t {k},{v}\n" for k, v in enumerate(["1", "1.0", "01", "2"] * 5))
    )
    texts = read_texts(path, label_column="label")
    assert set(texts.labels) == {"1", "1.0", "01", "2"}
    assert any("'01' / '1' / '1.0'. Each counts as a class" in w for w in texts.warnings)
