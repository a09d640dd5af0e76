"""The Data page: files in, what was found and dropped, classes, deleting."""

import io
import os
import time

import numpy as np
import pandas as pd
import pytest
from seed import button, ended_job, living_job, opened, said, seeded_project, words

from llkd.config import LabelSet
from llkd.datasets import File, hub
from llkd.errors import StoreError
from llkd.store import Store
from tests.llkd.datasets.encrypted import write_encrypted
from ui import uploads
from ui.data.new_project import free_name, project_name

CSV = (
    "id,text,label\n"
    "a,The bin is full,waste\n"
    "b,A hole in the road,roads\n"
    "c,,roads\n"
    "d,The bin is full,waste\n"
    "e,<b>No</b> water [l](http://e.com),water\n"
    "f,The street light is out,roads\n"
)
MANY = "id,text,label\n" + "".join(
    f"{k},message number {k} about {label},{label}\n"
    for k, label in enumerate(np.tile(["roads", "waste"], 20))
)


def upload(app, content, name="city texts.csv", slot=0):
    data = content if isinstance(content, bytes) else content.encode()
    app.file_uploader[slot].set_value((name, data, "text/csv")).run()
    # The page runs itself again; AppTest takes the click after that for one on another page.
    return app.run()


def metrics(app):
    return {one.label: one.value for one in app.metric}


def choose(app, label):
    return next(one for one in app.selectbox if one.label == label)


def test_the_first_page_offers_a_file_pasting_and_the_sample(home):
    app = opened("data")
    assert app.segmented_control[0].options == [
        "Upload files",
        "Paste texts",
        "File or folder on this machine",
        "Hub data set",
    ]
    assert "used only to evaluate" in words(app)
    assert button(app, "Open the sample").proto.type == "primary"


def test_the_sample_opens_with_one_button(home):
    app = opened("data")
    button(app, "Open the sample").click().run()
    assert not app.exception and not app.error
    assert metrics(app) == {
        "Texts": "1,040",
        "Pool": "780",
        "Held out": "260",
        "With gold": "1,040",
    }
    assert app.sidebar.selectbox[0].value == "City messages"
    assert list(app.data_editor[0].value["name"]) == ["roads", "waste", "water", "parks", "noise"]
    assert button(app, "Next: label with a teacher").proto.type == "primary"


def test_a_file_shows_what_was_found_kept_and_dropped(home):
    app = upload(opened("data"), CSV)
    assert not app.exception and not app.error
    shown = words(app)
    assert "Found: CSV, UTF-8, separated by commas, 6 rows." in shown
    assert choose(app, "Text").value == "text"
    assert choose(app, "Gold label, if there is one").value == "label"
    assert choose(app, "Id, if there is one").value == "id"
    assert metrics(app) == {"Rows read": "6", "Texts kept": "4", "Dropped": "2", "With gold": "4"}
    reasons = app.dataframe[1].value
    assert dict(zip(reasons["why dropped"], reasons["rows"], strict=True)) == {
        "blank: there is nothing to read": 1,
        "duplicate: the same text stands in an earlier row": 1,
    }
    assert "3 classes found in the gold labels: roads, waste, water." in shown
    assert app.text_input[0].value == "City texts"
    # The texts stand in tables only.
    rendered = "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    assert "<b>No</b>" not in rendered and "](http" not in rendered


def test_creating_the_project_stores_what_was_shown(home):
    app = upload(opened("data"), MANY)
    assert "10 of 40 texts with gold will be held out." in words(app)
    app.slider[0].set_value(50).run()
    assert "20 of 40 texts with gold will be held out." in words(app)
    app.text_input[0].set_value("My texts").run()
    button(app, "Create the project").click().run()
    assert not app.exception and not app.error
    project = Store(home).projects.get("My texts")
    texts = Store(home).projects.texts(project.id)
    assert project.rows == 40 and (texts["split"] == "eval").sum() == 20
    assert sorted(project.label_set.names) == ["roads", "waste"]
    assert project.source == "city texts.csv"
    assert metrics(app)["Held out"] == "20"
    assert app.query_params["project"] == "My texts"
    assert list(app.data_editor[0].value["name"]) == project.label_set.names


def test_columns_can_be_chosen_and_without_gold_nothing_is_held_out(home):
    app = upload(opened("data"), CSV)
    choose(app, "Gold label, if there is one").select_index(0).run()
    assert not app.slider
    assert "With gold" not in metrics(app)
    button(app, "Create the project").click().run()
    project = Store(home).projects.get("City texts")
    assert project.label_set is None
    assert button(app, "Save the classes").disabled, "there is nothing yet to save"
    assert "There are changes" not in words(app)
    assert "Name the classes that the teacher chooses from: at least two. Write" in words(app)
    assert button(app, "Save the classes").proto.type == "primary"
    assert "Next: label with a teacher" not in [one.label for one in app.button]


def test_a_column_that_only_looks_like_labels_is_not_taken_for_gold(home):
    rows = "".join(f"{k},{c},text number {k}\n" for k, c in enumerate(["app", "web"] * 10))
    app = upload(opened("data"), "id,channel,text\n" + rows)
    assert choose(app, "Gold label, if there is one").value is None
    assert "The column channel has few values that come often" in words(app)


def test_gold_from_a_second_file(home):
    app = upload(opened("data"), "id,text\n1,a road\n2,a bin\n3,a tap\n4,a tree\n")
    gold = "id,label\n1,roads\n2,waste\n4,roads\n9,waste\n"
    upload(app, gold, "gold.csv")
    assert metrics(app)["With gold"] == "3"
    assert "3 of 4 texts found a label" in said(app.warning)
    button(app, "Create the project").click().run()
    project = Store(home).projects.get("City texts")
    assert list(Store(home).projects.texts(project.id)["gold"].fillna("")) == [
        "roads",
        "waste",
        "",
        "roads",
    ]
    assert project.source == "city texts.csv, gold from gold.csv"


def test_what_is_said_to_be_held_out_is_what_is_held_out(home):
    app = upload(opened("data"), CSV)
    assert "1 of 4 texts with gold will be held out." in words(app)  # water has one text only
    button(app, "Create the project").click().run()
    assert metrics(app)["Held out"] == "1"


def test_where_nothing_can_be_held_out_the_page_says_why(home):
    app = upload(opened("data"), "id,text,label\n1,a road,roads\n2,a bin,waste\n")
    assert "0 of 2 texts with gold will be held out: that takes a class with at least two" in words(
        app
    )


def test_duplicates_are_kept_if_wished(home):
    app = upload(opened("data"), CSV)
    app.checkbox[0].check().run()
    assert metrics(app)["Texts kept"] == "5"


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "empty.csv"), (b"\x89PNG\r\n\x1a\n" + bytes(200), "x *y* [z](http://e.com).csv")],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_changes_nothing(home, content, name):
    app = upload(opened("data"), content, name)
    assert not app.exception
    assert len(app.error) == 1 and name.split("/")[-1] in said(app.error)
    assert "](http" not in app.error[0].value
    assert Store(home).projects.all() == []
    (kept,) = (home / "drafts").iterdir()
    assert kept.name.isalnum()  # nothing of the file's own name
    button(app, "Remove").click().run()
    assert app.file_uploader and not app.error
    assert not kept.exists()


