"""By which texts a teacher is judged, and the temperature fitted on them."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation, jobs, workflows
from llkd.config import LabelSet, SelectionConfig, TeacherConfig, TrainingConfig
from llkd.config.selection_rule import rule_of_choices
from llkd.errors import UserError
from llkd.evaluation.comparison import rivals
from llkd.selection import signals
from llkd.store import Scores
from llkd.workflows.training import prepare

NAMES = ["a", "b", "c"]
N = 90


def project_of(store, gold="all", name="p"):
    """90 texts, the last 30 held out; scores twice as far apart as they should be."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 1.5, (N, 3))
    truth = np.array([rng.choice(3, p=row) for row in signals.softmax(logits)])
    split = np.where(np.arange(N) >= 60, "eval", "pool")
    known = {"all": split != "", "held out": split == "eval", "none": split == ""}[gold]
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(N)],
            "text": [f"text {i}" for i in range(N)],
            "gold": [NAMES[k] if has else None for k, has in zip(truth, known, strict=True)],
            "split": split,
        }
    )
    project = store.projects.create(
        name, frame, source="t", report={}, label_set=LabelSet.of(NAMES)
    )
    return project, 2 * logits, truth


def labelled(store, project, scores, rows=None, source="logprob", **teacher):
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint=f"f{teacher}",
        teacher={"kind": "table", **teacher},
        calibration="batch",
    )
    rows = np.arange(N) if rows is None else np.asarray(rows)
    kinds, nothing = np.full(len(rows), source, object), np.full(len(rows), None, object)
    store.labeling_runs.append(
        labeling_run, Scores(rows, scores[rows], np.full(len(rows), -1), kinds, nothing)
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    return store.labeling_runs.get(labeling_run.id)


def people_label(store, project, truth, rows):
    for row in rows:
        store.decisions.decide(project.id, [int(row)], "label", NAMES[truth[row]])


class TestJudgedRows:
    def test_held_out_gold_comes_first(self, store):
        project, scores, truth = project_of(store)
        judged = curation.rows_to_evaluate(store, project, labelled(store, project, scores))
        assert judged.rows.tolist() == list(range(60, 90))
        assert judged.gold.tolist() == truth[60:].tolist()
        assert (judged.source, judged.held_out) == ("gold", True)

    def test_else_all_gold_that_the_teacher_was_asked_about(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores, rows=range(40))
        judged = curation.rows_to_evaluate(store, project, labeling_run)
        assert judged.rows.tolist() == list(range(40))
        assert (judged.source, judged.held_out) == ("gold", False)
        assert (
            len(curation.rows_to_evaluate(store, project).rows) == 30
        )  # nothing asked yet: held out

    def test_else_what_people_labelled_without_what_was_taken_back(self, store):
        project, scores, truth = project_of(store, gold="none")
        labeling_run = labelled(store, project, scores)
        assert len(curation.rows_to_evaluate(store, project, labeling_run).rows) == 0
        people_label(store, project, truth, [3, 8, 70])
        store.decisions.decide(project.id, [8], "unlabel")
        judged = curation.rows_to_evaluate(store, project, labeling_run)
        assert judged.rows.tolist() == [3, 70]
        assert judged.gold.tolist() == truth[[3, 70]].tolist()
        assert (judged.source, judged.held_out) == ("human", False)

    def test_examples_of_the_prompt_do_not_judge_it(self, store):
        project, scores, truth = project_of(store, gold="none")
        shown = {"kind": "fixed", "rows": [[3, int(truth[3])], [9, int(truth[9])]]}
        labeling_run = labelled(store, project, scores, examples=shown)
        people_label(store, project, truth, [3, 5, 9])
        assert curation.rows_to_evaluate(store, project, labeling_run).rows.tolist() == [5]


class TestTemperature:
    def test_it_is_fitted_on_the_pool_and_kept(self, store):
        project, scores, truth = project_of(store)
        labeling_run = labelled(store, project, scores)
        fit = curation.fit_calibration(store, project, labeling_run, "none")
        expected = signals.fit_temperature(scores[:60].astype(np.float32), 0.0, truth[:60])
        assert fit["temperature"] == pytest.approx(expected)
        assert 1.3 < fit["temperature"] < 3.0  # 2 is the truth
        assert (fit["rows"], fit["source"], fit["held_out"]) == (60, "gold", False)
        assert fit["nll_after"] < fit["nll_before"]
        assert store.labeling_runs.get(labeling_run.id).fits == {"none": fit}

    def test_held_out_gold_is_never_fitted_on(self, store):
        project, scores, truth = project_of(store, gold="held out")
        labeling_run = labelled(store, project, scores)
        with pytest.raises(UserError, match="Held-out gold measures and is not fitted on"):
            curation.fit_calibration(store, project, labeling_run, "batch")
        people_label(store, project, truth, range(55, 75))  # 15 of these are held out
        with pytest.raises(UserError, match="at least 10 texts"):
            curation.fit_calibration(store, project, labeling_run, "batch")

    def test_human_labels_are_the_last_resort(self, store):
        project, scores, truth = project_of(store, gold="none")
        labeling_run = labelled(store, project, scores)
        people_label(store, project, truth, range(9))
        with pytest.raises(UserError, match="at least 10 texts .* Label some texts on the Curate"):
            curation.fit_calibration(store, project, labeling_run, "batch")
        people_label(store, project, truth, range(9, 40))
        fit = curation.fit_calibration(store, project, labeling_run, "batch")
        assert (fit["rows"], fit["source"], fit["held_out"]) == (40, "human", False)

    def test_labels_stay_and_confidence_follows_the_fit_kept_or_not(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores)
        plain = curation.teacher_labels(store, labeling_run, "batch")
        flying = curation.teacher_labels(store, labeling_run, "batch+temperature")
        fit = curation.fit_calibration(store, project, labeling_run, "batch")
        store.labeling_runs.set_calibration(labeling_run.id, "batch+temperature")
        kept = curation.teacher_labels(store, store.labeling_runs.get(labeling_run.id))
        assert kept.calibration == "batch+temperature"
        assert flying.temperature == kept.temperature == fit["temperature"] > 1
        assert kept.fit == flying.fit == fit
        assert (plain.temperature, plain.fit) == (1.0, None)
        assert kept.label.tolist() == plain.label.tolist() == flying.label.tolist()
        np.testing.assert_array_equal(kept.confidence, flying.confidence)
        wanted = signals.softmax(np.log(plain.probabilities) / fit["temperature"])
        np.testing.assert_allclose(kept.probabilities, wanted, atol=1e-9)

    def test_the_kept_one_holds_though_more_is_labelled(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores, rows=range(30))
        fit = curation.fit_calibration(store, project, labeling_run, "none")
        labelled(store, project, scores, rows=range(30, 90))
        again = curation.teacher_labels(
            store, store.labeling_runs.get(labeling_run.id), "none+temperature"
        )
        assert len(again.row) == 90 and again.temperature == fit["temperature"]

    def test_with_nothing_to_fit_on_it_is_one(self, store):
        project, scores, _ = project_of(store, gold="none")
        labeling_run = labelled(store, project, scores)
        labels = curation.teacher_labels(store, labeling_run, "none+temperature")
        assert (labels.temperature, labels.fit) == (1.0, None)
        with pytest.raises(
            UserError, match="A temperature needs at least 10 texts in the pool of 'p'"
        ):
            prepare(store, project, TrainingConfig(), None, "none+temperature")

    def test_confidence_without_log_probabilities_is_tempered_but_not_shifted(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores, source="verbalized")
        plain = curation.teacher_labels(store, labeling_run, "none")
        labels = curation.teacher_labels(store, labeling_run, "batch+temperature")
        assert labels.label.tolist() == plain.label.tolist()
        assert labels.temperature > 1
        assert labels.confidence.mean() < plain.confidence.mean()


class TestKept:
    def config(self):
        return TrainingConfig(selection=SelectionConfig(strategy="all"))

    def test_a_run_keeps_its_temperature_and_the_plane_shows_it(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores)
        fit = curation.fit_calibration(store, project, labeling_run, "batch")
        run = prepare(store, project, self.config(), None, "batch+temperature")
        assert run.labels["temperature"] == fit["temperature"]
        assert run.labels["temperature_fit"] == fit
        before = curation.load_plane(store, project, calibration="batch+temperature", need=False)
        store.labeling_runs.set_fit(labeling_run.id, "batch", {**fit, "temperature": 9.0})
        plane = curation.load_plane(store, project, run=run, need=False)
        assert plane.temperature == fit["temperature"] and plane.temperature_fit == fit
        np.testing.assert_array_equal(plane.probabilities, before.probabilities)
        now = curation.load_plane(store, project, calibration="batch+temperature", need=False)
        assert now.temperature == 9.0

    def test_runs_of_another_temperature_are_no_fair_rivals(self, store):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores)
        fit = curation.fit_calibration(store, project, labeling_run, "batch")
        one = prepare(store, project, self.config(), None, "batch+temperature")
        same = prepare(store, project, self.config(), None, "batch+temperature")
        assert rivals.same_settings_except(one, same)
        store.labeling_runs.set_fit(labeling_run.id, "batch", {**fit, "temperature": 9.0})
        assert not rivals.same_settings_except(
            one, prepare(store, project, self.config(), None, "batch+temperature")
        )

    def test_older_runs_without_one_still_compare(self, store):
        project, scores, _ = project_of(store)
        labelled(store, project, scores)
        new = prepare(store, project, self.config(), None, "batch")
        facts = {k: v for k, v in new.labels.items() if not k.startswith("temperature")}
        old = store.runs.create(project.id, new.labelling_id, new.config, facts, None)
        assert rivals.same_settings_except(new, old)
        assert curation.load_plane(store, project, run=old, need=False).temperature == 1.0

    def test_the_manifest_states_it(self, store, tmp_path):
        project, scores, _ = project_of(store)
        labeling_run = labelled(store, project, scores)
        kept = curation.fit_calibration(store, project, labeling_run, "batch")
        workflows.export(
            store,
            project,
            tmp_path / "out",
            formats=["csv"],
            rule=rule_of_choices(calibration="batch+temperature"),
        )
        teacher = pd.read_json(tmp_path / "out" / "manifest.json", typ="series")["teacher"]
        assert teacher["calibration"] == "batch+temperature"
        assert teacher["temperature"] == kept["temperature"]
        assert teacher["temperature_fit"]["rows"] == 60


def test_a_pass_may_be_made_with_a_tempered_calibration(store):
    project, scores, _ = project_of(store)

    class Table:
        cut = 0

        def describe(self):
            return {"model": "table"}

        def score(self, texts):
            from llkd.teachers.base import ScoredBatch

            rows = np.array([int(text.split()[1]) for text in texts])
            missing = np.full(len(rows), -1)
            yield ScoredBatch(
                np.arange(len(rows)), scores[rows].astype(np.float32), missing, "logprob"
            )

        def content_free(self):
            return np.zeros((3, 3), np.float32)

        def close(self):
            pass

    def work(job):
        return workflows.label(
            store, project, TeacherConfig(), job, calibration="contextual+temperature",
            teacher=Table(),
        )  # fmt: skip

    found = jobs.run(store, work, kind="t", title="t", device=None)
    assert found["calibration"] == "contextual+temperature"
    labeling_run = curation.active_labeling_run(store, store.projects.get("p"))
    assert labeling_run.calibration == "contextual+temperature"
    assert curation.teacher_labels(store, labeling_run).temperature > 1
