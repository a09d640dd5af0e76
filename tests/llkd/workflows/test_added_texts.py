"""After texts were added: everything that was made before knows its own texts, and goes on."""

import hashlib
import json

import numpy as np
import pytest

from llkd import curation, workflows
from llkd.config import OrderConfig, TeacherConfig
from llkd.config.selection_rule import RowsRule, ThresholdRule
from llkd.curation.agreement import neighbour_agreement
from llkd.embedding.pool import embed_texts, refinable
from llkd.errors import UserError
from llkd.evaluation import audits, evaluation_set
from llkd.evaluation.predictions import evaluation_rows
from llkd.exporting import provenance
from llkd.jobs.progress import SilentProgress
from llkd.store.derived.embeddings import (
    embeddings_sum,
    made_by,
    read_embeddings,
    save_embeddings,
)
from tests.support import toy_projects
from tests.support.added_texts import added, same_beginning, whole
from tests.support.exported_projects import LABELLED, N, answers, exported, made
from tests.support.seeded_projects import seeded_project
from tests.support.toy_embeddings import embedded
from tests.support.toy_projects import TableTeacher, label, labelled_project, train


def more(count, seed=0):
    words = np.random.default_rng(seed).permutation(3 * count)
    return [f"something new {k} about number {words[k]}" for k in range(count)]


def grown(store, project, count=12, gold=True):
    """The project with new texts, every other of its first class."""
    names = project.label_set.names
    labels = [names[k % 2] for k in range(count)] if gold else None
    return added(store, project, more(count), labels)


def unchanged(store, project, before):
    """The derived labels of the first texts, and the plane, are what they were."""
    plane = curation.load_plane(store, project)
    old = before.frame
    now = plane.frame.iloc[: len(old)].reset_index(drop=True)
    for column in old.columns:
        np.testing.assert_array_equal(now[column].to_numpy(), old[column].to_numpy(), column)
    new = plane.frame.iloc[len(old) :]
    assert (new["teacher_label"] == -1).all() and (new["label"] == -1).all()
    assert new[["confidence", "information_need"]].isna().all(axis=None)
    assert np.isnan(plane.probabilities[len(old) :]).all()
    return plane


def test_the_plane_has_the_new_texts_as_unknown_and_the_others_as_they_were(home):
    store, project = seeded_project(home)
    before = curation.load_plane(store, project)
    larger = grown(store, project)
    plane = unchanged(store, larger, before)
    pool = int((whole(store, larger)["split"] == "pool").sum())
    assert len(plane.frame) == pool > len(before.frame)
    # Whoever began with fewer texts sees them to the end of its work.
    assert len(curation.load_plane(store, project).frame) == len(before.frame)
    rule = ThresholdRule(teacher_threshold=0.2)
    texts = curation.apply_rule(store, larger, rule)
    kept_before = curation.rows_kept_by(before, rule)
    assert texts.rows.tolist() == before.frame["row"][kept_before].tolist()
    summary = workflows.select(store, larger, rule)
    assert summary["rows"] == pool
    # New texts are unlike any, and agree with none, until they are embedded.
    agrees = neighbour_agreement(store, larger, plane)
    np.testing.assert_array_equal(
        agrees[: len(before.frame)], neighbour_agreement(store, project, before)
    )
    assert not agrees[len(before.frame) :].any()
    among = plane.frame["row"].to_numpy()
    old_row, new_row = int(among[0]), project.rows
    nearest = curation.nearest_rows(store, larger, old_row, among, 500)
    assert nearest.max() < project.rows and nearest[0] == old_row
    assert curation.nearest_rows(store, larger, new_row, among) is None
    store.close()


def test_labels_of_a_later_stage_do_not_reach_into_an_earlier_one(home):
    store, project = seeded_project(home)
    larger = grown(store, project)
    run = store.labeling_runs.all(project.id)[0]
    from llkd.store import Scores

    rows = np.arange(project.rows, larger.rows)
    scores = np.log(np.full((len(rows), 3), 1 / 3, np.float32))
    none = np.full(len(rows), None, object)
    store.labeling_runs.append(
        run, Scores(rows, scores, np.full(len(rows), -1), np.full(len(rows), "logprob"), none)
    )
    early, late = (curation.load_plane(store, p) for p in (project, larger))
    assert early.frame["row"].max() < project.rows < late.frame["row"].max()
    assert curation.coverage(store, larger).labelled == larger.rows
    store.close()


