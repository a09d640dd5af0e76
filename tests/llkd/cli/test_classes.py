"""`llkd classes`: merge, split, undo, history, and what a change would do."""

import json

import pytest

from llkd.cli import main, requests
from llkd.cli.parser import make_parser
from llkd.config import Label
from llkd.errors import UserError
from llkd.store import Store


@pytest.fixture
def run(old_home, capsys):
    def command(*typed):
        code = main(["classes", "desk", *typed, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return command


def labels(document):
    return {entry["name"]: entry["labels"] for entry in document["classes"]}


def test_merge_split_undo_and_their_history(run, capsys):
    code, document = run("--merge", "roads", "waste", "--into", "outside", "--who", "ann")
    assert code == 0 and labels(document) == {"outside": 27, "Lärm": 13}
    assert document["merged"] == [{"from": ["roads", "waste"], "into": ["outside"]}]
    code, document = run("--undo")
    assert code == 0 and labels(document) == {"roads": 9, "waste": 18, "Lärm": 13}
    code, document = run("--split", "waste", "--into", "bins", "litter", "--who", "bo")
    assert code == 0 and labels(document) == {"roads": 9, "bins": 0, "litter": 0, "Lärm": 13}
    (waiting,) = document["waiting"]
    assert waiting["class"] == "waste" and waiting["parts"] == ["bins", "litter"]
    assert waiting["texts"] == waiting["labels"] + waiting["gold"] + waiting["teacher"] > 0
    code, document = run("--history")
    assert [(c["who"], c["kind"], c["undone"]) for c in document["history"][-3:]] == [
        ("ann", "merge", True), ("local user", "undo", False), ("bo", "split", False),
    ]  # fmt: skip
    assert main(["classes", "desk"]) == 0
    assert f"{waiting['texts']} texts of 'waste' wait" in capsys.readouterr().out
    assert main(["classes", "desk", "--history"]) == 0
    assert "'roads' and 'waste' merged into 'outside' (undone)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--merge", "roads", "waste", "--into", "roads"], "become one class, 'roads', with 27"),
        (
            ["--split", "waste", "--into", "a", "b"],
            "(18 labels and 40 gold labels) stays as history",
        ),
        (["--rename", "waste", "refuse"], "18 labels and 40 gold labels will follow"),
        (["--remove", "waste"], "'waste' goes; it carries 18 labels and 40 gold labels"),
        (["--add", "parks", "--describe", "parks", "trees and benches"], "'parks' is new"),
        (["--describe", "waste", "bins"], "described in other words"),
    ],
)
def test_a_dry_run_says_what_would_happen_and_changes_nothing(run, old_home, typed, says):
    before = Store(old_home).projects.get("desk").label_set
    code, document = run(*typed, "--dry-run")
    assert code == 0 and any(says in line for line in document["what"])
    assert Store(old_home).projects.get("desk").label_set == before
    assert run("--history")[1]["history"] == []
    code, _ = run(*typed, *(["--drop-labels"] if "--remove" in typed else []))
    assert code == 0
    code, document = run("--undo", "--dry-run")
    assert code == 0 and document["undoes"] and document["labels"]["then"] == 40
    run("--undo")
    assert Store(old_home).projects.get("desk").label_set.names == before.names


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--merge", "roads", "waste"], "--into NAME"),
        (["--merge", "roads", "waste", "--into", "a", "b"], "--into NAME"),
        (["--split", "waste", "--into", "a"], "--into NAME NAME"),
        (["--into", "a"], "--merge or --split"),
        (["--merge", "roads", "trees", "--into", "a"], "no class 'trees'"),
        (["--dry-run"], "name just one"),
        (["--undo"], "left to undo"),
        (["--undo", "--add", "x"], "give it alone"),
        (["--describe", "trees", "x"], "no class 'trees'"),
    ],
)
def test_what_makes_no_sense_is_said(run, typed, says):
    code, document = run(*typed)
    assert code == 2 and says in document["error"]


def test_labelling_about_a_class_names_it_by_its_key(old_home):
    store = Store(old_home)
    store.classes.rename(store.projects.get("desk").id, {"waste": "refuse"})
    arguments = make_parser().parse_args(["label", "desk", "--about", "refuse"])
    request = requests.label(store, arguments)
    assert request.about == "waste" and "--about=waste" in request.flags()
    store.classes.split(
        store.projects.get("desk").id, "refuse", [Label(name="bins"), Label(name="litter")]
    )
    assert requests.label(store, arguments).about == "waste"
    for more, says in ((["--limit", "5"], "leave out --limit"), (["--about", "x"], "no class 'x'")):
        with pytest.raises(UserError, match=says):
            requests.label(
                store, make_parser().parse_args(["label", "desk", "--about", "refuse", *more])
            )
