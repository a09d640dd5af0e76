"""The whole life of a project on PostgreSQL, typed as a person types it, and on the pages."""

import json

import pandas as pd
import pytest
import sqlalchemy as sa

from llkd.store import Store, schema
from tests.support.command_line import llkd, typed
from tests.support.pages import opened, press, said, words
from tests.support.postgres_server import PASSWORD
from tests.support.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts


@pytest.fixture
def files(tmp_path):
    """A file of texts with gold, labels from another tool, and a tiny encoder."""
    texts, gold = toy_texts(60)
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    pd.DataFrame({"body": texts, "topic": [CLASSES[k] for k in gold]}).to_csv(
        tmp_path / "texts.csv", index=False
    )
    probs = teacher_for(gold, wrong=0.1)
    labels = {"text": texts, "label": [CLASSES[k] for k in probs.argmax(1)]}
    pd.DataFrame({**labels, "confidence": probs.max(1)}).to_csv(
        tmp_path / "labels.csv", index=False
    )
    make_encoder(tmp_path / "encoder")
    return tmp_path


def test_from_import_to_backup(files, home, postgres):
    commands = []

    def does(*arguments):
        # One real process; the others would only import the same again.
        commands.append((llkd if arguments[0] == "label" else typed)(*arguments, "--json"))
        assert commands[-1].returncode == 0, commands[-1].stderr
        return json.loads(commands[-1].stdout)

    found = does("import", files / "texts.csv", "--project", "toy", "--text-column", "body",
                 "--label-column", "topic", "--holdout", "0.25")  # fmt: skip
    assert (found["kept"], found["held_out"]) == (60, 15)
    teacher = ("--teacher", f"file:{files / 'labels.csv'}", "--no-probe")
    assert does("label", "toy", *teacher)["labelled"] == 60
    store = Store(home)
    project = store.projects.get("toy")
    store.decisions.decide(project.id, [40, 41], "label", CLASSES[0], who="Ann")
    store.decisions.decide(project.id, [42], "exclude")
    assert 0 < does("select", "toy", "--teacher-threshold", "0.7")["kept"] < 45
    options = ("--student", files / "encoder", "--epochs", "1", "--learning-rate", "0.001")
    trained = does("train", "toy", *options, "--strategy", "llkd")
    assert trained["state"] == "finished"
    out = files / "out"
    exported = does("export", "toy", "--out", out, "--teacher-threshold", "0.7")
    curated = pd.read_csv(out / "curated.csv")
    assert exported["rows"] == len(curated) > 0
    rebuilt = does("rebuild", out / "manifest.json", "--out", files / "again")
    assert rebuilt["rows"] == exported["rows"]
    assert (files / "again" / "curated.csv").read_bytes() == (out / "curated.csv").read_bytes()
    assert does("doctor", "--deep")["findings"] == []
    assert does("backup", files / "copy")["faults"] == 0
    assert [job.state for job in store.jobs.all()] == ["finished"] * 3

    # The pages show the same, and a decision made there is stored.
    page = opened("data")
    assert not page.exception and "toy" in words(page) + str([b.label for b in page.button])
    page = opened("curate")
    assert not page.error and not page.exception, said(page.error)
    page.toggle(key="curate_one_by_one").set_value(True).run()
    before = len(store.decisions.current(project.id))
    press(page, ("label", CLASSES[1]))
    assert len(store.decisions.current(project.id)) == before + 1
    page = opened("export")
    assert not page.error and not page.exception, said(page.error)

    # The password went to the server and nowhere else.
    secret = PASSWORD.encode()
    for path in [*home.rglob("*"), *(files / "copy").rglob("*"), *out.rglob("*")]:
        assert not path.is_file() or secret not in path.read_bytes(), path
    with store.engine.connect() as connection:
        for table in schema.metadata.sorted_tables:
            assert PASSWORD not in repr(connection.execute(sa.select(table)).all())
    assert all(PASSWORD not in one.stdout + one.stderr for one in commands)
    store.close()
