"""Several files at once: folders, archives, lists of files; all of them or none."""

import gzip
import os
import socket
import zipfile

import pytest

from llkd.datasets import (
    File,
    Reading,
    inside,
    inspect_files,
    read_files,
    read_texts,
    refuse_special,
)
from llkd.errors import DataError, NotFound

ONE = "id,text,label\n1,The bin is full again,waste\n2,A hole in the road,roads\n"
TWO = "id,text,label\n1,Water in the cellar,water\n7,The bin is full again,waste\n"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    (made / "sub").mkdir(parents=True)
    (made / "a.csv").write_text(ONE)
    (made / "sub" / "b.csv").write_text(TWO)
    return made


def refused(*paths, **reading):
    with pytest.raises(DataError) as error:
        read_files([File(str(path)) for path in paths], Reading(**reading))
    return str(error.value)


def test_two_files_become_one_text_set(folder):
    found = read_files(
        [File(str(folder / "a.csv")), File(str(folder / "sub" / "b.csv"))],
        Reading(label_column="label"),
    )
    assert found.texts["text"].tolist() == [
        "The bin is full again",
        "A hole in the road",
        "Water in the cellar",
    ]
    assert found.texts["source"].tolist() == ["a.csv", "a.csv", "b.csv"]
    assert found.texts["id"].tolist() == ["a.csv:1", "a.csv:2", "b.csv:1"]
    assert found.texts["gold"].tolist() == ["waste", "roads", "water"]
    assert found.rows == 4 and found.dropped == {"duplicate": 1}
    assert [(file.name, file.rows, file.kept_count) for file in found.files] == [
        ("a.csv", 2, 2),
        ("b.csv", 2, 1),
    ]
    assert "4 records of 2 files were joined: a.csv (2) and b.csv (2)." in found.warnings
    assert any("put after the name of its file" in warning for warning in found.warnings)


def test_ids_that_differ_stay_as_they_are(folder):
    (folder / "sub" / "b.csv").write_text("id,text\n8,Water in the cellar\n9,Lights out here\n")
    found = read_texts(folder)
    assert found.texts["id"].tolist() == ["1", "2", "8", "9"]
    assert found.texts["source"].tolist() == ["a.csv"] * 2 + ["sub/b.csv"] * 2


def test_a_single_file_has_no_source_column(folder):
    assert list(read_texts(folder / "a.csv").texts.columns) == ["id", "text", "gold"]


def test_a_zip_with_several_tables_is_joined(folder, tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "a.csv", "a.csv")
        archive.write(folder / "sub" / "b.csv", "deep/b.csv")
        archive.writestr("README.txt", "about these files")
    found = read_texts(path)
    assert found.kept_count == 3
    assert found.texts["source"].tolist()[-1] == "all.zip/deep/b.csv"
    assert "Of all.zip only 2 tables were read; 'README.txt' was left out." in found.warnings


def test_other_files_of_a_folder_are_left_out_and_told(folder):
    (folder / "notes.txt").write_text("only a note")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / ".hidden.csv").write_text(ONE)
    (folder / ".git").mkdir()
    (folder / ".git" / "x.csv").write_text(ONE)
    (folder / "c.csv.gz").write_bytes(gzip.compress(b"id,text\n5,Packed words here\n"))
    found = read_texts(folder)
    assert [file.name for file in found.files] == ["a.csv", "c.csv.gz", "sub/b.csv"]
    assert (
        "2 files of the folder 'data' were left out, as no table: 'notes.txt' and 'picture.png'."
        in found.warnings
    )


def test_one_bad_file_fails_all_and_is_named(folder):
    (folder / "c.csv").write_bytes(b"")
    assert refused(folder) == (
        "c.csv is empty. Choose a file with at least one text. Nothing was imported: mend this "
        "file, or leave it out."
    )


def test_files_without_the_same_text_column(folder):
    (folder / "z.csv").write_text("id,body\n1,Some other words\n")
    message = refused(folder)
    assert message.startswith("z.csv has no column 'text', which holds the texts of a.csv; its ")
    assert "Give the columns the same name in all files." in message


