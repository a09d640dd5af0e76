import pytest

from llkd.datasets.readers import tables
from llkd.datasets.readers.records import read_records
from llkd.datasets.source import inspect
from llkd.datasets.texts import read_texts
from llkd.errors import DataError


@pytest.fixture
def write(tmp_path):
    def made(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return made


def texts(path, **more):
    return read_texts(path, **{"text_column": "text", **more}).texts["text"].tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_separator_is_found(write, delimiter):
    rows = [["id", "text", "label"], ["1", "one more", "a"], ["2", "and another", "b"]]
    path = write("\n".join(delimiter.join(row) for row in rows))
    assert inspect(path).delimiter == delimiter
    assert texts(path) == ["one more", "and another"]


def test_semicolons_with_decimal_commas(write):
    path = write("id;text;score\n1;Gut, aber teuer;3,5\n2;Nie wieder, wirklich;1,0\n")
    assert inspect(path).columns == ("id", "text", "score")
    assert texts(path) == ["Gut, aber teuer", "Nie wieder, wirklich"]


def test_separator_of_the_header_wins_over_one_inside_the_texts(write):
    path = write("text,label\na;b,x\nc;d,y\ne;f,x\n")
    assert inspect(path).delimiter == ","
    assert texts(path) == ["a;b", "c;d", "e;f"]


def test_sep_line_of_spreadsheets(write):
    path = write("sep=;\r\nid;text\r\n1;a, b\r\n")
    assert texts(path) == ["a, b"]


def test_single_column_has_no_separator(write):
    path = write("text\nLate, broken, and wrong\nFine\nGood, but dear\n")
    found = read_texts(path)
    assert found.texts["text"].tolist() == ["Late, broken, and wrong", "Fine", "Good, but dear"]
    assert found.warnings == (
        "a.csv was read as one column, separators included, because its first line names only one "
        "column.",
    )
    assert inspect(path).delimiter is None
    quoted = write('text\n"Late, broken"\nFine\n')
    assert read_texts(quoted).warnings == ()


def test_line_breaks_inside_quotes_and_blank_lines_between(write):
    path = write('text,label\r\n"First.\nSecond.\r\n\r\nFourth",a\r\n\r\nplain,b\r')
    found = read_texts(path, text_column="text")
    assert found.rows == 2
    assert found.texts["text"].tolist() == ["First.\nSecond.\r\n\r\nFourth", "plain"]


def test_old_mac_and_doubled_line_ends(write):
    assert texts(write(b"id,text\r1,one\r2,two")) == ["one", "two"]
    assert texts(write(b"id,text\r\r\n1,one\r\r\n2,two\r\r\n")) == ["one", "two"]


def test_line_separators_inside_texts_are_no_line_ends(write):
    path = write("id,text\n1,a\u2028b\n2,c\x85d\n3,e\x0cf\x0bg\n")
    assert texts(path) == ["a\u2028b", "c\x85d", "e\x0cf\x0bg"]


def test_rows_that_do_not_fit_are_counted_with_their_lines(write):
    path = write("id,text,label\n1,Rain, wind,a\n2,short\n3,fine,b\n4,dry,a\n")
    found = read_texts(path, text_column="text", label_column="label")
    assert found.rows == 4
    assert found.dropped == {"malformed": 1}
    assert found.texts["id"].tolist() == ["2", "3", "4"]
    assert found.texts["gold"].tolist() == [None, "b", "a"]
    assert found.warnings[:2] == (
        "1 row of a.csv has more values than the 3 columns and was left out (line 2). Put texts "
        "that hold the separator in quotes.",
        "1 row of a.csv has fewer values than the 3 columns (line 3); the missing ones are blank.",
    )


def test_record_numbers_count_rows_left_out(write):
    path = write("text,label\na,b,c\nkept one,a\nkept two,b\n")
    assert read_texts(path, text_column="text").texts["id"].tolist() == ["2", "3"]


def test_mostly_misfit_rows_are_refused(write):
    path = write("id,text\n1,a,b\n2,c,d,e\n3,f,g\n")
    with pytest.raises(DataError) as error:
        read_texts(path, text_column="text")
    assert str(error.value) == (
        "a.csv names 2 columns, but 3 rows of 3 have more values (lines 2, 3 and 4). Put texts "
        "that hold the separator in quotes, or repair the first line."
    )


def test_separator_at_the_end_of_rows_moves_nothing(write):
    path = write("id,text,label\n1,one text,a,\n2,two texts,b,\n")
    found = read_texts(path, text_column="text", label_column="label")
    assert found.texts["text"].tolist() == ["one text", "two texts"]
    assert found.texts["gold"].tolist() == ["a", "b"]


def test_header_without_a_name_for_the_index(write):
    path = write("text,label\n1,one text,a\n2,two texts,b\n3,more,a\n")
    found = read_texts(path, text_column="text", label_column="label")
    assert found.texts["text"].tolist() == ["one text", "two texts", "more"]
    assert found.texts["gold"].tolist() == ["a", "b", "a"]
    assert found.warnings[0].startswith("The header of a.csv has one name fewer than the rows")


def test_quote_never_closed_names_its_line(write):
    rows = "".join(f"{k},words here,x\n" for k in range(3, 20))
    path = write(f'id,text,label\n1,fine,a\n2,"Talks resumed, he said.,b\n{rows}')
    with pytest.raises(DataError) as error:
        read_texts(path, text_column="text")
    assert str(error.value).startswith("a.csv has a quote in line 3 that is not closed")


def test_quotes_as_plain_characters(write):
    rows = ['1\t"Great game\tx', '2\tthe "best" deal" ever\ty', '3\tends"\tx']
    path = write("id\ttext\tlabel\n" + "\n".join(rows), "a.tsv")
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ['"Great game', 'the "best" deal" ever', 'ends"']
    assert found.warnings == (
        "a.tsv: Quotes are not closed in it; they were read as plain characters.",
    )


def test_quotes_inside_plain_fields_need_no_word(write):
    path = write('id,text\n1,A 5" screen\n2,He said "no" twice\n')
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ['A 5" screen', 'He said "no" twice']
    assert found.warnings == ()


def test_backslash_escapes(write):
    path = write('id,text\n1,"He said \\"no\\" twice"\n2,"C:\\\\data"\n')
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ['He said "no" twice', "C:\\data"]
    assert "escaped by backslashes" in found.warnings[0]


def test_quotes_after_a_space(write):
    path = write('id, text, label\n1, "Late, and broken", a\n2, "Great", b\n')
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["Late, and broken", "Great"]
    assert found.warnings == ("a.csv: Spaces before quoted fields were left out.",)


def test_missing_header_is_noticed(write):
    path = write(
        "The home side scored twice to win the cup.,Sports\n"
        "Shares fell after the profit forecast.,Business\n"
    )
    found = read_texts(path)
    assert found.kept_count == 2
    assert found.warnings == (
        "a.csv has no line of column names: its first line looks like data. Its columns were "
        "called column_1, column_2.",
    )


def test_a_column_that_was_asked_for_is_the_header(write):
    path = write("Antwort,Klasse\nGanz gut so. Ja.,x\nx,x\nNein danke,Klasse\nGut,x\nna,x\n")
    assert read_texts(path, text_column="antwort").kept_count == 5


def test_questions_as_column_names_are_a_header(write):
    path = write(
        "Timestamp,How satisfied are you with our service?\n"
        "2024-01-05 10:00,Very much so\n2024-01-06 11:00,Not at all\n"
    )
    found = inspect(path)
    assert found.columns == ("Timestamp", "How satisfied are you with our service?")
    assert found.text_column == "How satisfied are you with our service?"


def test_titles_above_the_header(write):
    path = write("Comments 2024,,\n,,\nid,text,label\n1,The home side won,a\n2,Shares fell,b\n")
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["The home side won", "Shares fell"]
    assert found.warnings == (
        "The header of a.csv was taken from line 3 (id, text, label); the lines above it were "
        "left out.",
    )


def test_header_names_twice_blank_or_padded(write):
    found = inspect(write("\ufeff ID,text,text,, Label \n1,a b,c d,e,x\n2,f g,h i,j,y\n"))
    assert found.columns == ("ID", "text", "text (2)", "column_4", "Label")
    assert found.warnings == (
        "The column name 'text' stands more than once; the later ones are called 'text (2)' and "
        "so on.",
        "1 column of a.csv has no name and was called column_4.",
    )


def test_header_again_in_the_middle(write):
    found = read_texts(write("id,text\n1,one\nid,text\n2,two\n"), text_column="text")
    assert (found.rows, found.kept_count, found.dropped) == (3, 2, {"malformed": 1})
    assert found.warnings == ("The header of a.csv comes again in line 3, which was left out.",)


def test_nothing_in_it(write):
    for content, words in (
        ("", "a.csv is empty."),
        ("\n\n", "a.csv is empty."),
        ("\ufeff", "a.csv is empty."),
        (",,,\n,,,\n", "a.csv holds separators and no value."),
        ("id,text\n", "a.csv has column names and no rows."),
    ):
        with pytest.raises(DataError) as error:
            read_texts(write(content))
        assert str(error.value).startswith(words)


def test_long_cells_are_whole(write):
    long = "word " * 15_000
    found = read_texts(write(f"id,text\n1,{long}\n2,short\n"), text_column="text")
    assert found.texts["text"].tolist() == [long, "short"]
    assert found.warnings == (
        "1 text has more than 20,000 characters (record 1); models see only the beginning.",
    )


def test_too_many_columns_rows_or_cells(write, monkeypatch):
    wide = write(",".join(f"c{k}" for k in range(20_000)) + "\n")
    with pytest.raises(DataError, match=r"20,000 columns, but at most 16,384"):
        read_records(wide)
    monkeypatch.setattr(tables, "MAX_ROWS", 10)
    with pytest.raises(DataError, match=r"a\.csv has more than 10 rows"):
        read_records(write("text\n" + "words\n" * 11))
    monkeypatch.setattr(tables, "MAX_ROWS", 1000)
    monkeypatch.setattr(tables, "MAX_CELLS", 100)
    with pytest.raises(DataError, match="which is too large"):
        read_records(write("text,b,c\n" + "words,b,c\n" * 40))


def test_one_line_of_a_million_separators(write):
    with pytest.raises(DataError, match=r"more than 1,000,000 separators \(','\) in line 2"):
        read_records(write("text,label\n" + "," * 1_100_000))


def test_progress_is_told(write):
    told = []
    read_records(write("text\n" + "words\n" * 45_000), progress=told.append)
    assert told == [20_000, 40_000, 45_000]


def test_ending_is_a_hint_only(write):
    table = "id,text,label\n1,one text,a\n2,two texts,b\n"
    assert inspect(write(table, "noending")).format == "csv"
    assert inspect(write(table, "a.txt")).warnings == (
        "a.txt was read as a table of separated values, in spite of the ending .txt.",
    )
    assert inspect(write(table, "a.xlsx")).format == "csv"
    assert inspect(write("A: Hello?\nB: Hi, you.\n", "talk.txt")).format == "text"
    with pytest.raises(DataError, match="is not what its ending .xls says"):
        read_records(write("Attachment was removed by the filter.", "a.xls"))


def test_values_that_begin_and_end_with_apostrophes_are_no_other_quoting(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"id","text","label"\n"\'tis","the dogs\'","a"\n', encoding="utf-8")
    texts = read_texts(path, text_column="text", label_column="label")
    assert texts.texts["text"].tolist() == ["the dogs'"]
    assert texts.texts["id"].tolist() == ["'tis"]
