"""Pushing a finished export from the Export page: the files first, then one button."""

import os

import pytest

from llkd import jobs
from llkd.store import Store
from llkd.store.keys.key_file import KeyFile
from tests.support.exported_projects import exported, made
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import ended_job

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"
HUB = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", os.devnull)
    monkeypatch.setenv("HF_ENDPOINT", f"http://{HUB}")


def page(formats=("csv", "hf-zip")):
    store = Store()
    project = made(store)
    folder = store.home.exports / "1-x"
    exported(store, project, folder, formats=formats, teacher_threshold=0.5)
    job = ended_job(store, project, "finished", "export")
    files = [str(p) for p in folder.rglob("*") if p.is_file()]
    result = {"files": files, "rows": 3, "folder": str(folder)}
    store.jobs.update(job.id, result=result)
    store.close()
    return opened("export"), job.id, folder


def files_of(app):
    return next(f.value for f in app.dataframe if "File" in f.value.columns)


def test_the_files_are_read_before_anything_is_sent(started, monkeypatch):
    keys = []
    start = jobs.start

    def starting(store, request, **more):
        keys.append(more.pop("keys"))
        return start(store, request, **more)

    monkeypatch.setattr(jobs, "start", starting)
    app, number, folder = page()
    assert f"No token for {HUB} is set" in words(app)
    app.text_input(key=f"push_dataset_{number}").set_value("ann/city <b>").run()
    assert "names no repository of a hub" in words(app)
    app.text_input(key=f"push_dataset_{number}").set_value(" ann/city ").run()
    assert not app.exception
    listed = files_of(app)
    assert list(listed["File"]) == [
        "README.md",
        "curated.json",
        "data/train-00000-of-00001.parquet",
    ]
    assert set(listed["Repository"]) == {"ann/city"}
    assert "3 files" in words(app) and "for the owner alone" in words(app)
    assert button(app, "Push 3 files").disabled
    app.text_input(key=f"push_key_typed_{number}").set_value(f" {TOKEN} ")
    button(app, "Use this key").click().run()
    assert f"The token that was typed goes to {HUB}" in words(app)
    assert TOKEN not in words(app) and not KeyFile().path.exists()
    button(app, "Push 3 files").click().run()
    assert not app.exception and keys == [{HUB: TOKEN}]
    (request,) = started
    assert (request.kind, request.dataset, request.model) == ("push", "ann/city", None)
    assert not request.public and request.folder == str(folder)
    assert TOKEN not in request.model_dump_json()


def test_an_export_without_such_a_part_says_what_to_export():
    app, number, _ = page(formats=("csv",))
    assert "has neither a data set folder nor a student" in words(app)
    assert not any(one.key == f"push_dataset_{number}" for one in app.text_input)


def test_files_for_annotation_tools_say_what_they_are():
    app, *_ = page(formats=("label-studio", "argilla"))
    shown = words(app)
    for line in (
        "tasks with the teacher's labels for Label Studio",
        "the labelling interface for Label Studio",
        "records with the teacher's labels for Argilla",
    ):
        assert line in shown
