"""A committee: members' passes, the pool of them, what is in use, and what survives."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from llkd import curation, workflows
from llkd.cli import main
from llkd.config import Label, LabelSet, OrderConfig, TeacherConfig
from llkd.config.selection_rule import ThresholdRule
from llkd.errors import ConfigError, JobCancelled, NotFound, UserError
from llkd.evaluation.audits import answer, audit_status, next_rows, start_audit
from llkd.jobs.progress import SilentProgress
from llkd.jobs.requests import LabelRequest
from llkd.store.files.score_files import ScoreFiles
from llkd.teachers import registry
from llkd.teachers.registry import TEACHERS, display_name, teacher_settings
from llkd.workflows.committee import calibration_of_pool
from llkd.workflows.rebuilding import rebuild
from tests.support.toy_teacher import KIND, WordTeacher

WORDS = ("pothole", "street")


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setitem(TEACHERS, "word", KIND)


def committee(*members, **values):
    return teacher_settings(teacher="committee", members=members, **values)


BOTH = ("word:pothole", "word:street")


def project_of(store, n=40, gold=True, name="city"):
    truth = np.arange(n) % 2
    texts = [
        f"a {'pothole' if t == 0 and k % 6 else 'leak'} in the {'street' if k % 3 == 0 else 'pipe'} {k}"
        for k, t in enumerate(truth)
    ]
    frame = pd.DataFrame({"id": [f"t{k}" for k in range(n)], "text": texts, "split": "pool"})
    frame["gold"] = [["roads", "water"][t] for t in truth] if gold else None
    labels = (Label(name="roads"), Label(name="water"))
    return store.projects.create(
        name, frame, source="x", report={}, label_set=LabelSet(labels=labels)
    )


def label(store, project, config, job=None, **options):
    return workflows.label(
        store, store.projects.by_id(project.id), config, job or SilentProgress(), **options
    )


def in_use(store, project):
    return curation.active_labeling_run(store, store.projects.by_id(project.id))


def test_members_keep_their_passes_and_the_pool_is_in_use(words, store):
    project = project_of(store)
    result = label(store, project, committee(*BOTH))
    runs = {run.config.teacher: run for run in store.labeling_runs.all(project.id)}
    assert set(runs) == {"committee", *BOTH}
    assert result["labelled"] == 40 and result["left"] == 0
    assert result["calibration"] == "none", "two that hardly agree are not refined"
    assert "Labels are not refined: the two teachers agree hardly" in result["notices"][0]
    assert [member["labelled"] for member in result["members"]] == [40, 40]
    assert result["weights"] == [0.5, 0.5]
    run = in_use(store, project)
    assert run.config.teacher == "committee" and run.id == runs["committee"].id
    labels = curation.teacher_labels(store, run)
    parts = [curation.teacher_labels(store, runs[name]).probabilities for name in BOTH]
    mean = np.sqrt(parts[0] * parts[1])
    expected = mean / mean.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(labels.probabilities, expected, atol=2e-6)
    same = parts[0].argmax(1) == parts[1].argmax(1)
    assert labels.disagreement[~same].min() > labels.disagreement[same].max()
    frame = curation.load_plane(store, project, need=False).frame
    np.testing.assert_allclose(frame["disagreement"], labels.disagreement[frame["row"]])
    assert display_name(run.config) == "the committee of the word pothole and the word street"


def test_a_rule_says_whether_the_pool_is_refined_until_somebody_does(words, store):
    project = project_of(store)
    result = label(store, project, committee(*BOTH))
    assert any("agree hardly more than by chance" in notice for notice in result["notices"])
    member = next(r for r in store.labeling_runs.all(project.id) if r.config.teacher == BOTH[0])
    twin = store.labeling_runs.find_or_create(
        project.id,
        label_set=member.label_set,
        config=member.config,
        fingerprint="twin",
        teacher=member.teacher,
        calibration="batch",
    )
    store.labeling_runs.append(twin, store.labeling_runs.scores(member))
    agreeing = committee(str(member.id), str(twin.id))
    label(store, project, agreeing)
    run = in_use(store, project)
    assert run.calibration == "none+refined"
    store.labeling_runs.set_calibration(run.id, "none")
    label(store, project, agreeing)
    assert in_use(store, project).calibration == "none", "somebody has chosen"
    label(store, project, agreeing, calibration="none+refined")
    assert in_use(store, project).calibration == "none+refined"


def test_the_same_again_is_the_same_pass_and_a_changed_member_another(words, store):
    project = project_of(store)
    label(store, project, committee(*BOTH))
    first = in_use(store, project)
    again = label(store, project, committee(*BOTH))
    assert in_use(store, project).id == first.id and again["asked"] == 0
    member = store.labeling_runs.all(project.id)[-1]
    store.labeling_runs.set_calibration(member.id, "none")
    label(store, project, committee(*BOTH))
    changed = in_use(store, project)
    assert changed.id != first.id
    assert store.labeling_runs.get(member.id).calibration == "none", "its choice stays"
    facts = changed.teacher["members"]
    assert [part["calibration"] for part in facts] == ["none", "batch"]


def test_a_part_of_a_pass_joins_by_its_number(words, store):
    project = project_of(store)
    label(store, project, TeacherConfig(teacher="word:pothole"), limit=15)
    number = in_use(store, project).id
    label(store, project, committee(str(number), "word:street"))
    labels = curation.teacher_labels(store, in_use(store, project))
    assert len(labels.row) == 40 and (labels.label >= 0).all()
    assert np.isfinite(labels.disagreement).sum() == 15


def test_progress_names_the_members_and_a_stop_keeps_what_there_is(words, store, monkeypatch):
    project = project_of(store)

    class Watched(SilentProgress):
        parts, stop = [], False

        def begin_part(self, part, parts, name):
            self.parts.append((part, parts, name))

        def check(self):
            if self.stop:
                raise JobCancelled("stopped")

    score = WordTeacher.score

    def stopping(self, texts):
        job.stop = self.word == "street"
        yield from score(self, texts)

    monkeypatch.setattr(WordTeacher, "score", stopping)
    job = Watched()
    with pytest.raises(JobCancelled):
        label(store, project, committee(*BOTH), job)
    assert job.parts == [(0, 2, "The word pothole"), (1, 2, "The word street")]
    assert in_use(store, project).config.teacher == "word:pothole", "it can be used meanwhile"
    monkeypatch.setattr(WordTeacher, "score", score)
    job.stop = False
    label(store, project, committee(*BOTH), job)
    assert in_use(store, project).config.teacher == "committee"
    assert "in use now, in place of those of the word pothole" in job.facts["notices"][-1]


@pytest.mark.parametrize("place", ["append", "use_labelling", "refine_by_default"])
def test_killed_while_it_pools_it_ends_as_if_it_had_not_been(words, store, monkeypatch, place):
    from llkd.workflows import committee as module

    project, job, calls = project_of(store), SilentProgress(), []
    label(store, project, TeacherConfig(teacher="word:pothole"))
    label(store, project, TeacherConfig(teacher="word:street"))
    where = {
        "append": store.labeling_runs,
        "use_labelling": store.projects,
        "refine_by_default": module,
    }[place]
    real = getattr(where, place)

    def killed(*arguments):
        calls.append(place)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(where, place, killed)
    with pytest.raises(KeyboardInterrupt):
        label(store, project, committee(*BOTH), job)
    label(store, project, committee(*BOTH), job)
    run = in_use(store, project)
    assert run.config.teacher == "committee" and len(calls) == 2, "done again, and only once"
    assert len(store.labeling_runs.scores(run).row) == 40
    assert len([r for r in store.labeling_runs.all(project.id) if r.config == run.config]) == 1
    assert job.facts["refinement_chosen"] == run.id


def test_a_pass_that_a_person_chose_meanwhile_stays_in_use(words, store, monkeypatch):
    project = project_of(store)
    label(store, project, TeacherConfig(teacher="word:leak"))
    label(store, project, TeacherConfig(teacher="word:pipe"))
    chosen_run = store.labeling_runs.all(project.id)[-1]
    score = WordTeacher.score

    def choosing(self, texts):
        store.projects.use_labelling(project.id, chosen_run.id)
        yield from score(self, texts)

    monkeypatch.setattr(WordTeacher, "score", choosing)
    result = label(store, project, committee(*BOTH))
    assert in_use(store, project).id == chosen_run.id
    assert "stays in use" in result["notices"][-1]


def test_labels_that_are_being_audited_stay_in_use(words, store, monkeypatch):
    project = project_of(store)
    label(store, project, TeacherConfig(teacher="word:leak"))
    audited_run = in_use(store, project)
    score = WordTeacher.score

    def auditing(self, texts):
        if not store.audits.all(project.id):
            audit = start_audit(store, store.projects.get(project.name))
            row = next_rows(store, audit)[0]
            answer(store, audit, row, store.audits.population(audit).label[0])
        yield from score(self, texts)

    monkeypatch.setattr(WordTeacher, "score", auditing)
    result = label(store, project, committee(*BOTH))
    assert in_use(store, project).id == audited_run.id
    assert "An audit of the labels before is under way" in result["notices"][-1]
    audit = store.audits.latest(project.id)
    assert audit_status(store, audit).broken == ()
    store.audits.set_open(audit, False)
    label(store, project, committee(*BOTH))
    assert in_use(store, project).config.teacher == "committee"


def test_members_need_the_same_classes(words, store):
    project = project_of(store)
    label(store, project, TeacherConfig(teacher="word:pothole"))
    number = in_use(store, project).id
    label_set = LabelSet.of(["roads", "water", "waste"])
    store.projects.set_label_set(project.id, label_set)
    with pytest.raises(UserError, match=f"Labelling run {number} has other classes"):
        label(store, project, committee(str(number), "word:street"))
    other = project_of(store, name="other")
    label(store, other, TeacherConfig(teacher="word:pothole"))
    strange = in_use(store, other).id
    with pytest.raises(UserError, match="is not one of 'city'"):
        label(store, project, committee(str(strange), "word:street"))
    with pytest.raises(NotFound):
        label(store, project, committee("999", "word:street"))


def test_fitted_weights_rest_on_known_classes(words, store):
    project = project_of(store)
    result = label(store, project, committee(*BOTH, weights="fitted"))
    run = in_use(store, project)
    assert run.teacher["fitted_on"] == {"source": "gold", "texts": 40}
    assert result["weights"][0] > 2 * result["weights"][1], "a street says nothing"
    bare = project_of(store, gold=False, name="bare")
    with pytest.raises(UserError, match="Fitted weights need at least 20 texts"):
        label(store, bare, committee(*BOTH, weights="fitted"))


def test_a_selection_of_a_committee_is_rebuilt_after_a_member_has_changed(words, store, tmp_path):
    project = project_of(store)
    label(store, project, committee(*BOTH))
    rule = ThresholdRule(teacher_threshold=0.5)
    project = store.projects.by_id(project.id)
    workflows.export(store, project, tmp_path / "out", rule, formats=["csv"])
    member = next(r for r in store.labeling_runs.all(project.id) if r.config.teacher == BOTH[0])
    store.labeling_runs.set_calibration(member.id, "none")
    label(store, project, committee(*BOTH))
    report = rebuild(store, tmp_path / "out" / "manifest.json")
    assert report["rows"] == 40 and all(report["files"].values())


def test_parts_of_before_have_no_disagreement(words, store):
    project = project_of(store)
    label(store, project, TeacherConfig(teacher="word:pothole"))
    files = store.labeling_runs.files(in_use(store, project))
    (part,) = files.parts()
    pq.write_table(pq.read_table(part).drop_columns(["disagreement"]), part)
    scores = ScoreFiles(files.folder).scores(2)
    assert len(scores.row) == 40 and np.isnan(scores.disagreement).all()
    assert curation.teacher_labels(store, in_use(store, project)).disagreement is None


def test_what_cannot_be_a_committee_is_said(words, store):
    project = project_of(store)
    for members, sentence in (
        (("word:a",), "at least 2"),
        (("word:a", "word:a"), "stands twice"),
        (("word:a", "committee"), "A member of a committee is the number of a labelling run"),
        (("word:a", "gpt"), "but it was 'gpt'"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            committee(*members)
    with pytest.raises(ConfigError, match="random order"):
        label(store, project, committee(*BOTH), order=OrderConfig(order="need"))
    with pytest.raises(ConfigError, match="Ask a member again"):
        label(store, project, committee(*BOTH), ask_again=True)
    with pytest.raises(ConfigError, match="calibrate its members"):
        calibration_of_pool("contextual+refined")
    assert calibration_of_pool("batch+temperature+refined") == "none+temperature+refined"


def test_the_command_line_names_the_members(words, store, home, capsys):
    project = project_of(store)
    request = LabelRequest(project="city", teacher=committee(*BOTH))
    assert request.flags() == ["--teacher=committee", "--members=word:pothole,word:street"]
    assert request.device is None, "words need no device"
    assert LabelRequest(project="city", teacher=teacher_settings(teacher="committee")).device
    command = ["label", "city", *request.flags(), "--no-probe", "--json"]
    assert main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["teacher"] == "committee" and printed["labelled"] == 40
    assert in_use(store, project).config.members == BOTH
    paid = teacher_settings(
        teacher="committee", members="similarity, api:m", base_url="http://127.0.0.1:9"
    )
    assert registry.priced(paid).teacher == "api:m"