def test_the_order_keeps_the_texts_of_before_in_theirs_and_is_random_at_any_time():
    old, new = curation.random_order(1000), curation.random_order((1000, 1200, 1300))
    assert sorted(new.tolist()) == list(range(1300))
    assert new[new < 1000].tolist() == old.tolist()
    middle = curation.random_order((1000, 1200))
    assert new[new < 1200].tolist() == middle.tolist()
    # A beginning holds as many new texts as there are of them: 300 of 1,300.
    assert abs((new[:400] >= 1000).mean() - 300 / 1300) < 0.08
    assert curation.random_order((1000,)).tolist() == old.tolist()
    pool = np.arange(1300) % 5 > 0
    assert (curation.random_order((1000, 1200, 1300), pool) % 5 > 0).all()


def test_a_finished_pass_goes_on_with_the_new_texts_alone(store):
    project = labelled_project(store)
    before = store.labeling_runs.scores(store.labeling_runs.all(project.id)[0])
    larger = added(store, project, more(20))
    table = {text: np.zeros(2) for text in whole(store, larger)["text"]}
    teacher = TableTeacher(table | {text: np.log([0.9, 0.1]) for text in more(20)})
    teacher.describe = lambda: {"model": "table", "rows": project.rows}
    limited = label(store, larger, teacher, limit=project.rows + 5)
    assert limited["asked"] == 5 and set(teacher.asked) <= set(more(20))
    result = label(store, larger, teacher)
    assert result["asked"] == 15 and sorted(teacher.asked) == sorted(more(20))
    [run] = store.labeling_runs.all(project.id)
    now = store.labeling_runs.scores(run)
    assert now.row.tolist() == list(range(larger.rows))
    np.testing.assert_array_equal(now.scores[: project.rows], before.scores)
    assert label(store, larger, teacher)["asked"] == 0


def test_examples_by_nearness_stay_those_of_the_pass(home):
    """What a teacher's few-shot examples are known by does not change with the texts."""
    store, project = seeded_project(home)
    config = TeacherConfig(
        teacher="local:x", examples="nearest", example_count=2, example_source="gold"
    )
    save_embeddings(curation.embeddings_path(store, project, "embedded"), np.eye(60, 8))
    identity = curation.few_shot(store, project, config).identity
    larger = grown(store, project)
    save_embeddings(curation.embeddings_path(store, larger, "embedded"), np.eye(72, 8))
    again = curation.few_shot(store, larger, config, snapshot=identity["rows"])
    assert again.identity == identity and identity["texts"] == project.digest
    store.close()


class Counting:
    """A student that embeds a text as numbers of its letters, and counts the texts."""

    def __init__(self):
        self.texts = []

    def embed(self, texts):
        self.texts += texts
        sums = [hashlib.sha256(text.encode()).digest()[:8] for text in texts]
        return np.array([list(each) for each in sums], dtype=np.float32)


@pytest.fixture
def student(monkeypatch):
    counting = Counting()
    monkeypatch.setattr("llkd.students.load_student", lambda *a, **k: counting)
    monkeypatch.setattr("llkd.embedding.pool.student_digest", lambda *a: "d" * 64)
    monkeypatch.setattr("llkd.embedding.nearest_texts.student_digest", lambda *a: "d" * 64)
    return counting


def test_only_new_texts_are_embedded_and_the_search_of_before_is_found(home, student):
    store, project = seeded_project(home, probed=False)
    job = SilentProgress()
    values = embed_texts(store, project, "embedded", job)
    run = store.labeling_runs.all(project.id)[0]
    refinable(store, project, run, "batch+refined", job)
    before = curation.teacher_labels(store, run, "batch+refined")
    assert before.refinement is not None and len(student.texts) == 60
    larger = grown(store, project)
    assert not curation.has_all_embeddings(store, larger)
    assert curation.coverage(store, larger).embedded == 60
    assert curation.teacher_labels(store, run, "batch+refined").refinement == before.refinement
    old_file = curation.newest_embeddings(store, larger)
    sum_before = embeddings_sum(old_file)
    longer = embed_texts(store, larger, "embedded", job)
    assert len(student.texts) == 72 and student.texts[60:] == more(12)
    np.testing.assert_array_equal(longer[:60], values)
    file = curation.newest_embeddings(store, larger)
    assert not old_file.exists() and made_by(file, "embedded", "d" * 64)
    assert embeddings_sum(file, texts=60) == sum_before and len(read_embeddings(file)) == 72
    assert curation.has_all_embeddings(store, larger)
    assert curation.student_in_use(store, larger) == "embedded"
    after = curation.teacher_labels(store, run, "batch+refined")
    assert after.refinement == before.refinement
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    # Whoever began with fewer texts reads the beginning of the longer file.
    assert len(curation.load_embeddings(store, project)) == 60
    assert len(store.nearest_texts.all(project.id)) == 1
    store.close()


