"""The stages over a real store, with a teacher from a table and a tiny real student."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from llkd import comparisons, contrasts, curation, jobs, pipeline
from llkd.config import LabelSet, SelectionConfig, TeacherConfig, TrainingConfig
from llkd.errors import LLKDError, UserError
from llkd.store import Store
from llkd.teachers.base import ScoredBatch
from tests.llkd.tiny_student import CLASSES, make_encoder, teacher_for, toy_texts

N = 96


class TableTeacher:
    """Scores from a table; counts every text it is asked about; may break off."""

    def __init__(self, table, breaks_after=None):
        self.table, self.asked, self.breaks_after = table, [], breaks_after
        self.cut = 0

    def describe(self):
        return {"model": "table", "rows": len(self.table)}

    def score(self, texts):
        for start in range(0, len(texts), 8):
            index = np.arange(start, min(start + 8, len(texts)))
            if self.breaks_after is not None and len(self.asked) >= self.breaks_after:
                raise LLKDError("The teacher broke off.")
            self.asked += [texts[i] for i in index]
            scores = np.array([self.table[texts[i]] for i in index], dtype=np.float32)
            yield ScoredBatch(index, scores, np.full(len(index), -1), "logprob", None, 10, 0)

    def content_free(self):
        return np.zeros((3, 2), dtype=np.float32)

    def prompt(self, text):
        return f"Which? {text}"

    def close(self):
        pass


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def project(store):
    texts, gold = toy_texts(N)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(N)],
            "text": [f"{text} {i}" for i, text in enumerate(texts)],
            "gold": [CLASSES[k] for k in gold],
            "split": ["eval" if i >= 64 else "pool" for i in range(N)],
        }
    )
    return store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )


@pytest.fixture
def teacher(store, project):
    texts = store.projects.texts(project.id)
    gold = np.array([CLASSES.index(name) for name in texts["gold"]])
    scores = np.log(teacher_for(gold, wrong=0.1))
    return TableTeacher(dict(zip(texts["text"], scores, strict=True)))


def as_job(store, work):
    return jobs.run(store, work, kind="t", title="t", arguments=[], device=None)


def label(store, project, teacher, **options):
    def work(job):
        return pipeline.label(store, project, TeacherConfig(), job, teacher=teacher, **options)

    return as_job(store, work)


def config(encoder, strategy="llkd", **values):
    values = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3, **values}
    selection = SelectionConfig(strategy=strategy, share=values.pop("share", None))
    return TrainingConfig(student=encoder, selection=selection, precision="fp32", **values)


def train(store, project, settings):
    return as_job(store, lambda job: pipeline.train(store, project, settings, job))


class TestLabel:
    def test_every_text_is_labelled_once_and_measured_on_the_held_out(
        self, store, project, teacher
    ):
        result = label(store, project, teacher)
        assert result["labelled"] == N
        assert sorted(teacher.asked) == sorted(store.projects.texts(project.id)["text"])
        assert result["evaluated"] == 32
        labels = curation.teacher_labels(store, store.labellings.all(project.id)[0])
        texts = store.projects.texts(project.id)
        right = np.array(CLASSES)[labels.label] == texts["gold"]
        assert result["accuracy"] == pytest.approx(right[64:].mean())
        assert result["tokens_in"] == 10 * N / 8

    def test_a_second_call_asks_nothing(self, store, project, teacher):
        label(store, project, teacher)
        again = TableTeacher(teacher.table)
        assert label(store, project, again)["labelled"] == N
        assert again.asked == []

    def test_what_was_answered_before_a_failure_is_kept(self, store, project, teacher):
        broken = TableTeacher(teacher.table, breaks_after=24)
        with pytest.raises(LLKDError, match="broke off"):
            label(store, project, broken)
        labelling = store.labellings.all(project.id)[0]
        assert len(store.labellings.done(labelling)) == 24
        assert label(store, project, teacher)["labelled"] == N
        assert not set(teacher.asked) & set(broken.asked)

    def test_a_limit_bounds_all_calls_together(self, store, project, teacher):
        assert label(store, project, teacher, limit=20)["labelled"] == 20
        assert label(store, project, teacher, limit=30)["labelled"] == 30
        assert len(teacher.asked) == len(set(teacher.asked)) == 30

    def test_another_calibration_changes_labels_without_asking(self, store, project, teacher):
        label(store, project, teacher, calibration="none")
        labelling = store.labellings.all(project.id)[0]
        plain = curation.teacher_labels(store, labelling, "none")
        batch = curation.teacher_labels(store, labelling, "batch")
        assert not np.allclose(plain.confidence, batch.confidence)
        raw = store.labellings.scores(labelling).scores
        np.testing.assert_allclose(batch.bias, raw.mean(axis=0, dtype=float))

    def test_without_classes_it_says_how_to_set_them(self, store, teacher):
        frame = pd.DataFrame({"id": ["1"], "text": ["x"], "gold": None, "split": "pool"})
        bare = store.projects.create("bare", frame, source="t", report={})
        with pytest.raises(UserError, match="The classes of 'bare' are not set.*--labels a,b,c"):
            label(store, bare, teacher)

    def test_a_dry_run_shows_and_keeps_nothing(self, store, project, teacher):
        result = as_job(
            store,
            lambda job: pipeline.dry_run(store, project, TeacherConfig(), job, teacher=teacher),
        )
        assert len(result["examples"]) == 5
        example = result["examples"][0]
        assert example["prompt"] == f"Which? {example['text']}"
        assert example["label"] in CLASSES
        assert set(example["scores"]) == set(CLASSES)
        assert result["texts"] == N
        assert store.labellings.all(project.id) == []


class TestProbe:
    def test_it_gives_the_plane_its_second_axis(self, store, project, teacher, encoder):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        assert curation.load_plane(store, fresh).need_source == "nothing yet: run the probe"
        result = as_job(
            store, lambda job: pipeline.embed_and_probe(store, fresh, job, student=encoder)
        )
        assert result["rows"] == N
        plane = curation.load_plane(store, fresh)
        assert len(plane.frame) == 64, "held-out texts are not on the plane"
        assert plane.frame["information_need"].between(0, 1).all()
        assert plane.need_source.startswith("the probe")

    def test_before_labelling_it_says_so(self, store, project, encoder):
        with pytest.raises(UserError, match="have no teacher labels yet.*llkd label toy"):
            as_job(
                store, lambda job: pipeline.embed_and_probe(store, project, job, student=encoder)
            )


class TestTrain:
    def test_a_run_has_its_results_its_signals_and_its_student(
        self, store, project, teacher, encoder
    ):
        label(store, project, teacher)
        result = train(store, store.projects.get("toy"), config(encoder))
        run = store.runs.get(result["run"])
        assert result["state"] == "finished"
        assert 0 < result["backpropagated"] < 128
        assert result["unique"] <= 64
        assert result["accuracy"] == run.summary["accuracy"]
        assert store.runs.epochs(run) == [1, 2]
        assert (run.student_folder / "student.json").exists()
        plane = curation.load_plane(store, store.projects.get("toy"), run=run)
        assert plane.need_source == f"the student of run {run.id}: llkd, after epoch 2"
        assert plane.frame["student_label"].isin([0, 1]).all()

    def test_before_labelling_it_says_so(self, store, project, encoder):
        with pytest.raises(UserError, match="have no teacher labels yet"):
            train(store, project, config(encoder))

    def test_controls_draw_what_the_reference_drew_step_by_step(
        self, store, project, teacher, encoder
    ):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        reference = train(store, fresh, config(encoder))["run"]
        for name in ("random", "teacher_then_random"):
            made = train(store, fresh, config(encoder, name, reference_run=reference))
            ours = store.runs.steps(store.runs.get(made["run"]))
            theirs = store.runs.steps(store.runs.get(reference))
            assert ours["selected"].tolist() == theirs["selected"].tolist()

    def test_a_control_that_does_not_match_its_reference_is_refused(
        self, store, project, teacher, encoder
    ):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        reference = train(store, fresh, config(encoder))["run"]
        with pytest.raises(UserError, match="must match its reference run .* in seed"):
            train(store, fresh, config(encoder, "random", reference_run=reference, seed=5))

    def test_a_persons_label_wins_and_an_excluded_text_never_trains(
        self, store, project, teacher, encoder
    ):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        store.people.decide(project.id, [0], "label", CLASSES[1])
        store.people.decide(project.id, [1], "exclude")
        run = store.runs.get(train(store, fresh, config(encoder, "all"))["run"])
        from llkd.store.runs import read_probabilities

        rows, targets = read_probabilities(run.folder / "targets.parquet")
        assert 1 not in rows
        assert targets[list(rows).index(0)].tolist() == [0.0, 1.0]
        assert run.labels["human_labels"] == 1
        trained = set(store.runs.decisions(run).query("selected")["row"])
        assert trained == set(range(64)) - {1}


class TestSelectAndExport:
    @pytest.fixture
    def ready(self, store, project, teacher, encoder):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        as_job(store, lambda job: pipeline.embed_and_probe(store, fresh, job, student=encoder))
        return fresh

    def test_counts_are_of_all_rows_and_monotone(self, store, ready):
        everything = pipeline.select(store, ready)
        assert (everything["kept"], everything["rows"], everything["share"]) == (64, 64, 1.0)
        before = 64
        for threshold in (0.3, 0.6, 0.9, 1.0):
            found = pipeline.select(store, ready, teacher_threshold=threshold)
            assert found["kept"] <= before
            assert sum(found["per_class"].values()) == found["kept"]
            before = found["kept"]
        some = pipeline.select(store, ready, teacher_threshold=0.7, student_threshold=0.2)
        frame = curation.load_plane(store, ready).frame
        wanted = (frame["confidence"] >= 0.7) & (frame["information_need"] >= 0.2)
        assert some["kept"] == int(wanted.sum())
        right = frame["gold"][wanted] == frame["teacher_label"][wanted]
        assert some["accuracy"] == pytest.approx(right.mean())

    def test_a_student_threshold_before_the_probe_is_explained(self, store, project, teacher):
        label(store, project, teacher)
        with pytest.raises(UserError, match="Make it with: llkd probe toy"):
            pipeline.select(store, store.projects.get("toy"), student_threshold=0.5)

    def test_what_is_exported_is_what_was_counted(self, store, ready, tmp_path):
        store.people.decide(ready.id, [3], "label", CLASSES[0], who="ann")
        store.people.decide(ready.id, [4], "exclude")
        choice = {"teacher_threshold": {CLASSES[0]: 0.6, CLASSES[1]: 0.7}}
        counted = pipeline.select(store, ready, **choice)
        out = pipeline.export(
            store, ready, tmp_path / "out", formats=["csv", "jsonl", "parquet"], **choice
        )
        assert out["rows"] == counted["kept"]
        frame = pq.read_table(tmp_path / "out" / "curated.parquet").to_pandas()
        assert frame["label"].value_counts().to_dict() == counted["per_class"]
        assert frame.loc[frame["id"] == "t3", "labelled_by"].item() == "person"
        assert "t4" not in set(frame["id"])
        texts = store.projects.texts(ready.id).set_index("id")["text"]
        assert (texts[frame["id"]].to_numpy() == frame["text"].to_numpy()).all()
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert manifest["teacher"]["calibration"] == "batch"
        assert manifest["counts"]["kept"] == out["rows"]
        assert manifest["people"] == {"labelled": 1, "excluded": 1}

    def test_of_a_run_the_texts_it_trained_on_and_its_student(
        self, store, ready, encoder, tmp_path
    ):
        run = store.runs.get(train(store, ready, config(encoder))["run"])
        out = pipeline.export(store, ready, tmp_path / "out", formats=["jsonl"], run=run)
        trained = set(store.runs.decisions(run).query("selected")["row"])
        lines = (tmp_path / "out" / "curated.jsonl").read_text().splitlines()
        assert {int(json.loads(line)["id"][1:]) for line in lines} == trained
        assert out["rows"] == len(trained)
        assert min(json.loads(line)["times_trained_on"] for line in lines) >= 1
        assert (tmp_path / "out" / "student" / "student.json").exists()

    def test_nothing_kept_is_said(self, store, ready, tmp_path):
        with pytest.raises(UserError, match="Nothing is kept, so there is nothing to export"):
            pipeline.export(store, ready, tmp_path / "o", formats=["csv"], teacher_threshold=1.0)

    def test_a_saved_selection_is_exported_by_name(self, store, ready, tmp_path):
        view = {"teacher_threshold": 0.8, "student_threshold": 0.0, "calibration": "batch"}
        store.people.save_selection(ready.id, "sure", view, {})
        assert (
            pipeline.select(store, ready, selection="sure")["kept"]
            == pipeline.select(store, ready, teacher_threshold=0.8)["kept"]
        )

    def test_a_saved_selection_outlives_its_run_with_the_need_of_the_probe(
        self, store, ready, encoder, tmp_path
    ):
        run = store.runs.get(train(store, ready, config(encoder, "all", epochs=1))["run"])
        middle = float(curation.load_plane(store, ready).frame["information_need"].median())
        view = {"teacher_threshold": 0.0, "student_threshold": middle, "calibration": "batch"}
        for name, more in (("its", {"run": run.id, "epoch": 1}), ("gone", {"epoch": 9})):
            store.people.save_selection(ready.id, name, {**view, "run": run.id, **more}, {})
        need = f"the student of {run.name}, after epoch 1"
        for name in ("its", "gone"):
            found = pipeline.select(store, ready, selection=name)["rule"]
            assert (found["run"], found["information_need"]) == (run.id, need)
        jobs.delete_run(store, run)
        probed = pipeline.select(store, ready, student_threshold=middle)
        assert 0 < probed["kept"] < 64
        for name in ("its", "gone"):
            found = pipeline.select(store, ready, selection=name)
            assert found["kept"] == probed["kept"] and found["rule"]["run"] is None
            out = pipeline.export(store, ready, tmp_path / name, formats=["csv"], selection=name)
            assert out["rows"] == probed["kept"]
            pipeline.rebuild(store, tmp_path / name)


class TestCompare:
    def test_arms_share_their_steps_and_are_not_trained_twice(
        self, store, project, teacher, encoder
    ):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        settings = config(encoder)

        def compare(job):
            return pipeline.compare(store, fresh, settings, job, seeds=2)

        found = as_job(store, compare)
        assert [row["strategy"] for row in found["arms"]] == list(pipeline.comparing.ARMS)
        assert len(found["runs"]) == 8
        by = {(r["strategy"], r["seed"]): r for r in found["runs"]}
        for seed in (0, 1):
            same = {
                by[arm, seed]["backpropagated"] for arm in ("llkd", "random", "teacher_then_random")
            }
            assert len(same) == 1
            assert by["all", seed]["backpropagated"] == 128
        assert "'llkd'" in found["conclusion"] and "of the samples" in found["conclusion"]
        assert found["conclusion"] == comparisons.sentence(found)
        assert "Intervals are over 2 seeds and the texts" in found["conclusion"]
        again = as_job(store, compare)
        assert [r["run"] for r in again["runs"]] == [r["run"] for r in found["runs"]]
        for row in found["arms"]:
            runs = [r for r in found["runs"] if r["arm"] == row["arm"]]
            assert row["seconds"] == pytest.approx(np.mean([r["training_seconds"] for r in runs]))
        assert {row["arm"]: row["weights"] for row in found["arms"]} == {
            "llkd": "c·u", "all": "1", "random": "1", "teacher_then_random": "c",
        }  # fmt: skip
        self.an_old_report_gets_the_intervals_of_today(store, fresh, found)

    def an_old_report_gets_the_intervals_of_today(self, store, project, found):
        """Release 0.3.0 kept bootstrap intervals; few seeds make these too narrow."""
        old = {key: found[key] for key in found if key not in ("lines", "basis")}
        old["differences"] = [
            {**one, "accuracy": {"value": 0.2, "low": 0.19, "high": 0.21}}
            for one in found["differences"]
        ]
        for one in old["differences"]:
            del one["among"]
        old["arms"] = [
            {key: row[key] for key in row if key not in ("weights", "seconds")}
            for row in found["arms"]
        ]
        renewed = contrasts.renewed(store, project, old)
        assert renewed["differences"] == found["differences"]
        assert renewed["arms"] == found["arms"]
        assert contrasts.renewed(store, project, found) == found
        gone = {**old, "runs": [{**old["runs"][0], "run": 999}]}
        told = contrasts.renewed(store, project, gone)
        assert told["differences"] == [] and contrasts.OLD_INTERVALS in told["notes"]
        assert "(" not in comparisons.sentence(told)  # no figure is left to claim

    def test_evaluate_puts_teacher_and_runs_side_by_side(self, store, project, teacher, encoder):
        label(store, project, teacher)
        train(store, store.projects.get("toy"), config(encoder, "all"))
        found = pipeline.evaluate(store, store.projects.get("toy"))
        assert found["teacher"]["evaluated"] == 32
        [run] = found["runs"]
        assert run["report"]["accuracy"] == pytest.approx(run["accuracy"])

    def test_predict(self, store, project, teacher, encoder):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        run = store.runs.get(train(store, fresh, config(encoder, "all", epochs=6))["run"])
        answer = pipeline.predict(store, fresh, run, "stock market bank price")
        assert answer["label"] == "money"
        assert sum(answer["probabilities"].values()) == pytest.approx(1.0)
        with pytest.raises(UserError, match="no text to classify"):
            pipeline.predict(store, fresh, run, "  ")


class TestWhatMustNotHappen:
    def test_two_passes_at_once_ask_no_text_twice(self, store, project, teacher):
        def slowly(texts):
            for batch in TableTeacher.score(teacher, texts):
                time.sleep(0.02)
                yield batch

        teacher.score = slowly
        problems = []

        def work():
            own = Store(store.home.root)
            try:
                label(own, project, teacher)
            except Exception as error:  # shown by the assertion below
                problems.append(error)
            own.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(teacher.asked) == len(set(teacher.asked)) == N

    def test_a_calibration_that_cannot_be_leaves_the_labels_usable(self, store, project, teacher):
        teacher.content_free = lambda: None
        with pytest.raises(UserError, match="Choose batch or none"):
            label(store, project, teacher, calibration="contextual")
        assert teacher.asked == [], "said before anything is paid for"
        assert label(store, project, teacher)["calibration"] == "batch"

    def test_a_run_is_exported_with_the_labels_it_trained_on(
        self, store, project, teacher, encoder, tmp_path
    ):
        label(store, project, teacher, limit=30)
        fresh = store.projects.get("toy")
        run = store.runs.get(train(store, fresh, config(encoder, "all", epochs=1))["run"])
        from llkd.store.runs import read_probabilities

        rows, targets = read_probabilities(run.folder / "targets.parquet")
        for text in teacher.table:  # from now on the teacher leans to the other class
            teacher.table[text] = teacher.table[text] + np.array([0.0, 3.0])
        label(store, project, teacher)
        assert len(store.labellings.done(store.labellings.all(project.id)[0])) == N
        pipeline.export(store, fresh, tmp_path / "out", formats=["parquet"], run=run, student=False)
        frame = pq.read_table(tmp_path / "out" / "curated.parquet").to_pandas()
        trained = {f"t{row}": CLASSES[k] for row, k in zip(rows, targets.argmax(1), strict=True)}
        assert dict(zip(frame["id"], frame["label"], strict=True)) == trained

    def test_a_comparison_takes_no_run_on_other_labels(self, store, project, teacher, encoder):
        label(store, project, teacher)
        fresh = store.projects.get("toy")

        def compare(job):
            return pipeline.compare(
                store, fresh, config(encoder, epochs=1), job, seeds=1, arms=["all"]
            )

        first = as_job(store, compare)["runs"][0]["run"]
        assert as_job(store, compare)["runs"][0]["run"] == first
        store.people.decide(project.id, [0, 1, 2], "exclude")
        assert as_job(store, compare)["runs"][0]["run"] != first

    def test_another_student_gives_another_probe(self, store, project, teacher, encoder, tmp_path):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        other = make_encoder(tmp_path / "other", seed=9)
        needs = []
        for student in (encoder, other, encoder):
            as_job(
                store,
                lambda job, student=student: pipeline.embed_and_probe(
                    store, fresh, job, student=student
                ),
            )
            needs.append(curation.load_plane(store, fresh).frame["information_need"].to_numpy())
        assert not np.allclose(needs[0], needs[1])
        np.testing.assert_allclose(needs[0], needs[2])

    def test_an_unfinished_student_stops_an_export_before_it_writes(
        self, store, project, teacher, encoder, tmp_path
    ):
        label(store, project, teacher)
        fresh = store.projects.get("toy")
        run = store.runs.get(train(store, fresh, config(encoder, "all", epochs=1))["run"])
        run.student_folder.rename(tmp_path / "gone")
        with pytest.raises(UserError, match="no finished student yet"):
            pipeline.export(store, fresh, tmp_path / "out", formats=["csv"], run=run)
        assert not (tmp_path / "out").exists()
        # Killed after the student was written and before its figures were.
        (tmp_path / "gone").rename(run.student_folder)
        with pytest.raises(UserError, match="no finished student yet"):
            pipeline.export(
                store, fresh, tmp_path / "out", formats=["csv"], run=replace(run, summary=None)
            )
        assert not (tmp_path / "out").exists()
