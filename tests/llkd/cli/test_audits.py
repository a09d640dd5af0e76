"""``llkd audit`` and ``llkd certify``: begun, labelled here or in a file, certified, taken away."""

import csv
import json
import os
import signal
import subprocess
import sys

import pytest

from llkd.cli import main
from llkd.cli.labeling_terminal import answer_audit
from llkd.evaluation import audits
from llkd.store import Store
from tests.support.audited_projects import CLASSES, audit_rows, audited_project


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


def run(capsys, *words):
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out, out.err


def answered(path, truth, store, change=lambda line: line):
    """The drawn file with its labels filled in."""
    project = store.projects.get("desk")
    ids = store.projects.texts(project.id)["id"].tolist()
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        line["label"] = CLASSES[truth[ids.index(line["id"])]]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(filter(None, map(change, lines)))
    return lines


def test_from_a_start_to_a_certified_selection(store, capsys, tmp_path):
    _, truth = audited_project(store, 300, right=1.2)
    code, _, err = run(capsys, "audit", "desk")
    assert code == 2 and "Begin one with: llkd audit desk --start" in err
    code, out, _ = run(capsys, "audit", "desk", "--start", "--confidence", "0.5", "--seed", "7")
    assert code == 0 and "nobody has labelled any" in out and "--draw 100 --out drawn.csv" in out
    file = tmp_path / "drawn.csv"
    code, out, _ = run(capsys, "audit", "desk", "--draw", "120", "--out", str(file))
    assert "120 texts written" in out
    lines = answered(file, truth, store)
    assert set(lines[0]) == {"id", "text", "label"}  # blind
    code, out, _ = run(capsys, "audit", "desk", "--import", str(file), "--who", "Ada")
    assert code == 0 and "120 answers stored, 0 were there already" in out
    assert "About" not in out and out.splitlines()[1].startswith("At least 95 % of these ")
    code, out, _ = run(capsys, "audit", "desk", "--import", str(file), "--who", "Ada")
    assert "0 answers stored, 120 were there already" in out
    code, out, _ = run(capsys, "certify", "desk")
    first = out.splitlines()[0]
    assert code == 0 and first.endswith("are right (95 % confidence), after 120 audited texts.")
    assert "llkd train desk --certified 1" in out
    code, out, _ = run(capsys, "certify", "desk", "--json")
    document = json.loads(out)
    assert document["certified"]["people"] == ["Ada"] and document["outcome"] == first
    code, out, _ = run(capsys, "select", "desk", "--certified", "1", "--json")
    assert json.loads(out)["kept"] == document["certified"]["size"]
    out_folder = str(tmp_path / "out")
    code, _, _ = run(capsys, "export", "desk", "--certified", "1", "--out", out_folder)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert code == 0 and manifest["certificate"]["sentence"] == first


def test_what_is_not_certified_is_said_and_no_failure(store, capsys):
    project, truth = audited_project(store, 300, right=0.7)
    audit_rows(store, audits.start_audit(store, project, seed=1), truth, 150)
    code, out, _ = run(capsys, "certify", "desk")
    assert code == 0 and out.startswith("95 % is not reachable with at least a fifth of ")
    code, _, err = run(capsys, "train", "desk", "--certified", "1")
    assert code == 2 and "Nothing by audit 1 is certified yet" in err
    code, _, err = run(capsys, "certify", "desk", "--target", "0.99")
    assert code == 2 and "not asked for before its first answer" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: {**line, "id": "t999"}, "not among the texts that audit 1 draws"),
        (lambda line: {**line, "label": "maths"}, "'maths' (record 1 of drawn.csv) is no class"),
        (lambda line: {"id": line["id"], "text": "x"}, "needs the columns id and label"),
    ],
)
def test_a_file_that_cannot_be_used_stores_nothing(store, capsys, tmp_path, change, words):
    project, truth = audited_project(store, 40)
    audit = audits.start_audit(store, project)
    file = tmp_path / "drawn.csv"
    run(capsys, "audit", "desk", "--draw", "5", "--out", str(file))
    if "columns" in words:
        file.write_text("id,text\nt1,x\n", encoding="utf-8")
    else:
        answered(file, truth, store, change)
    code, _, err = run(capsys, "audit", "desk", "--import", str(file))
    assert code == 2 and words in err
    assert store.audits.answers(audit) == []


def test_only_the_beginning_of_the_drawing_counts(store, capsys, tmp_path):
    project, truth = audited_project(store, 60)
    audit = audits.start_audit(store, project)
    file = tmp_path / "drawn.csv"
    run(capsys, "audit", "desk", "--draw", "10", "--out", str(file))
    rows = store.audits.order(audit)[:10].tolist()
    gap = f"t{rows[3]}"
    answered(file, truth, store, lambda line: None if line["id"] == gap else line)
    code, out, _ = run(capsys, "audit", "desk", "--import", str(file))
    assert "6 answers do not count yet" in out and "3 answered that count" in out


def test_two_people_and_who_settles(store, capsys):
    project, truth = audited_project(store, 60)
    audit = audits.start_audit(store, project, people=2)
    audit_rows(store, audit, truth, 3, "Ada")
    rows = audits.next_rows(store, audit, "Bob", 3)
    audits.answer_all(store, audit, [(row, None) for row in rows], "Bob")
    code, out, _ = run(capsys, "audit", "desk")
    assert out.count("To settle: ") == 3 and "Bob: none of them" in out
    word = f"t{rows[0]}={CLASSES[truth[rows[0]]]}"
    code, out, _ = run(capsys, "audit", "desk", "--adjudicate", word, "--who", "Eve")
    assert code == 0 and out.startswith("Settled: ") and out.count("To settle: ") == 2


def test_in_the_terminal_and_its_undo(store, capsys):
    project, _ = audited_project(store, 20)
    audit = audits.start_audit(store, project)
    words = iter(["2", "9", "0", "u", "3", "q"])
    assert answer_audit(store, project, audit, "Ada", lambda _: next(words)) == 2
    keys = [answer.key for answer in store.audits.answers(audit)]
    assert keys == ["politics", "science"]
    shown = capsys.readouterr().err
    assert "Type a number from 0 to 3" in shown and "Undone" in shown
    # Blind: nothing of the teacher is shown.
    assert "0." not in shown and "confidence" not in shown


def test_killed_between_two_answers_nothing_is_lost(store, home):
    project, _ = audited_project(store, 20)
    audit = audits.start_audit(store, project)
    process = subprocess.Popen(
        [sys.executable, "-m", "llkd", "audit", "desk", "--label"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LLKD_HOME": str(home)},
    )  # fmt: skip
    stored = 0
    process.stdin.write("1\n2\n3\n")
    process.stdin.flush()
    for line in process.stderr:
        stored += line.startswith("Stored: ")
        if stored == 3:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stderr.close()
    assert [answer.key for answer in store.audits.answers(audit)] == CLASSES
    assert len(store.decisions.current(project.id)) == 3