def test_label_columns_must_be_there_in_all(folder):
    (folder / "z.csv").write_text("id,text\n1,Some other words\n")
    message = refused(folder, label_column="label")
    assert "There is no column 'label' in z.csv." in message and "Nothing was imported" in message


def test_a_file_named_twice_or_missing(folder):
    message = refused(folder / "a.csv", folder / "sub" / ".." / "a.csv")
    assert message.startswith("a.csv is named twice.")
    with pytest.raises(NotFound, match="There is no file"):
        read_files([File(str(folder / "a.csv")), File(str(folder / "none.csv"))])


def test_equal_names_are_told_apart(folder):
    (folder / "sub" / "a.csv").write_text("id,text\n4,Lights are out here\n")
    files = [File(str(folder / "a.csv")), File(str(folder / "sub" / "a.csv"))]
    assert read_files(files).texts["source"].tolist() == ["a.csv", "a.csv", "sub/a.csv"]
    uploads = [File(str(folder / "a.csv"), "x.csv"), File(str(folder / "sub" / "a.csv"), "x.csv")]
    assert read_files(uploads).texts["source"].tolist()[-1] == "x.csv (2)"


def test_text_files_of_a_folder(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "one.txt").write_text("first line\nsecond line\n")
    (tmp_path / "t" / "two.txt").write_text("third line\n\nfourth line\nof it\n")
    assert read_texts(tmp_path / "t").kept_count == 5
    blocks = read_texts(tmp_path / "t", blocks=True)
    assert blocks.texts["text"].tolist() == [
        "first line\nsecond line",
        "third line",
        "fourth line\nof it",
    ]


def test_links_out_of_a_folder_are_refused(folder, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("text\nA secret text\n")
    (folder / "link.csv").symlink_to(secret)
    assert "holds the link 'link.csv', which leads out of it" in refused(folder)
    (folder / "link.csv").unlink()
    (folder / "up").symlink_to(tmp_path)
    assert "holds the link 'up', which leads out of it" in refused(folder)
    (folder / "up").unlink()
    (folder / "same.csv").symlink_to(folder / "a.csv")
    assert "is named twice" in refused(folder)


def test_special_files_are_refused(folder, tmp_path, monkeypatch):
    os.mkfifo(folder / "pipe.csv")
    assert "is no ordinary file" in refused(folder)
    (folder / "pipe.csv").unlink()
    for path in ("/dev/zero", "/proc/self/environ", "/sys/kernel", "/dev"):
        if os.path.exists(path):
            with pytest.raises(DataError, match="is no ordinary file"):
                refuse_special(folder / ".." / ".." / path)
    with socket.socket(socket.AF_UNIX) as sock:
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        sock.bind("s.csv")
        with pytest.raises(DataError, match="is no ordinary file"):
            refuse_special(tmp_path / "s.csv")


def test_a_root_keeps_paths_in(folder, tmp_path):
    assert inside("a.csv", folder) == folder / "a.csv"
    assert inside(folder / "sub", folder) == folder / "sub"
    (folder / "out").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    for path in (
        "../x.csv",
        "/etc/passwd",
        "~/x.csv",
        "sub/../../x",
        "out/x.csv",
        "a\0b",
        str(tmp_path),
    ):
        with pytest.raises(DataError, match="is not inside"):
            inside(path, folder)


def test_an_empty_folder(tmp_path):
    (tmp_path / "e").mkdir()
    assert refused(tmp_path / "e").startswith("The folder 'e' holds no table.")
    (tmp_path / "e" / "a.png").write_bytes(b"x")
    assert "holds no table but 'a.png'." in refused(tmp_path / "e")


def test_previews_of_all_files(folder):
    first, second = inspect_files([File(str(folder))])
    assert (first.name, first.rows, second.name, second.rows) == ("a.csv", 2, "sub/b.csv", 2)
    assert first.text_column == second.text_column == "text"
