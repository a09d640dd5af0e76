"""``llkd import``: several files, a dry run, what is printed and what is stored."""

import json
import random
import time

import pytest

from llkd import jobs
from llkd.cli import main
from llkd.store import Store

ROWS = "id,text,label\n{0}1,The bin in {0} street is full,Waste\n{0}2,A hole in {0} road,roads\n"


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(ROWS.format(name * 3))
    return folder


def run(capsys, *typed):
    code = main([str(part) for part in typed])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_files_and_folders(home, files, capsys):
    code, printed, _ = run(capsys, "import", files / "a.csv", files / "b.csv", "--project", "two")
    assert code == 0
    assert "4 of 4 records kept in project 'two'." in printed
    assert [
        line.split() for line in printed.splitlines() if line.startswith(("a.csv", "b.csv"))
    ] == [
        ["a.csv", "csv", "2", "2"],
        ["b.csv", "csv", "2", "2"],
    ]
    code, _, _ = run(capsys, "import", files, "--project", "folder")
    store = Store(home)
    two, folder = store.projects.get("two"), store.projects.get("folder")
    assert (two.source, folder.source) == ("a.csv, b.csv", "in")
    assert two.digest == folder.digest
    assert store.projects.texts(two.id)["source"].tolist() == ["a.csv"] * 2 + ["b.csv"] * 2


def test_a_dry_run_stores_nothing(home, files, capsys):
    code, printed, _ = run(
        capsys, "import", files, "--dry-run", "--label-column", "label", "--labels", "waste,lights"
    )
    assert code == 0
    assert "4 of 4 records would be kept; nothing was stored." in printed
    assert "2 labels matched a class but for capitals or spaces: 'Waste' as 'waste'." in printed
    assert "2 gold labels are none of the classes and are not used: 'roads' (2)." in printed
    assert "characters" in printed and "Languages, guessed from 4 texts: English" in printed
    assert Store(home).projects.all() == []


def test_the_document_of_a_dry_run(files, capsys):
    code, printed, _ = run(capsys, "import", files, "--dry-run", "--json")
    found = json.loads(printed)
    assert code == 0 and found["project"] is None
    assert (found["rows"], found["kept"], found["dropped"]) == (4, 4, {})
    assert found["near_duplicates"] == {"groups": 0, "texts": 0, "threshold": 0.85}
    assert [file["name"] for file in found["files"]] == ["a.csv", "b.csv"]
    assert found["statistics"]["words"]["most"] == 7
    assert sum(found["statistics"]["histogram"]["counts"]) == 4


def test_a_project_needs_a_name(files, capsys):
    code, _, told = run(capsys, "import", files)
    assert code == 2
    assert told == (
        "llkd: A project needs a name: add --project NAME, or --dry-run to store nothing.\n"
    )


def test_a_bad_file_among_good_ones_stores_nothing(home, files, capsys):
    (files / "c.csv").write_bytes(b"%PDF-1.7")
    code, _, told = run(capsys, "import", files, "--project", "p")
    assert code == 2
    assert told.startswith("llkd: c.csv is a PDF document")
    assert told.endswith("Nothing was imported: mend this file, or leave it out.\n")
    assert Store(home).projects.all() == []


def test_near_duplicates_and_blocks(home, tmp_path, capsys):
    path = tmp_path / "a.txt"
    long = "The street light at the corner of the market has been out for more than a week"
    path.write_text(f"{long}\n\n{long}!\n\nfirst line\nsecond line\n")
    typed = ("import", path, "--text-blocks", "--near-duplicates", "drop", "--project", "p")
    code, printed, _ = run(capsys, *typed)
    assert code == 0
    assert "2 of 3 records kept in project 'p'.\nLeft out: 1 near-duplicate.\n" in printed
    assert "1 text nearly repeats an earlier one (in 1 group" in printed
    store = Store(home)
    texts = store.projects.texts(store.projects.get("p").id)
    assert texts["text"].tolist() == [long, "first line\nsecond line"]
    assert store.projects.get("p").report["near_duplicates"]["texts"] == 1


def test_labels_that_differ_in_capitals_are_one_class(home, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nthe first,Good\nthe second,bad\nthe third,good\nthe fourth,Good\n")
    code, printed, _ = run(
        capsys, "import", path, "--project", "p", "--label-column", "label", "--text-column", "text"
    )
    assert code == 0, printed
    store = Store(home)
    project = store.projects.get("p")
    assert project.label_set.names == ["Good", "bad"]
    assert store.projects.texts(project.id)["gold"].tolist() == ["Good", "bad", "Good", "Good"]


def test_unknown_labels_are_listed_with_what_they_resemble(home, tmp_path, capsys):
    path = tmp_path / "a.csv"
    labels = ["positive", "postive", "negativ", "other", "POSITIVE "]
    path.write_text("text,label\n" + "".join(f"text {k},{one}\n" for k, one in enumerate(labels)))
    code, printed, _ = run(
        capsys, "import", path, "--project", "p", "--label-column", "label",
        "--text-column", "text", "--labels", "positive,negative",
    )  # fmt: skip
    assert code == 0
    assert (
        "3 gold labels are none of the classes and are not used: 'postive' (1, perhaps "
        "'positive'), 'negativ' (1, perhaps 'negative') and 'other' (1)." in printed
    )
    assert (
        "1 label matched a class but for capitals or spaces: 'POSITIVE' as 'positive'." in printed
    )


def test_the_hub_without_a_connection(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, _, told = run(capsys, "import", "hf:owner/name", "--project", "p")
    assert code == 2
    assert told.startswith("llkd: The hub cannot be reached (HF_HUB_OFFLINE is set, or there is")
    assert Store(home).projects.all() == []


def test_a_folder_as_a_hub_data_set(home, files, capsys):
    (files / "b.csv").rename(files / "test.csv")
    (files / "a.csv").rename(files / "train.csv")
    code, printed, _ = run(capsys, "import", f"hf:{files}@test", "--project", "p")
    assert code == 0 and "2 of 2 records kept" in printed
    code, printed, _ = run(capsys, "import", f"hf:{files}", "--project", "q")
    assert "only the split 'train' was read; 'test' was left out." in printed


def test_near_duplicates_of_many_texts_come_after_the_import(home, tmp_path, capsys):
    draw = random.Random(5)
    words = ["".join(draw.choices("abcdefghij", k=6)) for _ in range(2_000)]
    texts = [" ".join(draw.choices(words, k=9)) for _ in range(50_000)]
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "\n".join([*texts, f"{texts[7]}!"]))
    code, printed, _ = run(capsys, "import", path, "--project", "p")
    assert code == 0 and "Near-duplicates are being looked for in the background" in printed
    store = Store(home)
    job = store.jobs.all(store.projects.get("p").id)[0]
    while jobs.refreshed(store, job.id).live:
        time.sleep(0.1)
    assert jobs.refreshed(store, job.id).state == "finished"
    code, printed, _ = run(capsys, "near-duplicates", "p")
    assert code == 0
    assert printed.startswith("1 text nearly repeats an earlier one (in 1 group; Jaccard")
    report = store.projects.get("p").report
    assert report["near_duplicates"] == {"groups": 1, "texts": 1, "threshold": 0.85}
