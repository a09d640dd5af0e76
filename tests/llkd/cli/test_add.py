"""``llkd add``: what a person types and reads, and that nothing is asked or paid for twice."""

import json

import pytest

from llkd.store import Store
from llkd.store.inbox import InboxEntry, inbox_of
from tests.support.command_line import fails, typed, typed_document
from tests.support.stand_in_server import completion, serving

FAST = ("--concurrency=4", "--retry-seconds=0.01", "--no-probe", "--ask=letters")


def lines(first, count):
    return [
        f"message {k:04d} about {'red' if k % 3 else 'blue'}" for k in range(first, first + count)
    ]


def answer(request, _number):
    words = request["messages"][-1]["content"]
    sure = "A" if "about red" in words else "B"
    return completion(
        sure, [("A", -0.1 if sure == "A" else -2.4), ("B", -2.4 if sure == "A" else -0.1)]
    )


def file_of(folder, name, texts, **columns):
    rows = [{"text": text, **{k: v[i] for k, v in columns.items()}} for i, text in enumerate(texts)]
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(server):
    """The texts that the server was asked about, one entry a request."""
    words = [json.dumps(entry["body"]) for entry in server.requests]
    every = lines(0, 200)
    return [text for line in words for text in every if text in line]


def test_adding_a_tenth_makes_no_repeated_call_and_changes_no_decision(home, tmp_path):
    first = file_of(tmp_path, "first.jsonl", lines(0, 60))
    more = file_of(tmp_path, "more.jsonl", [*lines(57, 3), *lines(60, 6)])
    typed_document("import", first, "--project", "toy", "--labels", "red,blue")
    store = Store(home)
    project = store.projects.get("toy")
    with serving(answer) as server:
        teacher = ("--teacher=api:m", f"--base-url={server.url}")
        assert typed_document("label", "toy", *teacher, *FAST)["asked"] == 60
        before = asked(server)
        [run] = store.labeling_runs.all(project.id)
        scores = store.labeling_runs.scores(run)
        store.decisions.decide(project.id, [3, 5], "label", "blue")
        decisions = store.decisions.current(project.id)
        edits = store.decisions.edits(project.id)

        dry = typed_document("add", "toy", more, "--dry-run")
        assert (dry["added"], dry["known"], dry["texts"]) == (6, 3, 66)
        assert store.projects.get("toy") == store.projects.by_id(project.id)
        assert store.projects.get("toy").rows == 60
        added = typed_document("add", "toy", more)
        assert (added["added"], added["known"], added["texts"]) == (6, 3, 66)
        assert added["coverage"] == [
            "60 of 66 texts were asked about by the teacher in use. Start it again: it asks about "
            "the others only."
        ]
        calls = len(server.requests)
        result = typed_document("label", "toy", *teacher, *FAST)
        assert (result["asked"], result["left"]) == (6, 0)
        assert len(server.requests) == calls + 6
        after = asked(server)
        assert sorted(after) == sorted([*before, *lines(60, 6)]) and len(set(after)) == 66
        assert typed_document("label", "toy", *teacher, *FAST)["asked"] == 0
        assert asked(server) == after
    [same] = store.labeling_runs.all(project.id)
    assert same.id == run.id
    now = store.labeling_runs.scores(same)
    assert now.row.tolist() == list(range(66))
    assert (now.scores[:60] == scores.scores).all()
    assert store.decisions.current(project.id).equals(decisions)
    assert store.decisions.edits(project.id) == edits
    again = typed("add", "toy", more)
    assert again.stdout.startswith("Nothing was added to 'toy': 9 records read, none new.")
    assert "Left out: 9 in the project already." in again.stdout
    store.close()


