"""The Data page: paths and folders, several uploads, pasted texts, hub data sets, drafts."""

import io
import os
import time

import pytest

from llkd.datasets import File, hub
from llkd.errors import StoreError
from llkd.store import Store
from tests.support.data_page import CSV, MANY, metrics, upload
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import seeded_project
from ui.shell import uploads


def at_path(path):
    app = opened("data")
    app.segmented_control[0].set_value("File or folder on this machine").run()
    app.text_input[0].set_value(str(path)).run()
    return app


def test_a_folder_is_read_as_one(home, tmp_path):
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text(CSV)
    (folder / "sub" / "b.csv").write_text("id,text\nz,One more text about a tree\n")
    app = at_path(folder)
    assert metrics(app)["Rows read"] == "7" and metrics(app)["Texts kept"] == "5"
    assert app.dataframe[0].value["file"].tolist() == ["a.csv", "sub/b.csv"]
    assert "2 files, read as one." in words(app)


def test_paths_lead_into_the_import_root_only(home, tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text(CSV)
    (root / "link.csv").symlink_to(tmp_path / "b.csv")
    monkeypatch.setenv("LLKD_IMPORT_ROOT", str(root))
    for path in (tmp_path / "b.csv", "../b.csv", "link.csv", "/etc/hostname"):
        app = at_path(path)
        assert "the only folder that this server imports from" in said(app.error), path
        assert not app.metric
    assert metrics(at_path("a.csv"))["Texts kept"] == "4"
    assert metrics(at_path(root / "a.csv"))["Texts kept"] == "4"


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/environ", "/dev"])
def test_special_files_are_not_read(home, path):
    assert "is no ordinary file" in said(at_path(path).error)


def test_the_own_folder_is_no_data(home):
    seeded_project(home)
    app = opened("data", project="city")
    button(app, "New project").click().run()
    app.segmented_control[0].set_value("File or folder on this machine").run()
    app.text_input[0].set_value(str(home / "projects" / "1" / "texts.parquet")).run()
    assert "the folder where this program keeps its own files" in said(app.error)
    app.text_input[0].set_value(str(home.parent)).run()
    assert "The folder where this program keeps its own files lies in that" in said(app.error)
    assert not app.metric


def test_a_server_that_answers_others_reads_no_paths(home, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(CSV)
    monkeypatch.setattr("ui.shell.exposure.reached", lambda: "the address 0.0.0.0")
    app = opened("data")
    app.segmented_control[0].set_value("File or folder on this machine").run()
    assert not app.main.text_input
    assert "This server answers other machines, so it reads no files by their path." in said(
        app.info
    )
    monkeypatch.setenv("LLKD_IMPORT_ROOT", str(tmp_path))
    assert metrics(at_path("a.csv"))["Texts kept"] == "4"


def test_several_uploads_become_one_project(home):
    app = opened("data")
    more = "id,text,label\na,A tree has fallen on the path,parks\n"
    app.file_uploader[0].set_value(
        [("one.csv", CSV.encode(), "text/csv"), ("two.csv", more.encode(), "text/csv")]
    ).run()
    app.run()
    assert not app.exception and not app.error
    assert metrics(app)["Rows read"] == "7" and metrics(app)["Texts kept"] == "5"
    # That files were joined is told, and is nothing to look into.
    assert "7 records of 2 files were joined" in said(app.info)
    assert "were joined" not in said(app.warning)
    button(app, "Create the project").click().run()
    project = Store(home).projects.get("One")
    texts = Store(home).projects.texts(project.id)
    assert texts["source"].tolist() == ["one.csv"] * 4 + ["two.csv"]
    assert texts["id"].tolist()[0] == "one.csv:a" and texts["id"].is_unique
    assert project.source == "one.csv, two.csv"
    assert not list((home / "drafts").iterdir())


def test_a_file_of_several_that_lacks_the_texts_is_named(home):
    app = opened("data")
    files = [
        ("one.csv", CSV.encode(), "text/csv"),
        ("gold.csv", b"id,label\na,roads\n", "text/csv"),
    ]
    app.file_uploader[0].set_value(files).run()
    app.run()
    assert "gold.csv has no column 'text', as another file has. Choose the column" in said(app.info)
    assert not app.metric


def test_one_bad_upload_of_several_is_named(home):
    app = opened("data")
    app.file_uploader[0].set_value(
        [("one.csv", CSV.encode(), "text/csv"), ("two.csv", b"", "text/csv")]
    ).run()
    app.run()
    assert "two.csv is empty." in said(app.error)
    assert not app.metric


def test_of_several_uploads_all_bad_ones_are_named_and_the_others_can_go_on(home):
    app = opened("data")
    app.file_uploader[0].set_value(
        [
            ("one.csv", CSV.encode(), "text/csv"),
            ("two.csv", b"", "text/csv"),
            ("three.csv", b"\x89PNG\r\n\x1a\n" + bytes(200), "text/csv"),
        ]
    ).run()
    app.run()
    assert "two.csv is empty." in said(app.error) and "three.csv is a PNG" in said(app.error)
    button(app, "Leave out the 2 files with errors").click().run()
    assert not app.error and not app.exception
    assert metrics(app)["Rows read"] == "6"
    assert len(list((home / "drafts").iterdir())) == 1
    button(app, "Create the project").click().run()
    assert Store(home).projects.get("One").source == "one.csv"


def test_where_no_upload_can_be_read_nothing_is_offered_to_go_on_with(home):
    app = opened("data")
    app.file_uploader[0].set_value(
        [("one.csv", b"", "text/csv"), ("two.csv", b"", "text/csv")]
    ).run()
    app.run()
    assert len(app.error) == 2
    assert not any(one.label.startswith("Leave out") for one in app.button)


def test_a_removed_upload_does_not_come_back(home):
    """While a big file is read, the browser still sends the uploader's state with what it asks."""
    app = opened("data")
    before = app.file_uploader[0].proto.id
    upload(app, CSV)
    button(app, "Remove").click().run()
    assert app.file_uploader[0].proto.id != before


def test_a_remark_stands_once(home):
    app = upload(
        opened("data"), "id,text\n1,caf\u00e9 cr\u00e8me \u00e0 c\u00f4t\u00e9\n".encode("cp1252")
    )
    assert len(app.warning) == 1
    assert "read as Windows-1252 (Western European)" in said(app.warning)
    assert "Found: CSV, Windows-1252 (Western European), separated by commas" in words(app)


NEARLY = (
    "The street light at the corner of the market has been out for more than a week\n"
    "The street light at the corner of the market has been out for more than a week!\n"
    "Something else about the bins\n"
)


def test_near_duplicates_are_counted_and_left_out_if_wished(home):
    app = opened("data")
    app.segmented_control[0].set_value("Paste texts").run()
    app.text_area[0].set_value(NEARLY).run()
    assert metrics(app)["Texts kept"] == "3"
    assert "1 text is almost the same as an earlier one, in 1 group; it was kept." in words(app)
    box = next(one for one in app.checkbox if one.label == "Leave out near-duplicates")
    box.check().run()
    assert metrics(app)["Texts kept"] == "2"
    reasons = app.dataframe[0].value
    assert reasons["why dropped"].tolist() == [
        "near-duplicate: almost the same text stands in an earlier row"
    ]


def test_pasted_blocks_of_lines(home):
    app = opened("data")
    app.segmented_control[0].set_value("Paste texts").run()
    app.text_area[0].set_value("first line\nof one text\n\nanother text\n").run()
    assert metrics(app)["Texts kept"] == "3"
    next(one for one in app.segmented_control if one.label == "A text is").set_value(
        "a block of lines"
    ).run()
    assert metrics(app)["Texts kept"] == "2"


def test_a_text_file_says_how_it_is_cut(home):
    app = upload(opened("data"), "first line\nof one text\n\nanother text\n", "a.txt")
    assert "one text a line" in words(app)
    assert metrics(app)["Texts kept"] == "3"
    next(one for one in app.segmented_control if one.label == "A text is").set_value(
        "a block of lines"
    ).run()
    assert "a text is a block of lines" in words(app)
    assert metrics(app)["Texts kept"] == "2"


def test_lengths_and_languages_are_shown_before_anything_is_stored(home):
    app = upload(opened("data"), MANY)
    assert "Languages, guessed from 40 texts: " in words(app)
    table = next(one.value for one in app.dataframe if "words" in one.value.columns)
    assert table.iloc[:, 0].tolist() == ["least", "5 %", "25 %", "median", "75 %", "95 %", "most"]
    assert table["words"].tolist()[3] == "5" and table["characters"].tolist()[0] == "28"
    assert Store(home).projects.all() == []


def test_a_hub_data_set_without_a_connection(home):
    app = opened("data")
    app.segmented_control[0].set_value("Hub data set").run()
    app.text_input[0].set_value("owner/name").run()
    button(app, "Fetch it").click().run()
    assert "The hub cannot be reached" in said(app.error)
    app.text_input[0].set_value("/etc").run()
    button(app, "Fetch it").click().run()
    assert "names no data set" in said(app.error)


def test_a_hub_data_set_is_read_like_files(home, tmp_path, monkeypatch):
    (tmp_path / "train.csv").write_text(CSV)
    found = hub.Fetched((File(str(tmp_path / "train.csv"), "train.csv"),), ("Only train.",))

    def fetch(name, folders):
        assert (name, folders) == ("hf:owner/name", False)
        return found

    monkeypatch.setattr("llkd.datasets.hub.fetch", fetch)
    app = opened("data")
    app.segmented_control[0].set_value("Hub data set").run()
    app.text_input[0].set_value("owner/name").run()
    button(app, "Fetch it").click().run()
    app.run()
    assert metrics(app)["Texts kept"] == "4"
    assert "Only train." in said(app.warning)
    button(app, "Create the project").click().run()
    assert Store(home).projects.get("Name").source == "hf:owner/name"
    assert (tmp_path / "train.csv").exists()


def test_an_upload_that_breaks_off_leaves_nothing(home):
    class Broken(io.BytesIO):
        def read(self, *_):
            if self.tell() > 0:
                raise OSError(5, "Input/output error")
            return super().read(10)

        readinto = None

    store = Store(home)
    with pytest.raises(StoreError, match="Input/output error"):
        uploads.keep(store, Broken(b"x" * 100))
    assert list((home / "drafts").iterdir()) == []


def test_drafts_of_an_earlier_day_are_removed(home):
    store = Store(home)
    old = uploads.keep(store, io.BytesIO(b"old"))
    half = old.parent / ".half.tmp"
    half.write_bytes(b"half of an upl")
    two_days_ago = time.time() - 2 * 24 * 3600
    for path in (old, half):
        os.utime(path, (two_days_ago, two_days_ago))
    kept = uploads.keep(store, io.BytesIO(b"new"))
    assert list((home / "drafts").iterdir()) == [kept]


def test_a_draft_that_another_session_removes_meanwhile_stops_nobody(home, monkeypatch):
    store = Store(home)
    theirs = uploads.keep(store, io.BytesIO(b"theirs"))
    listed = list(theirs.parent.iterdir())
    theirs.unlink()
    monkeypatch.setattr(uploads.Path, "iterdir", lambda folder: iter(listed))
    assert uploads.keep(store, io.BytesIO(b"mine")).read_bytes() == b"mine"


def test_the_draft_is_still_there_when_the_page_is_left_and_entered_again(home):
    app = upload(opened("data"), CSV)
    app.text_input[0].set_value("Kept name").run()
    app.switch_page("pages/teacher.py").run()
    app.switch_page("pages/data.py").run()
    app.run()
    assert metrics(app)["Texts kept"] == "4"
    assert app.text_input[0].value == "Kept name"
    assert "city texts.csv" in words(app)
