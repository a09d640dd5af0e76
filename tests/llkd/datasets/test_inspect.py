import subprocess
import sys

import pytest

from llkd.datasets import inspect, read_records
from llkd.errors import NotFound


def test_preview_of_a_table(tmp_path):
    path = tmp_path / "upload"
    rows = "".join(f"{k};remark number {k} on this;{'ab'[k % 2]}\n" for k in range(40))
    path.write_text("nr;remark;kind\n" + rows, encoding="utf-8")
    source = inspect(path, "remarks.csv")
    assert source.name == "remarks.csv"
    assert (source.format, source.encoding, source.delimiter) == ("csv", "utf-8", ";")
    assert source.member is None
    assert source.columns == ("nr", "remark", "kind")
    assert (source.rows, len(source.head)) == (40, 20)
    assert source.head.iloc[3].tolist() == ["3", "remark number 3 on this", "b"]
    assert source.text_column == "remark"
    assert source.label_column == "kind"
    assert source.id_column is None
    assert source.warnings == ()


def test_guesses_by_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("uid,Category,Message\n7,x,hello there\n7,y,good day\n", encoding="utf-8")
    source = inspect(path)
    assert (source.text_column, source.label_column) == ("Message", "Category")
    assert source.id_column == "uid"


@pytest.mark.parametrize("values", [["0", "1", "2"], ["0", "0", "2"]])
def test_saved_index_is_an_id_only_when_it_serves(tmp_path, values):
    path = tmp_path / "a.csv"
    rows = "".join(f"{value},text {value}\n" for value in values)
    path.write_text(",text\n" + rows, encoding="utf-8")
    expected = "column_1" if len(set(values)) == 3 else None
    assert inspect(path).id_column == expected


def test_preview_never_raises_for_want_of_texts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    source = inspect(path)
    assert (source.text_column, source.label_column, source.id_column) == (None, None, None)


def test_missing_cells_are_empty_in_the_preview_and_none_in_the_records(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,extra\nsome words,a\nmore words,b,c\n", encoding="utf-8")
    assert inspect(path).head["extra"].tolist() == ["", "c"]
    assert read_records(path).frame["extra"].tolist() == [None, "c"]


def test_missing_file(tmp_path):
    with pytest.raises(NotFound):
        inspect(tmp_path / "none.csv")


def test_the_package_loads_neither_torch_nor_streamlit():
    code = (
        "import sys, llkd.datasets; "
        "print([m for m in ('torch', 'streamlit', 'transformers', 'openpyxl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
