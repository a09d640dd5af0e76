"""The Data page: a file in, what was read, stored and dropped."""

import pytest

from llkd.jobs.requests import NearDuplicatesRequest, usual_labelling
from llkd.store import Store
from tests.support.data_page import CSV, MANY, choose, metrics, upload
from tests.support.encrypted_files import write_encrypted
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import living_job, seeded_project


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


def test_the_sample_opens_with_one_button_and_is_labelled_at_once(home, started):
    app = opened("data")
    button(app, "Open the sample").click().run()
    assert not app.exception and not app.error
    assert started == [usual_labelling("City messages", 1040)]
    assert started[0].command() == ["label", "--teacher=committee", "--", "City messages"]
    assert usual_labelling("large", 10_001).teacher.teacher == "similarity", "no hours unasked"
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


MANY_LINES = [f"{k},a message about street number {k // 2} and its lamp" for k in range(50_000)]
LATER = "Near-duplicates are looked for in the background, once the project is there."


def test_many_texts_do_not_wait_for_their_near_duplicates(home, started):
    app = upload(opened("data"), "id,text\n" + "\n".join(MANY_LINES), "many.csv")
    assert LATER in words(app)
    # Who wants them left out waits for them.
    leave_out = next(box for box in app.checkbox if box.label == "Leave out near-duplicates")
    leave_out.check().run()
    assert LATER not in words(app)
    leave_out.uncheck().run()
    app.run()
    button(app, "Create the project").click().run()
    assert not app.exception and not app.error
    assert started == [NearDuplicatesRequest(project="Many")]
    # That job was stopped (the stand-in stops all): the page offers another one.
    assert "Near-duplicates are not counted yet." in words(app)
    app.run()
    button(app, "Look for near-duplicates").click().run()
    assert started == [NearDuplicatesRequest(project="Many")] * 2
    store = Store(home)
    with living_job(store, store.projects.get("Many"), "near-duplicates"):
        app.run()
        assert "Near-duplicates are looked for in the background: `llkd jobs`" in words(app)


def test_where_a_second_file_has_gold_they_are_looked_for_first(home, started):
    app = upload(opened("data"), "id,text\n" + "\n".join(MANY_LINES), "many.csv")
    labels = "\n".join(f"{k},{'roads' if k % 3 else 'waste'}" for k in range(400))
    upload(app, f"id,label\n{labels}\n", "gold.csv")
    assert LATER not in words(app)
    assert "are almost the same as an earlier one" in words(app)
    button(app, "Create the project").click().run()
    assert not app.exception and not app.error and not started
    report = Store(home).projects.get("Many").report
    assert report["near_duplicates"]["texts"] and report["held_out"]
