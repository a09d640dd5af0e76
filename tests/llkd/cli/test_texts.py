"""`llkd texts`, `views`, `note` and `history`: what a person types and gets."""

import json

import pandas as pd
import pytest

from llkd import curation
from llkd.store import Store
from tests.support.command_line import typed
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def city(home):
    return seeded_project(home, n=80)


def document(*words):
    done = typed(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_texts_are_filtered_searched_and_sorted(city):
    store, project = city
    plane = curation.load_plane(store, project, held_out=True)
    frame = plane.frame
    everything = document("texts", "city")
    assert everything["matches"] == everything["texts"] == 80 and len(everything["listed"]) == 20
    differs = document("texts", "city", "--filter", "student=differs", "--limit", "99")
    expected = frame["row"][frame["teacher_label"] != frame["student_label"]]
    assert [line["row"] for line in differs["listed"]] == expected.tolist()
    both = document(
        "texts", "city", "--filter", "label=waste", "--filter", "split=held-out",
        "--words", "bins -7", "--sort", "confidence", "--descending", "--limit", "99",
    )  # fmt: skip
    assert both["matches"] == len(both["listed"]) > 0
    assert {line["label"] for line in both["listed"]} == {"waste"}
    assert all("bins" in line["text"] and "7" not in line["text"] for line in both["listed"])
    assert {line["split"] for line in both["listed"]} == {"eval"}
    sure = [line["confidence"] for line in both["listed"]]
    assert sure == sorted(sure, reverse=True)
    shown = typed("texts", "city", "--filter", "label=waste").stdout
    assert "of 80 texts (Label: waste)." in shown and "more with --limit" in shown


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_all_of_them_are_written_to_a_file(city, tmp_path, ending):
    out = tmp_path / f"texts{ending}"
    written = document("texts", "city", "--filter", "split=pool", "--out", out)
    read = {".csv": pd.read_csv, ".jsonl": lambda p: pd.read_json(p, lines=True),
            ".parquet": pd.read_parquet}[ending](out)  # fmt: skip
    assert len(read) == written["matches"] == 60
    assert set(read["labelled_by"]) == {"teacher"} and set(read["flagged"]) == {"no"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--filter", "colour=red"], "There is no filter 'colour'"),
        (["--filter", "label"], "KIND=VALUE"),
        (["--filter", "label=moon"], "There is no class 'moon'. There are: roads, waste, water."),
        (["--filter", "confidence=high"], "A range is written as"),
        (["--view", "none"], "There is no saved view 'none'"),
        (["--out", "x.xlsx"], "The ending of --out says its format"),
        (["--like", "a bus"], "It is not known which student made the embeddings"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(city, words, says):
    done = typed("texts", "city", *words)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1


def test_views_are_saved_used_renamed_and_deleted(city):
    document("texts", "city", "--filter", "by=Ann", "--words", "bins", "--save-view", "of Ann")
    assert document("views", "city")["views"] == [
        {"name": "of Ann", "filter": "by=@Ann", "words": "bins"}
    ]
    assert document("texts", "city", "--view", "of Ann")["matches"] == 0
    shown = document("texts", "city", "--view", "of Ann", "--filter", "by=teacher")
    assert 0 < shown["matches"] < 80 and shown["words"] == "bins"
    document("views", "city", "--rename", "of Ann", "hers")
    assert "hers" in typed("views", "city").stdout
    assert not document("views", "city", "--delete", "hers")["views"]
    assert "No views yet" in typed("views", "city").stdout


def test_a_note_is_kept_listed_filtered_by_and_taken_back(city):
    store, project = city
    document("note", "city", "30", "ask\nAnn", "--who", "Bo")
    assert "ask" in typed("note", "city", "30").stdout
    assert document("texts", "city", "--filter", "note=yes")["listed"][0]["row"] == 30
    (entry,) = document("history", "city", "--action", "note")["listed"]
    assert (entry["who"], entry["after"], entry["state"]) == ("Bo", "ask\nAnn", "stands")
    refused = typed("history", "city", "--undo", entry["batch"], "--who", "Ann")
    assert refused.returncode == 2 and "Only what you did yourself" in refused.stderr
    assert document("history", "city", "--undo", entry["batch"], "--who", "Bo")["texts"] == 1
    assert not document("note", "city", "30")["notes"]
    assert "Nothing is noted" in typed("note", "city", "30").stdout
    assert typed("note", "city", "99", "x").returncode == 2
    assert typed("note", "city", "3", " ").returncode == 2


def test_the_history_is_filtered_and_written(city, tmp_path):
    store, project = city
    decide = store.decisions.decide
    decide(project.id, [30, 31], "label", "waste", who="Ann")
    decide(project.id, [30], "label", "water", who="=HYPERLINK(1)")
    store.classes.rename(project.id, {"waste": "refuse"}, who="Cy")
    everything = document("history", "city")
    assert [e["action"] for e in everything["listed"]] == ["classes", "label", "label", "label"]
    assert everything["listed"][1]["before"] == "refuse"
    assert {e["who"] for e in document("history", "city", "--who", "Ann")["listed"]} == {"Ann"}
    assert document("history", "city", "--label", "refuse")["acts"] == 3
    assert document("history", "city", "--label", "water")["acts"] == 1
    assert document("history", "city", "--since", "2100-01-01")["acts"] == 0
    assert document("history", "city", "--until", "2100-01-01", "--row", "31")["acts"] == 1
    out = tmp_path / "history.csv"
    document("history", "city", "--out", out)
    read = pd.read_csv(out)
    assert len(read) == 4 and "'=HYPERLINK(1)" in set(read["who"])
    bad = typed("history", "city", "--since", "last week")
    assert bad.returncode == 2 and "2026-11-29" in bad.stderr
    assert Store(store.home.root).history.people(project.id) == ["=HYPERLINK(1)", "Ann"]
