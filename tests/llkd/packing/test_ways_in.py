"""Packing from the command line, as a job and from Python."""

import json

import pytest

import llkd
from llkd import jobs
from llkd.cli import main
from llkd.errors import DataError, UserError
from llkd.jobs.requests import UnpackRequest
from llkd.store import Store
from tests.support.seeded_projects import seeded_project


def test_typed_from_home_to_home(home, tmp_path, capsys):
    seeded_project(home)[0].close()
    there, file = tmp_path / "there", str(tmp_path / "city.llkd")
    assert main(["pack", "city", "--out", file, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["texts"], document["file"]) == (60, file)
    assert main(["unpack", file, "--home", str(there)]) == 0
    assert "'city' is there: 60 texts." in capsys.readouterr().out
    assert main(["unpack", file, "--home", str(there)]) == 2
    assert "Give another with --project NAME." in capsys.readouterr().err
    assert main(["unpack", file, "--home", str(there), "--project", "b"]) == 0
    assert document["sha256"] in capsys.readouterr().out, "who hands it over can compare"
    assert main(["duplicate", "b", "c", "--home", str(there)]) == 0
    assert "'c' holds all that 'b' holds" in capsys.readouterr().out
    assert main(["pack", "c", "--out", file, "--home", str(there)]) == 2
    assert "is there already" in capsys.readouterr().err
    small = str(tmp_path / "small.llkd")
    assert main(["pack", "c", "--out", small, "--no-embeddings", "--home", str(there)]) == 0
    assert "Left out: embeddings." in capsys.readouterr().out
    store = Store(there)
    assert store.projects.names() == ["c", "b", "city"]
    assert all(job.state in ("finished", "failed") for job in jobs.all_jobs(store))
    store.close()


def test_in_the_background_it_is_a_job(home, tmp_path):
    store, project = seeded_project(home, n=6)
    from llkd.jobs.requests import PackRequest

    request = PackRequest(project="city", out=str(tmp_path / "city.llkd"))
    jobs.run_request(store, request)
    (job,) = store.jobs.all(project.id)
    assert (job.state, job.done, job.total) == ("finished", job.total, len_of(job))
    jobs.run_request(store, UnpackRequest(file=request.out, name="b"))
    assert store.projects.get("b").rows == 6
    with pytest.raises(DataError, match="cannot be unpacked"):
        (tmp_path / "x.llkd").write_bytes(b"PK")
        jobs.run_request(store, UnpackRequest(file=str(tmp_path / "x.llkd")))
    store.close()


def len_of(job):
    return job.result["files"]


def test_from_python(home, tmp_path):
    texts = llkd.read_texts(["a road", "a bin", "a tap"], labels=["x", "y"])
    file = texts.pack(tmp_path / "texts.llkd")
    moved = llkd.unpack(file, home=home, project="messages")
    assert moved.project == "messages" and moved.to_frame().equals(texts.to_frame())
    copy = moved.duplicate("messages 2")
    assert copy.project_id != moved.project_id and copy.to_frame().equals(texts.to_frame())
    with pytest.raises(UserError, match="is there already"):
        texts.pack(file)
    with pytest.raises(UserError, match="There is a project 'messages' already"):
        llkd.unpack(file, home=home, project="messages")