def test_labels_of_new_texts_are_refined_once_these_are_embedded(home, student):
    store, project = seeded_project(home, probed=False)
    job = SilentProgress()
    embed_texts(store, project, "folder", job)  # another student than the usual one is in use
    larger = grown(store, project)
    [run] = store.labeling_runs.all(project.id)
    from llkd.store import Scores

    rows = np.arange(60, 72)
    scores = np.log(np.full((12, 3), 1 / 3, np.float32))
    none = np.full(12, None, object)
    store.labeling_runs.append(
        run, Scores(rows, scores, np.full(12, -1), np.full(12, "logprob", object), none)
    )
    assert curation.teacher_labels(store, run, "batch+refined").refinement is None
    refinable(store, larger, run, "batch+refined", job)
    assert curation.student_in_use(store, larger) == "folder" and len(student.texts) == 72
    assert curation.teacher_labels(store, run, "batch+refined").refinement is not None
    store.close()


@pytest.mark.parametrize("options", [{}, {"teacher_threshold": 0.5, "student_threshold": 0.2}])
@pytest.mark.parametrize("labelled", [False, True])
def test_old_manifests_rebuild_hash_for_hash(store, tmp_path, options, labelled):
    project = made(store)
    manifest = exported(store, project, tmp_path / "out", validation=0.2, **options)
    first = added(store, project, more(9), [project.label_set.names[k % 2] for k in range(9)])
    if labelled:
        [run] = store.labeling_runs.all(project.id)
        rng = np.random.default_rng(5)
        from llkd.store import Scores

        rows = np.arange(N, first.rows)
        scores = rng.normal(0, 1, (len(rows), 2)).astype(np.float32)
        none = np.full(len(rows), None, object)
        store.labeling_runs.append(
            run, Scores(rows, scores, np.full(len(rows), -1), np.full(len(rows), "logprob"), none)
        )
        store.decisions.decide(
            project.id, [int(first.rows) - 1], "label", key=project.label_set.keys[0], who="ann"
        )
        save_embeddings(
            store.embeddings.path(project.id, "longer"), rng.normal(0, 1, (first.rows, 4))
        )
    second = added(store, store.projects.by_id(project.id), more(5, seed=8))
    result = workflows.rebuild(store, tmp_path / "out" / "manifest.json", tmp_path / "again")
    assert result["rows_sha256"] == manifest["rows_sha256"] and all(result["files"].values())
    assert (tmp_path / "again" / "curated-train.csv").read_bytes() == (
        tmp_path / "out" / "curated-train.csv"
    ).read_bytes()
    added_texts = second.rows - N
    assert f"{added_texts} texts were added later and left aside." in result["notes"]
    # And an export of today rebuilds beside it.
    now = exported(store, second, tmp_path / "now")
    assert now["project"]["rows"] == second.rows
    again = workflows.rebuild(store, tmp_path / "now" / "manifest.json")
    assert again["rows_sha256"] == now["rows_sha256"] and "added later" not in str(again["notes"])


def test_what_a_manifest_hashes_is_of_the_texts_of_its_time(store):
    project = made(store)
    sums = provenance.gold_sha256(store, project)
    larger = added(store, project, more(4), [project.label_set.names[0]] * 4)
    assert provenance.gold_sha256(store, project) == sums
    assert provenance.gold_sha256(store, larger) != sums
    assert len(answers(np.arange(LABELLED)).row) == LABELLED


