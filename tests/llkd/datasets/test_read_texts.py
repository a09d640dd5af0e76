import csv

import pytest

from llkd.datasets import inspect, read_texts, texts_from_lines
from llkd.errors import DataError


@pytest.fixture
def table(tmp_path):
    def made(header, *rows, name="reviews.csv"):
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        return path

    return made


def refused(path, **more):
    with pytest.raises(DataError) as error:
        read_texts(path, **more)
    return str(error.value)


def test_a_column_that_is_not_there(table):
    path = table(["id", "text", "label"], ["1", "a text", "x"])
    for option in ("text", "label", "id"):
        assert refused(path, **{f"{option}_column": "txt"}) == (
            "There is no column 'txt' in reviews.csv. Its columns are id, text, label. Choose one "
            f"of them with --{option}-column."
        )


def test_many_columns_are_not_all_listed(table):
    path = table([f"c{k}" for k in range(200)], ["x"] * 200)
    message = refused(path, text_column="text")
    assert "c0, c1, c2" in message
    assert "c29 and 170 more. Choose one" in message


def test_hostile_names_are_shown_as_plain_words(table):
    path = table(["a\nb\x1b[31m", "x" * 500, "c"], ["1", "2", "3"])
    message = refused(path, text_column="q\u202etxt")
    assert message.isprintable()
    assert r"'q\u202etxt'" in message
    assert r"a\nb\x1b[31m" in message
    assert "x" * 61 not in message


def test_capitals_and_spaces_in_a_wanted_name(table):
    path = table(["ID", " Text ", "TEXT"], ["1", "spaced", "capitals"])
    assert read_texts(path, text_column=" Text ").texts["text"].tolist() == ["spaced"]
    assert read_texts(path, text_column="TEXT").texts["text"].tolist() == ["capitals"]
    assert "There is no column 'text'" in refused(path, text_column="text")


@pytest.mark.parametrize(
    ("header", "row", "text"),
    [
        (["id", "review_text", "stars"], ["1", "fine", "5"], "review_text"),
        (["title", "Content"], ["A headline that is long", "body"], "Content"),
        (["user", "what they said to us"], ["ann", "It came late and was broken."], None),
        (["code", "remark"], ["17", "It came late and was broken."], "remark"),
        (["name", "city"], ["Ann", "Oslo"], None),
        (["a", "b"], ["1", "2.5"], None),
    ],
)
def test_guessing_the_text_column(table, header, row, text):
    path = table(header, row, row)
    expected = text if text else ("what they said to us" if "user" in header else None)
    assert inspect(path).text_column == expected
    if expected is None:
        message = refused(path)
        assert ", ".join(header) in message
        assert message.startswith(
            "No column of reviews.csv looks like texts."
            if header == ["a", "b"]
            else "It is not clear which column of reviews.csv holds the texts."
        )


def test_numbers_are_no_texts(table):
    rows = [[str(k), f"{k}.5", "It came late and was broken."] for k in range(30)]
    path = table(["id", "score", "remark"], *rows)
    assert refused(path, text_column="score") == (
        "The column 'score' of reviews.csv holds numbers and no texts (for example '0.5'). Choose "
        "'remark' with --text-column."
    )
    bare = table(["text"], *[[str(k)] for k in range(30)])
    assert refused(bare) == (
        "The column 'text' of reviews.csv holds numbers and no texts (for example '0'). Choose a "
        "file with a column of texts."
    )
    assert refused(bare, text_column="text") == refused(bare)


def test_a_handful_of_numbers_is_only_told(table):
    path = table(["text", "label"], *[[f"{k}", "x"] for k in range(7)])
    found = read_texts(path, text_column="text")
    assert found.kept_count == 7
    assert found.warnings == (
        "The column 'text' of reviews.csv does not look like texts: 100% of its values are "
        "numbers. They were kept as written.",
    )


def test_mostly_words_are_texts(table):
    path = table(["text"], *[["12"], ["3.5"], ["good words"], ["bad words"], ["more words"]])
    assert read_texts(path).kept_count == 5


def test_blank_and_repeated_texts(table):
    texts = ["one", "  ", "one ", "two", "\u200b", "one", "\x00", "ONE", "NA", "null"]
    path = table(["id", "text"], *[[f"r{k}", text] for k, text in enumerate(texts)])
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["one", "two", "ONE", "NA", "null"]
    assert found.texts["id"].tolist() == ["r0", "r3", "r7", "r8", "r9"]
    assert found.dropped == {"blank": 3, "duplicate": 2}
    assert found.rows == found.kept_count + 5 == 10
    kept = read_texts(path, text_column="text", keep_duplicates=True)
    assert kept.texts["text"].tolist() == ["one", "one ", "two", "one", "ONE", "NA", "null"]
    assert kept.dropped == {"blank": 3}


def test_only_blank_texts(table):
    path = table(["text", "label"], ["", "a"], [" ", "b"])
    assert refused(path, text_column="text") == (
        "reviews.csv holds no usable text: 2 values of the column 'text' are blank. Choose another "
        "column with --text-column."
    )


