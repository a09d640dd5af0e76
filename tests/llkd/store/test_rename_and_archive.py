"""A project gets another name, or is put away: its number and all it holds stay."""

import json

import pytest

import llkd
from llkd import jobs, workflows
from llkd.cli import main
from llkd.errors import NotFound, UserError
from llkd.store import Store
from tests.support.exported_projects import exported, made
from tests.support.seeded_projects import ended_job, label_request, living_job, seeded_project


def command(capsys, *words):
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_renamed_project_keeps_its_number_labels_jobs_and_manifests(home, tmp_path):
    store = Store(home)
    project = made(store)
    store.decisions.decide(project.id, [3], "label", "roads", "Ada")
    exported(store, project, tmp_path / "out")
    job = ended_job(store, project, "cancelled")
    store.jobs.update(
        job.id, request=label_request({"teacher": "embedded"}).model_dump(mode="json")
    )
    renamed = store.projects.rename(project.id, "  town ")
    assert (renamed.id, renamed.name, renamed.digest) == (project.id, "town", project.digest)
    assert jobs.request_of(store, store.jobs.get(job.id)).project == "town", "resumed as the town's"
    with pytest.raises(NotFound, match="Projects here: town"):
        store.projects.get("city")
    assert store.decisions.current(project.id).loc[3, "human_key"] == "roads"
    assert workflows.rebuild(store, tmp_path / "out")["project"] == "town"
    assert store.events.all(project.id)[-1]["detail"] == {"from": "city", "to": "town"}
    assert store.projects.rename(project.id, "town") == renamed, "the same name changes nothing"
    store.close()


def test_a_name_that_is_taken_or_no_name_is_refused(home):
    store, project = seeded_project(home, n=4, labelled=False, probed=False)
    seeded_project(home, n=4, name="other", labelled=False, probed=False)
    for name, sentence in (("other", "There is a project 'other' already"), ("", "1 to 100 print")):
        with pytest.raises(UserError, match=sentence):
            store.projects.rename(project.id, name)
    assert store.projects.by_id(project.id).name == "city"
    store.close()


def test_an_archived_project_leaves_lists_and_keeps_everything(home, capsys):
    store, project = seeded_project(home)
    other = seeded_project(home, n=4, name="other", labelled=False, probed=False)[1]
    labelled = len(store.labeling_runs.done(store.labeling_runs.all(project.id)[0]))
    assert command(capsys, "archive", "city") == (0, {"project": "city", "archived": True})
    document = command(capsys, "projects")[1]
    assert [row["name"] for row in document["projects"]] == ["other"] and document["archived"] == 1
    assert [r["name"] for r in command(capsys, "projects", "--archived")[1]["projects"]] == ["city"]
    assert store.projects.names() == ["other"]
    with pytest.raises(NotFound, match="Projects here: other. "):
        store.projects.get("none such")
    kept = store.projects.get("city")
    assert kept.id == project.id and kept.archived is not None
    assert len(store.labeling_runs.done(store.labeling_runs.all(kept.id)[0])) == labelled
    with pytest.raises(UserError, match="There is a project 'city' already"):
        store.projects.rename(other.id, "city")
    assert command(capsys, "archive", "city", "--restore")[1]["archived"] is False
    assert store.projects.get("city") == project, "as it was"
    store.close()


def test_nothing_is_put_away_under_a_living_job(home):
    store, project = seeded_project(home, n=4, labelled=False, probed=False)
    with living_job(store, project) as job:
        with pytest.raises(UserError, match=f"Job {job.id} .* is working on 'city'. Wait for it"):
            jobs.archive_project(store, project)
    assert store.projects.names() == ["city"]
    store.close()


def test_people_read_what_became_of_it(home, capsys):
    seeded_project(home, n=4, labelled=False, probed=False)[0].close()
    assert main(["rename", "city", "town"]) == 0
    assert "'city' is called 'town' now" in capsys.readouterr().out
    assert main(["archive", "town"]) == 0 and main(["projects"]) == 0
    out = capsys.readouterr().out
    assert "llkd archive --restore 'town'" in out and "No projects in use; 1 archived." in out
    assert main(["archive", "town", "--restore"]) == 0 and main(["projects", "--archived"]) == 0
    assert "No project is archived." in capsys.readouterr().out


def test_from_python(home):
    texts = llkd.read_texts(["a road", "a bin"], labels=["x", "y"], home=home, project="city")
    texts.rename("town")
    texts.archive()
    assert texts.project == "town" and len(llkd.open_project("town", home)) == 2
    assert Store(home).projects.names() == []
    texts.restore()
    assert Store(home).projects.names() == ["town"]