def test_a_file_that_ends_the_process_which_reads_it_is_one_sentence(home, tmp_path):
    secret = write_encrypted(tmp_path / "secret.parquet", ["label"]).read_bytes()
    app = upload(opened("data"), secret, "secret.parquet")
    assert not app.exception
    assert "secret.parquet is an encrypted Parquet file" in said(app.error)
    button(app, "Remove").click().run()
    app = upload(app, CSV)
    assert not app.error and metrics(app)["Texts kept"] == "4"
    # As a second file, with gold for the first.
    app = upload(opened("data"), "id,text\na,One text\nb,Another text\n")
    app = upload(app, secret, "gold.parquet")
    assert not app.exception and "gold.parquet is an encrypted" in said(app.error)
    assert metrics(app)["Texts kept"] == "2"


def test_an_option_of_the_command_line_is_not_asked_for_on_a_page(home):
    app = upload(opened("data"), "a,b\n1,2\n3,4\n", "numbers.csv")
    assert "--" not in said(app.error)


def test_a_taken_name_is_refused_and_the_file_is_still_there(home):
    seeded_project(home, name="Taken", labelled=False)
    app = opened("data")
    button(app, "New project").click().run()
    upload(app, CSV)
    app.text_input[0].set_value("Taken").run()
    button(app, "Create the project").click().run()
    assert "There is a project 'Taken' already." in said(app.error)
    assert metrics(app)["Texts kept"] == "4"


def test_pasted_texts_become_a_project(home):
    app = opened("data")
    app.segmented_control[0].set_value("Paste texts").run()
    app.text_area[0].set_value("first text\n\nsecond text\nfirst text\n").run()
    assert metrics(app) == {"Rows read": "3", "Texts kept": "2", "Dropped": "1"}
    button(app, "Create the project").click().run()
    assert Store(home).projects.get("Pasted texts").rows == 2


def test_a_path_is_read_where_it_lies(home, tmp_path):
    path = tmp_path / "big.csv"
    path.write_text(CSV)
    app = opened("data")
    app.segmented_control[0].set_value("File or folder on this machine").run()
    app.text_input[0].set_value(str(tmp_path / "nothing.csv")).run()
    assert "There is no file" in said(app.error)
    app.text_input[0].set_value(str(path)).run()
    assert metrics(app)["Texts kept"] == "4"
    button(app, "Create the project").click().run()
    assert Store(home).projects.get("Big").rows == 4
    assert path.exists()


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
    monkeypatch.setattr("ui.exposure.reached", lambda: "the address 0.0.0.0")
    app = opened("data")
    app.segmented_control[0].set_value("File or folder on this machine").run()
    assert not app.text_input
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