def test_labels_and_their_oddities(table):
    rows = [["t1", "Good"], ["t2", "good "], ["t3", ""], ["t4", "bad"], ["t5", "bad"], ["t6", "NA"]]
    found = read_texts(table(["text", "label"], *rows), text_column="text", label_column="label")
    assert found.labels == ("bad", "Good", "NA", "good")
    assert found.texts["gold"].tolist() == ["Good", "good", None, "bad", "bad", "NA"]
    assert found.warnings == (
        "1 text of 6 has no label.",
        "Some labels differ only in capitals or spaces: 'Good' / 'good'. They count as one class.",
        "The label 'NA' (1 text) may mean 'no label', but it counts as a class.",
    )


def test_label_columns_that_tell_nothing(table):
    one = table(["text", "label"], *[[f"text {k}", "same"] for k in range(25)])
    assert read_texts(one, text_column="text", label_column="label").warnings == (
        "Every label is 'same', so there is nothing to tell apart.",
    )
    each = table(["text", "label"], *[[f"text {k}", f"case {k}"] for k in range(25)])
    assert read_texts(each, text_column="text", label_column="label").warnings == (
        "The label column 'label' has 25 different labels for 25 texts; it may be an id.",
    )
    none = table(["text", "label"], ["a text", ""], ["b text", " "])
    found = read_texts(none, text_column="text", label_column="label")
    assert found.labels == ()
    assert found.warnings == ("The label column 'label' is blank throughout, so there is no gold.",)
    assert "cannot be both the text and the label" in refused(
        one, text_column="text", label_column="text"
    )


def test_without_a_label_column_there_is_no_gold(table):
    found = read_texts(table(["text", "label"], ["a text", "x"]), text_column="text")
    assert found.texts["gold"].tolist() == [None]
    assert found.labels == ()


def test_repeats_with_another_label_are_counted(table):
    rows = [["same", "a"], ["same", "b"], ["same ", "b"], ["other", "a"], ["other", "a"]]
    path = table(["text", "label"], *rows)
    found = read_texts(path, text_column="text", label_column="label")
    assert found.texts["gold"].tolist() == ["a", "a"]
    assert found.warnings == (
        "1 text comes again with another label (record 1); the first label counts.",
    )


def test_ids_come_out_as_they_went_in(table):
    ids = ["1234567890123456789", "1234567890123456790", "00123", "1E10", " 7"]
    path = table(["id", "text"], *[[ident, f"text {ident}"] for ident in ids])
    found = read_texts(path, text_column="text")
    assert found.texts["id"].tolist() == ids
    assert found.warnings == ()


def test_ids_that_do_not_serve(table):
    rows = [["1", "one"], ["1", "two"], ["", "three"], ["4", ""], ["5", "five"]]
    found = read_texts(table(["id", "text"], *rows), text_column="text")
    assert found.texts["id"].tolist() == ["1", "2", "3", "5"]
    assert found.warnings[-1] == (
        "The id column 'id' is blank in record 3 and repeats itself in record 2, so the ids are "
        "record numbers."
    )


def test_ids_need_be_unique_only_among_the_texts_kept(table):
    path = table(["id", "text"], ["1", "one"], ["1", "one"], ["2", "two"])
    found = read_texts(path, text_column="text")
    assert found.texts["id"].tolist() == ["1", "2"]
    assert found.warnings == ()


def test_unpleasant_characters(table):
    path = table(["text"], ["a\x00b"], ["bell\x07"], ["tab\tand\nline"], ["soft\xadhyphen"])
    found = read_texts(path)
    assert found.texts["text"].tolist() == [
        "a\ufffdb",
        "bell\x07",
        "tab\tand\nline",
        "soft\xadhyphen",
    ]
    assert found.warnings == (
        "reviews.csv holds 1 NUL byte among its characters.",
        "1 text holds control characters (record 2); they were kept.",
        "1 text holds NUL or other characters that cannot be stored (record 1); each was replaced "
        "by �.",
    )


def test_texts_decoded_wrongly_before(table):
    path = table(["text"], ["Café à midi".encode().decode("cp1252")], ["ItÃ©m"], ["fine"])
    assert read_texts(path).warnings == (
        "2 texts look wrongly decoded before they were saved (such as 'Ã©' for 'é'); they were "
        "kept as they are.",
    )


def test_plain_text_keeps_its_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone  \r\n\r\n\ttwo\u2028still two\r\n   \r\nthree".encode())
    found = read_texts(path)
    assert found.texts["text"].tolist() == ["one  ", "\ttwo\u2028still two", "three"]
    assert found.texts["id"].tolist() == ["1", "2", "3"]
    assert (found.rows, found.warnings) == (3, ())


def test_pasted_lines():
    found = texts_from_lines("\ufefffirst text\r\n\r\nsecond\x00 text\n  \nfirst text \nlast")
    assert found.texts["text"].tolist() == ["first text", "second\ufffd text", "last"]
    assert found.texts["id"].tolist() == ["1", "2", "4"]
    assert (found.rows, found.kept_count, found.dropped) == (4, 3, {"duplicate": 1})
    assert found.labels == ()
    for nothing in ("", " \n\t\n", "\u200b\n"):
        with pytest.raises(DataError, match="no text in the pasted text. Paste at least one line"):
            texts_from_lines(nothing)


def test_pasted_half_surrogates_can_be_stored():
    found = texts_from_lines("half \ud800 pair")
    assert found.texts["text"].tolist() == ["half \ufffd pair"]
    assert found.warnings == (
        "1 value of the column 'text' holds characters that are no valid Unicode; each was "
        "replaced by �.",
    )