def test_an_audit_stays_about_the_texts_it_began_with_and_says_so(home):
    store, project = seeded_project(home, n=90)
    audit = audits.start_audit(store, project, ThresholdRule(), seed=3)
    population = store.audits.population(audit)
    for row in population.row[:3].tolist():
        audits.answer(store, audit, int(row), project.label_set.keys[0], who="ann")
    before = audits.audit_status(store, audit)
    larger = grown(store, project, 12)
    after = audits.audit_status(store, store.audits.get(project.id, audit.id))
    assert after.certificate == before.certificate and after.answered == before.answered
    assert after.sentence == (
        f"{before.sentence} 12 texts were added since; this says nothing of them."
    )
    again = store.audits.population(store.audits.get(project.id, audit.id))
    assert again.sha256 == population.sha256
    assert curation.known_to_audit(larger, audit).rows == 90
    later = audits.start_audit(store, larger, ThresholdRule(), seed=3)
    assert later.settings.project_texts == larger.rows
    assert "added since" not in audits.audit_status(store, later).sentence
    lines = curation.coverage(store, larger).sentences()
    assert any(line.startswith(f"Audit {audit.id} speaks of the 90 texts") for line in lines)
    store.close()


def test_people_who_label_in_random_order_go_on_with_new_texts(home):
    store, project = seeded_project(home, n=200, gold=False, holdout=0)
    order = curation.random_order(project.stages)
    keys = project.label_set.keys
    for k, row in enumerate(order[:60].tolist()):
        store.decisions.decide(project.id, [row], "label", key=keys[k % 3], who="ann")
    plane = curation.load_plane(store, project)
    texts = whole(store, project)[["gold", "split"]]
    assert evaluation_set.best_evaluation_set(plane, texts).sampling == "at random"
    larger = added(store, project, more(50))
    plane = curation.load_plane(store, larger)
    texts = whole(store, larger)[["gold", "split"]]
    # The labels are still there, and no longer a sample of all texts ...
    best = evaluation_set.best_evaluation_set(plane, texts)
    assert (best.sampling, best.usable_labels) == ("by people", 60)
    order = curation.random_order(larger.stages)
    reach = int(np.flatnonzero(np.isin(order, curation.random_order(200)[:60]))[-1])
    waiting = [row for row in order[:reach].tolist() if row >= 200]
    assert 0 < len(waiting) < 40
    for row in waiting:  # ... until the new ones among them are labelled as well
        store.decisions.decide(project.id, [row], "label", key=keys[0], who="ann")
    plane = curation.load_plane(store, larger)
    best = evaluation_set.best_evaluation_set(plane, texts)
    assert best.sampling == "at random" and len(best.rows) >= 60 + len(waiting) - 1
    store.close()


def runs_rows(store, result):
    return store.runs.get(int(result["run"])).labels["rows"]


def test_a_run_knows_its_own_texts_and_resumes_on_them(store, encoder):
    project = labelled_project(store)
    settings = toy_projects.config(encoder, "all", epochs=1)
    result = train(store, project, settings)
    [run] = store.runs.all(project.id)
    rows, _ = evaluation_rows(store, project, run)
    larger = added(store, project, more(40), [project.label_set.names[k % 2] for k in range(40)])
    assert curation.known_to_run(larger, run).rows == project.rows
    assert evaluation_rows(store, larger, run)[0].tolist() == rows.tolist()
    need = curation.find_need(store, larger, curation.teacher_labels(
        store, store.labeling_runs.get(run.labelling_id)), run)  # fmt: skip
    assert need.rows.max() < project.rows
    plane = curation.load_plane(store, larger, run=run)
    new = plane.frame["row"].to_numpy() >= project.rows
    assert new.any() and plane.frame["information_need"][new].isna().all()
    later = train(store, larger, settings)
    assert runs_rows(store, later) == runs_rows(
        store, result
    )  # labels of the new texts are not there yet
    newest = store.runs.get(int(later["run"]))
    assert curation.known_to_run(larger, newest).rows == larger.rows
    held_out = int((whole(store, larger)["split"] == "eval").sum())
    assert len(evaluation_rows(store, larger, newest)[0]) == held_out > len(rows)
    lines = curation.coverage(store, larger).sentences()
    assert f"Run {run.id} knows {project.rows} of them." in lines


def test_runs_of_before_that_kept_no_texts_are_judged_by_the_import_alone(store, encoder):
    project = labelled_project(store)
    train(store, project, toy_projects.config(encoder, "all", epochs=1))
    [run] = store.runs.all(project.id)
    rows, _ = evaluation_rows(store, project, run)
    run.files.evaluation_labels.unlink()
    larger = added(store, project, more(40), [project.label_set.names[0]] * 40)
    assert evaluation_rows(store, larger, run)[0].tolist() == rows.tolist()