def test_an_existing_project_shows_its_numbers_and_first_texts(home):
    seeded_project(home)
    app = opened("data")
    assert metrics(app)["Texts"] == "60" and metrics(app)["Held out"] == "15"
    assert "From seed.csv" in words(app) and "2 rows dropped." in words(app)
    table = app.dataframe[-1].value
    assert list(table.columns) == ["id", "text", "gold", "split"]
    assert table["split"].tolist()[:2] == ["held out", "held out"]
    assert "The first 60 of 60." in words(app)


def _edited(app, project, rows):
    """The page with these classes typed into the table (AppTest cannot type there)."""
    frame = pd.DataFrame(rows, columns=["name", "description", "verbaliser"])
    app.session_state[f"_classes_{project.id}"] = frame
    app.switch_page("pages/teacher.py").run()
    return app.switch_page("pages/data.py").run()


def test_classes_are_edited_and_saved(home):
    store, project = seeded_project(home, labelled=False)
    app = opened("data")
    assert button(app, "Save the classes").disabled
    assert "3 classes, saved." in words(app)
    _edited(app, project, [["roads", "holes", ""], [" waste ", None, "rubbish"], ["", "", ""]])
    assert "There are changes that are not saved yet." in words(app)
    button(app, "Save the classes").click().run()
    assert "Texts still carry 'water' (" in words(app)
    assert store.projects.get("city").label_set.names == ["roads", "waste", "water"]
    button(app, "Remove it, its labels count no more").click().run()
    assert not app.error
    kept = store.projects.get("city").label_set
    assert kept.names == ["roads", "waste"]
    assert kept.verbalisers == ["roads", "rubbish"] and kept.labels[0].description == "holes"
    assert "2 classes, saved." in words(app)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([["roads", "", ""]], "A label set needs at least two classes, but this one has 1."),
        (
            [["roads", "", ""], ["Roads", "", ""]],
            "Two classes would be called 'Roads'. Each class needs its own name",
        ),
        ([["roads", "", ""], ["", "described", ""]], "Row 2 of the classes has no name."),
    ],
)
def test_classes_that_cannot_be_used_are_one_sentence(home, rows, sentence):
    store, project = seeded_project(home, labelled=False)
    app = _edited(opened("data"), project, rows)
    button(app, "Save the classes").click().run()
    assert sentence in said(app.error)
    assert store.projects.get("city").label_set == LabelSet.of(["roads", "waste", "water"])
    assert "There are changes that are not saved yet." in words(app)


def test_changed_classes_after_labelling_are_explained(home):
    seeded_project(home)
    assert "A class keeps its labels when it is renamed." in words(opened("data"))


def test_deleting_asks_first_and_then_removes_the_project(home):
    store, project = seeded_project(home)
    ended_job(store, project, "cancelled")
    app = opened("data")
    button(app, "Delete \u2026").click().run()
    assert "are removed for good" in said(app.markdown)
    button(app, "Keep it").click().run()
    assert store.projects.get("city")
    button(app, "Delete \u2026").click().run()
    button(app, "Delete for good").click().run()
    assert store.projects.all() == []
    assert "Open the sample" in words(app)
    assert not app.error and not app.exception


def test_a_project_whose_job_runs_is_not_deleted(home):
    store, project = seeded_project(home)
    with living_job(store, project):
        app = opened("data")
        button(app, "Delete \u2026").click().run()
        button(app, "Delete for good").click().run()
        assert "A job of this project is still running. Stop it first." in said(app.error)
        assert store.projects.get("city")


def test_hostile_names_of_projects_and_files_stay_text(home):
    name = "[x](http://e.com) <b> :red[y]"
    seeded_project(home, name=name)
    app = opened("data", project=name)
    assert not app.error
    assert app.sidebar.selectbox[0].value == name
    rendered = [*app.markdown, *app.caption, *app.title, *app.button]
    assert not any("](http" in str(getattr(one, "value", "")) for one in rendered)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("city_messages.csv.gz", "City messages"),
        ("../../etc/my-data.v2.json", "My data"),
        ("\u202e\n.csv", "New project"),
        ("x" * 300 + ".csv", "X" + "x" * 79),
    ],
)
def test_a_project_is_named_after_its_file(file, name):
    assert project_name(file) == name


def test_a_free_name_counts_on(home):
    store, _ = seeded_project(home, name="City", labelled=False)
    assert free_name(store, "City") == "City 2"
    assert free_name(store, "Town") == "Town"