def test_what_was_added_is_said_in_words(home, tmp_path):
    first = file_of(tmp_path, "first.jsonl", lines(0, 30))
    typed_document("import", first, "--project", "toy", "--labels", "red,blue")
    more = file_of(
        tmp_path, "more.jsonl", [*lines(28, 2), *lines(30, 5)],
        label=["red", "red", "red", "RED", "blue", "green", None],
    )  # fmt: skip
    dry = typed("add", "toy", more, "--label-column", "label", "--dry-run")
    assert dry.returncode == 0
    assert dry.stdout.startswith("5 of 7 records would be added to 'toy'; nothing was stored.")
    done = typed("add", "toy", more, "--label-column", "label")
    assert done.stdout.startswith(
        "5 of 7 records added to 'toy', which has 35 texts now. Rows, labels and runs of before "
        "stay."
    )
    assert "Left out: 2 in the project already." in done.stdout
    assert "1 gold label is none of the classes and is not used: 'green' (1)." in done.stdout
    assert "Languages, guessed from 5 texts" in done.stdout
    kept = typed_document("add", "toy", more, "--keep-duplicates", "--near-duplicates", "ignore")
    assert (kept["added"], kept["dropped"]) == (7, {})
    rows = typed_document("projects")["projects"]
    assert rows[0]["rows"] == 42


def test_gold_of_a_second_file_and_several_files(home, tmp_path):
    first = file_of(tmp_path, "first.jsonl", lines(0, 30))
    typed_document("import", first, "--project", "toy", "--labels", "red,blue")
    one = file_of(tmp_path, "one.jsonl", lines(30, 4), id=["a", "b", "c", "d"])
    two = file_of(tmp_path, "two.jsonl", lines(40, 4), id=["e", "f", "g", "h"])
    gold = tmp_path / "gold.csv"
    gold.write_text("id,label\n" + "".join(f"{i},red\n" for i in "abcdefgh"))
    document = typed_document("add", "toy", one, two, "--gold", gold)
    assert (document["added"], document["gold"]) == (8, 8)
    assert [file["name"] for file in document["files"]] == ["one.jsonl", "two.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("toy",), "Name the files with the new texts, or --inbox"),
        (("toy", "x.csv", "--inbox"), "Name the files with the new texts, or --inbox"),
        (("toy", "x.csv", "--clear"), "--clear forgets texts of the inbox"),
        (("toy", "--inbox", "--text-column", "x"), "The inbox has no columns"),
        (("toy", "--inbox"), "The inbox of 'toy' is empty"),
        (("none", "x.csv"), "There is no project 'none'"),
        (("toy", "missing.csv"), "missing.csv"),
    ],
)
def test_what_cannot_be_added_is_refused_in_one_sentence(home, tmp_path, arguments, sentence):
    first = file_of(tmp_path, "first.jsonl", lines(0, 3))
    typed_document("import", first, "--project", "toy")
    assert sentence in fails("add", *arguments, code=2)


def test_the_inbox_is_added_and_forgotten_where_that_is_wished(home, tmp_path):
    first = file_of(tmp_path, "first.jsonl", lines(0, 6))
    typed_document("import", first, "--project", "toy", "--labels", "red,blue")
    store = Store(home)
    project = store.projects.get("toy")
    inbox = inbox_of(store.home, project.id)
    for text in (lines(2, 1)[0], "=HYPERLINK(1)", "a lamp\x00 is out", "a lamp is out again"):
        inbox.record(InboxEntry(text, "below threshold", 1, "red", 0.4, "f", "blue", None, ()))
    inbox.close()
    dry = typed_document("add", "toy", "--inbox", "--clear", "--dry-run")
    assert (dry["added"], dry["known"], dry["cleared"]) == (3, 1, 0)
    assert inbox_of(store.home, project.id).counts().texts == 4
    document = typed_document("add", "toy", "--inbox")
    assert (document["added"], document["cleared"], document["gold"]) == (3, 0, 0)
    frame = store.projects.texts(store.projects.get("toy"))
    assert frame["text"].tolist()[6:] == [
        "=HYPERLINK(1)",
        "a lamp\ufffd is out",
        "a lamp is out again",
    ]
    assert frame["id"].tolist()[6:] == ["served-2", "served-3", "served-4"]
    assert frame["gold"].isna().all() and set(frame["split"]) == {"pool"}
    cleared = typed("add", "toy", "--inbox", "--clear")
    assert "Nothing was added" in cleared.stdout and "The inbox forgot 4 texts." in cleared.stdout
    assert inbox_of(store.home, project.id).counts().texts == 0
    store.close()