def test_saved_selections_of_rows_hold_the_same_texts(home):
    store, project = seeded_project(home)
    rows = curation.load_plane(store, project).frame["row"].tolist()[:7]
    store.selections.save(project.id, "seven", RowsRule(rows=rows), {})
    larger = grown(store, project)
    from llkd.config.selection_rule import SavedRule

    assert curation.apply_rule(store, larger, SavedRule(name="seven")).rows.tolist() == rows
    store.close()


def test_rounds_of_before_keep_their_random_sample_and_new_ones_reach_the_new_texts(store):
    from llkd.labeling.active_learning import label_in_rounds, planned

    project = labelled_project(store, n=120, held_out=0, with_gold=False)
    [first] = store.labeling_runs.all(project.id)
    texts = whole(store, project)["text"]
    run = store.labeling_runs.find_or_create(
        project.id, label_set=first.label_set, config=first.config, fingerprint="rounds",
        teacher={"kind": "t"}, calibration="batch",
    )  # fmt: skip
    points = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    points[:, 0] += 4 * (np.arange(200) % 2)
    labelled = []

    def ask(current):
        def label_rows(rows):
            from llkd.store import Scores

            labelled.extend(rows.tolist())
            scores = np.log(np.where((rows % 2)[:, None] == [0, 1], 0.8, 0.2)).astype(np.float32)
            none = np.full(len(rows), None, object)
            store.labeling_runs.append(current, Scores(
                rows, scores, np.full(len(rows), -1), np.full(len(rows), "logprob", object), none
            ))  # fmt: skip

        return label_rows

    def rounds(now, limit):
        label_in_rounds(
            store, now, run, SilentProgress(), limit=limit, order=OrderConfig(order="need", rounds=3),
            label_rows=ask(run), embeddings=points[: now.rows],
        )  # fmt: skip

    rounds(project, 60)
    before = store.labeling_runs.get(run.id)
    sample = curation.random_sample(store, before)
    labels = curation.teacher_labels(store, before)
    larger = added(store, project, more(80))
    assert curation.random_sample(store, before).tolist() == sample.tolist()
    np.testing.assert_array_equal(
        curation.teacher_labels(store, before).probabilities, labels.probabilities
    )
    assert before.rounds[-1]["texts"] == len(texts) == 120
    rounds(larger, 120)
    assert len(labelled) == len(set(labelled)) == 120 and max(labelled) >= 120
    after = store.labeling_runs.get(run.id)
    assert after.rounds[-1]["texts"] == 200 and planned(store, after)[-1].texts == 200
    assert planned(store, after)[0].texts == 120
    sample = curation.random_sample(store, after)
    assert set(sample.tolist()) <= set(labelled)
    order = curation.random_order(larger.stages)
    assert sample.tolist() == order[: len(sample)].tolist() and (sample >= 120).any()


def test_what_does_not_know_all_texts_is_said_in_sentences(home):
    store, project = seeded_project(home, labelled=0.5)
    assert curation.coverage(store, project).sentences() == []
    larger = grown(store, project, 10)
    assert curation.coverage(store, larger).sentences() == [
        "30 of 70 texts were asked about by the teacher in use. Start it again: it asks about the "
        "others only.",
        "60 of 70 texts have a quick estimate and can be found by meaning. Labelling "
        "makes it for the others, too, and so does llkd probe.",
    ]
    store.close()


def test_a_project_of_other_texts_with_as_many_rows_is_not_taken_for_embedded(store):
    project = labelled_project(store)
    embedded(store, project)
    larger = added(store, project, more(3))
    save_embeddings(store.embeddings.path(project.id, "odd"), np.ones((project.rows + 1, 4)))
    assert curation.load_embeddings(store, larger) is None
    assert not curation.has_all_embeddings(store, larger)


def test_a_search_that_rests_on_embeddings_is_not_made_for_texts_without_one(home):
    store, project = seeded_project(home)
    larger = grown(store, project)
    rows = np.array([1, 2, 3, larger.rows - 1])
    assert curation.make_search(store, larger, rows) is None
    assert curation.make_search(store, larger, rows[:3]) is not None
    with pytest.raises(UserError, match="no project"):
        store.projects.get("nothing")
    assert json.dumps(larger.additions[0].document())
    assert same_beginning(whole(store, project), whole(store, larger))
    store.close()
