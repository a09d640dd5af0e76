"""A part of the labels that is damaged: said, set aside, and only its texts are asked again."""

import json

import numpy as np
import pandas as pd
import pytest

from llkd.cli import main
from llkd.errors import StoreError
from llkd.store import Scores, Store
from tests.support.pages import opened, said, words
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def damaged(home):
    """A pass in two parts, rows 0 to 29 and 30 to 39, of which the first is cut off."""
    store, project = seeded_project(home, 40, labelled=0.75, probed=False)
    labeling_run = store.labeling_runs.all(project.id)[0]
    (part,) = store.home.labeling_run(project.id, labeling_run.id).glob("part-*.parquet")
    more = Scores(
        np.arange(30, 40), np.zeros((10, 3), np.float32), np.full(10, -1),
        np.array(["logprob"] * 10, object), np.array([None] * 10, object),
    )  # fmt: skip
    store.labeling_runs.append(labeling_run, more)
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    yield store, project, labeling_run, part
    store.close()


def test_on_the_command_line(damaged, capsys, caplog):
    store, project, labeling_run, part = damaged
    assert main(["select", "city"]) == 0
    assert "A part of the labels is damaged and was set aside" in caplog.text
    assert "labelling again asks about them only" in caplog.text
    assert store.labeling_runs.done(labeling_run).tolist() == list(range(30, 40))
    assert part.with_name(part.name + ".damaged").exists()
    capsys.readouterr()
    assert main(["doctor", "--mend", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["check"] for one in document["mended"]] == ["labels"]


def test_on_a_page(damaged):
    store, *_ = damaged
    app = opened("teacher")
    assert "A part of these labels was damaged and set aside" in said(app.warning)
    assert "10 of 40 texts" in words(app)
    assert not app.exception and not app.error


def test_labelling_again_asks_about_its_texts_only(home, tmp_path, capsys):
    store, project = seeded_project(home, 40, labelled=False, probed=False)
    texts = store.projects.texts(project.id)["text"]
    labels = tmp_path / "labels.csv"
    pd.DataFrame({"text": texts, "label": ["roads"] * 40}).to_csv(labels, index=False)
    typed = ["label", "city", f"--teacher=file:{labels}", "--no-probe", "--json"]
    assert main([*typed, "--limit", "30"]) == 0
    labeling_run = store.labeling_runs.all(project.id)[0]
    (part,) = store.home.labeling_run(project.id, labeling_run.id).glob("part-*.parquet")
    done = store.labeling_runs.done(labeling_run)
    rest = np.setdiff1d(np.arange(40), done)
    store.labeling_runs.append(
        labeling_run,
        Scores(
            rest, np.full((10, 3), np.nan, np.float32), np.zeros(10, int),
            np.array(["none"] * 10, object), np.array(["roads"] * 10, object),
        ),
    )  # fmt: skip
    part.write_bytes(b"")
    capsys.readouterr()
    assert main(typed) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["labelled"], document["asked"]) == (40, 30)
    store.close()


def test_a_part_that_cannot_be_opened_now_is_not_called_damaged(damaged, monkeypatch):
    from llkd.store.files import score_files

    store, _, labeling_run, part = damaged

    def busy(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(score_files.pq, "read_table", busy)
    with pytest.raises(StoreError, match="cannot be read: Too many open files"):
        store.labeling_runs.scores(labeling_run)
    assert part.exists()


def test_texts_that_are_damaged_are_said_on_a_page_and_by_a_command(home, capsys):
    store, project = seeded_project(home, 20)
    (store.home.project(project.id) / "texts.parquet").write_bytes(b"")
    assert main(["select", "city"]) == 1
    line = capsys.readouterr().err
    assert "cannot be read" in line and "Put it back from a backup" in line
    app = opened("curate")
    assert "Put it back from a backup" in said(app.error)
    assert not app.exception
    store.close()


def test_a_damaged_database_is_said_on_a_page(home):
    seeded_project(home, 20)[0].close()
    for path in home.glob("llkd.db*"):
        path.unlink()
    (home / "llkd.db").write_bytes(b"no database" * 1000)
    app = opened("curate")
    assert "it is damaged, or no SQLite file. See what can be saved with: llkd doctor" in said(
        app.error
    )
    assert not app.exception
    with pytest.raises(StoreError):
        Store(home)
