import gzip
import io
import stat
import zipfile

import pytest

from llkd.datasets.readers import containers
from llkd.datasets.source import inspect
from llkd.datasets.texts import read_texts
from llkd.errors import DataError, NotFound

TABLE = b"id,text,label\n1,The first text,a\n2,The second text,b\n"


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(path, **more):
    with pytest.raises(DataError) as error:
        read_texts(path, **more)
    return str(error.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(NotFound, match=r"There is no file '.*none\.csv'\. Check the path\."):
        read_texts(tmp_path / "none.csv")
    assert "holds no table" in refused(tmp_path)


def test_original_name_of_an_upload(tmp_path):
    path = tmp_path / "upload-1234"
    path.write_bytes(b"")
    assert refused(path, name="C:\\data\\reviews.csv").startswith("reviews.csv is empty.")


def test_gzip_members_one_after_the_other_and_padding(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TABLE) + gzip.compress(b"3,The third text,a\n") + b"\0" * 512)
    found = read_texts(path)
    assert found.kept_count == 3
    assert found.warnings == ()


def test_gzip_cut_off_damaged_or_followed_by_more(tmp_path):
    path = tmp_path / "a.csv.gz"
    packed = gzip.compress(TABLE * 50)
    path.write_bytes(packed[: len(packed) // 2])
    assert refused(path).startswith("a.csv.gz ends too early: its gzip data is cut off after ")
    path.write_bytes(packed[:-8] + b"\1\2\3\4" + packed[-4:])
    assert "does not check" in refused(path)
    path.write_bytes(gzip.compress(TABLE) + b"more")
    assert read_texts(path).warnings == (
        "a.csv.gz holds 4 bytes after its end, which were left out.",
    )
    path.write_bytes(gzip.compress(gzip.compress(TABLE)))
    assert refused(path) == "a.csv.gz is compressed twice. Unpack it once and import that."


def test_decompression_bombs_are_stopped_early(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "FREE_BYTES", 100_000)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"text\n" + b"a" * 5_000_000))
    assert "as a decompression bomb does" in refused(bomb)
    assert "as a decompression bomb does" in refused(
        zipped(tmp_path / "bomb.zip", [("a.csv", b"text\n" + b"a" * 5_000_000)])
    )
    monkeypatch.setattr(containers, "MAX_BYTES", 1_000_000)
    large = tmp_path / "large.csv.gz"
    large.write_bytes(gzip.compress(bytes(range(32, 127)) * 15_000, compresslevel=1))
    assert "unpacks to more than" in refused(large)


def test_file_over_the_limit_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(TABLE)
    monkeypatch.setattr(containers, "MAX_BYTES", 10)
    assert "Split it into smaller files." in refused(path)


def test_zip_with_one_table_and_leftovers(tmp_path):
    members = [("__MACOSX/._t.csv", b"x"), (".DS_Store", b"x"), ("data/t.csv", TABLE)]
    path = zipped(tmp_path / "a.zip", members)
    assert read_texts(path).warnings == ()
    assert inspect(path).member == "data/t.csv"
    both = zipped(tmp_path / "b.zip", [("README.txt", b"about"), ("t.csv", TABLE)])
    assert read_texts(both).warnings == (
        "Of b.zip only the member 't.csv' was read; 'README.txt' was left out.",
    )


def test_zip_with_several_tables_or_none(tmp_path):
    several = zipped(tmp_path / "a.zip", [("a.csv", TABLE), ("b.csv", TABLE)])
    with pytest.raises(DataError, match=r"a.zip holds 2 tables \('a.csv' and 'b.csv'\)"):
        inspect(several)
    none = zipped(tmp_path / "n.zip", [("a.png", b"x"), ("b.md", b"y")])
    assert refused(none).startswith("n.zip holds no table but 'a.png' and 'b.md'.")
    nested = zipped(tmp_path / "z.zip", [("inner.zip", several.read_bytes())])
    assert refused(nested).startswith("The member 'inner.zip' of z.zip is itself an archive.")


@pytest.mark.parametrize("name", ["../../out.csv", "/etc/out.csv", "C:\\out.csv", "a/../../x.csv"])
def test_zip_member_that_leads_outside(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    path = zipped(folder / "a.zip", [("texts.csv", TABLE), (name, TABLE)])
    assert "points outside the archive, so it was not read" in refused(path)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.zip"]


def test_zip_with_a_link_or_a_password(tmp_path):
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(tmp_path / "l.zip", [(link, "../secret.csv"), ("t.csv", TABLE)])
    assert "'link.csv', which points outside" in refused(path)
    locked = zipped(tmp_path / "p.zip", [("t.csv", TABLE)])
    data = bytearray(locked.read_bytes())
    data[6] |= 1  # the flag of the local header and of the directory
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(bytes(data))
    assert "is protected with a password" in refused(locked)


def test_damaged_zip(tmp_path):
    path = zipped(tmp_path / "a.zip", [("t.csv", TABLE * 20)])
    path.write_bytes(path.read_bytes()[:-30])
    assert refused(path).startswith("a.zip is a damaged archive and cannot be unpacked.")


def test_member_that_holds_more_than_it_says(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("t.csv", TABLE)
    data = bytearray(buffer.getvalue())
    where = data.rindex(b"PK\x01\x02") + 24
    data[where : where + 4] = (20).to_bytes(4, "little")
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))
    assert "damaged archive" in refused(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.4 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n...", "a PNG picture"),
        (b"\xfd7zXZ\x00...", "compressed with xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Office file (.xls or .doc)"),
        (b"<!DOCTYPE html><html><body>Sign in</body>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid x\n", "a Git LFS pointer"),
        (b"INSERT INTO t (text) VALUES ('x');", "a database dump"),
        (b"{\\rtf1\\ansi text}", "a rich-text (RTF) document"),
    ],
)
def test_files_that_are_something_else(tmp_path, content, what):
    path = tmp_path / "reviews.csv"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(f"reviews.csv is {what}")
    assert "Supported are CSV, TSV, JSON, JSON Lines, Parquet, XLSX and plain text" in message


def test_protected_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    path.write_bytes(ole + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le"))
    assert refused(path).startswith("a.xlsx is protected with a password.")
