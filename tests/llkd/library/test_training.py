"""From labels to a student, a comparison and an export; with a home, the app shows the same."""

import json

import numpy as np
import pandas as pd
import pytest

import llkd
from tests.support.tiny_student import CLASSES
from tests.support.toy_library import QUICK


@pytest.fixture
def labels(toy):
    return toy.label()


@pytest.fixture
def quick(encoder):
    return {"student": encoder, **QUICK, "progress": False}


class TestStudent:
    def test_it_learns_answers_is_measured_and_survives_saving(self, labels, toy, quick, tmp_path):
        student = llkd.train(labels, "all", **{**quick, "epochs": 12})
        probabilities = student.predict_proba(toy.texts)
        assert probabilities.shape == (len(toy.texts), 2)
        assert np.allclose(probabilities.sum(axis=1), 1.0)
        answers = student.predict(toy.texts)
        assert (answers == np.array(toy.names)).mean() > 0.8
        assert (answers == np.array(CLASSES)[probabilities.argmax(axis=1)]).all()
        held_out = labels.texts.to_frame().query("split == 'eval'")
        own = student.evaluate(held_out["text"], held_out["gold"])
        assert student.evaluate().accuracy == own.accuracy
        assert student.evaluate().texts == own.texts == len(held_out)
        folder = student.save(tmp_path / "student", progress=False)
        loaded = llkd.load_student(folder)
        assert loaded.classes == student.classes == CLASSES
        assert np.allclose(loaded.predict_proba(toy.texts), probabilities, atol=1e-5)
        assert "llkd" in (folder / "README.md").read_text() and loaded.run is None
        again = loaded.save(tmp_path / "copy", progress=False)
        assert np.allclose(
            llkd.load_student(again).predict_proba(toy.texts), probabilities, atol=1e-5
        )

    def test_a_temporary_home_lives_as_long_as_its_student(self, toy, quick, tmp_path):
        student = llkd.train(toy.label(), "all", **quick)
        (root,) = (tmp_path / "tmp").glob("llkd-home-*")
        assert student.predict(["goal"]).shape == (1,) and student.evaluate() is not None
        del student
        assert not root.exists()

    @pytest.mark.parametrize("strategy", ["all", "llkd"])
    def test_gold_turned_round_makes_the_same_student(self, toy, quick, strategy):
        turned = {CLASSES[0]: CLASSES[1], CLASSES[1]: CLASSES[0]}
        answers = []
        for gold in (toy.names, [turned[name] for name in toy.names]):
            texts = llkd.read_texts(toy.texts, gold=gold, labels=CLASSES, holdout=0, progress=False)
            labels = llkd.label(texts, teacher=toy.teacher, progress=False)
            student = llkd.train(labels, strategy, **quick)
            run = texts.workspace.store.runs.get(student.run)
            assert run.config.head_start == "probe"
            answers.append(student.predict_proba(toy.texts))
        assert (answers[0] == answers[1]).all() and np.ptp(answers[0]) > 0.1

    def test_a_selection_trains_on_exactly_its_texts(self, labels, quick):
        rows = labels.keep().rows[:30]
        student = llkd.train(labels.keep(rows=rows), **quick)
        assert labels.keep(trained_by=student).rows.tolist() == rows.tolist()

    def test_with_a_strategy_it_is_what_the_strategy_chooses_from(self, labels, quick):
        rows = labels.keep().rows[:40]
        student = llkd.train(labels.keep(rows=rows), "random", share=0.5, **quick)
        trained = labels.keep(trained_by=student).rows
        assert 0 < len(trained) < 40 and set(trained) <= set(rows)

    def test_the_usual_strategy_of_labels_is_that_of_the_product(self, labels, quick):
        advice = labels.training_advice()
        assert isinstance(advice, llkd.TrainingAdvice) and advice.accuracy.source == "gold"
        student = llkd.train(labels, **quick)
        run = labels.texts.workspace.store.runs.get(student.run)
        assert run.config.selection.strategy == advice.strategy and run.job_id is None
        assert run.labels["advice"] == json.loads(json.dumps(advice.document()))

    def test_labels_train_under_their_own_calibration(self, labels, quick):
        student = llkd.train(labels.calibrated("none"), "all", **quick)
        run = labels.texts.workspace.store.runs.get(student.run)
        assert run.labels["calibration"] == "none"

    @pytest.mark.parametrize(
        ("texts", "words"),
        [
            ("one text", r"predict\(\['…'\]\)"),
            (["a", 5], "position 1 .* '5'"),
            (3, "list of texts"),
        ],
    )
    def test_what_it_cannot_classify(self, labels, quick, texts, words, tmp_path):
        student = llkd.train(labels, "all", **quick)
        with pytest.raises(llkd.DataError, match=words):
            student.predict(texts)
        assert student.predict([]).shape == (0,)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("x")
        with pytest.raises(llkd.UserError, match="something else"):
            student.save(tmp_path / "mine")
        assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"
        with pytest.raises(llkd.DataError, match="'cooking' is no class"):
            student.evaluate(["a text"], ["cooking"])
        with pytest.raises(llkd.DataError, match="2 texts and 1 classes"):
            student.evaluate(["a", "b"], ["sports"])


BAD = {
    "not labels": (lambda labels: llkd.train(["a"]), llkd.UserError, "label.. or keep.."),
    "a strategy": (lambda labels: llkd.train(labels, "best"), llkd.ConfigError, "'best'.*llkd"),
    "a setting": (
        lambda labels: llkd.train(labels, learing_rate=1),
        llkd.ConfigError,
        "Did you mean 'learning_rate'",
    ),
    "a value": (lambda labels: llkd.train(labels, epochs=0), llkd.ConfigError, "epochs.*but.*0"),
    "nothing kept": (
        lambda labels: llkd.train(labels.keep(confidence=1.0)),
        llkd.UserError,
        "holds no text|at least two classes",
    ),
    "no model": (
        lambda labels: llkd.train(labels, "all", student="/no/such/folder", progress=False),
        llkd.NotFound,
        "/no/such/folder",
    ),
    "a retired one": (lambda labels: llkd.train(labels, "trust"), llkd.ConfigError, "failed"),
    "arms as one text": (lambda labels: llkd.compare(labels, "llkd"), llkd.ConfigError, "list"),
    "an arm": (lambda labels: llkd.compare(labels, ["best"]), llkd.UserError, "'best'"),
    "seeds": (lambda labels: llkd.compare(labels, seeds=0), llkd.ConfigError, "but it was 0"),
    "no student": (lambda labels: llkd.load_student("/no/such"), llkd.NotFound, "student.json"),
    "formats": (
        lambda labels: llkd.export(labels, "out", formats=["doc"]),
        llkd.ConfigError,
        "csv",
    ),
    "an address": (
        lambda labels: llkd.export(labels, "s3://bucket/x"),
        llkd.UserError,
        "a folder of this machine",
    ),
    "another's student": (
        lambda labels: llkd.export(labels, "out", student=llkd.Student("x")),
        llkd.UserError,
        "of these texts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(labels, name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        call(labels)
    assert "--" not in str(caught.value) and "\n" not in str(caught.value)


class TestComparing:
    def test_arms_side_by_side_with_what_can_be_said(self, labels, quick):
        selection = labels.keep(rows=labels.keep().rows[:40])
        report = llkd.compare(selection, ["llkd", "all"], seeds=2, **{**quick, "epochs": 1})
        arms = report.to_frame()
        assert {"llkd", "all", "saved"} == set(arms["arm"])
        assert (arms.loc[arms["arm"] == "all", "seeds"] == 2).all()
        assert report.conclusion == str(report) and len(report.lines) >= 1
        assert {"arm", "rival", "accuracy.value"} <= set(report.differences().columns)
        students = report.students("all")
        assert [student.predict(["goal"]).shape for student in students] == [(1,), (1,)]
        with pytest.raises(llkd.ConfigError, match="The arms are llkd, all, saved"):
            report.students("random")

    def test_without_arms_those_are_trained_that_are_worth_it(self, labels, quick):
        report = llkd.compare(labels, seeds=1, **{**quick, "epochs": 1})
        assert set(report.to_frame()["arm"]) == set(labels.training_advice().arms)

    def test_the_same_comparison_trains_nothing_again(self, labels, quick):
        quick = {**quick, "epochs": 1}
        llkd.compare(labels, ["llkd", "all"], seeds=1, **quick)
        runs = labels.texts.workspace.store.runs.all(labels.texts.project_id)
        llkd.compare(labels, ["llkd", "all"], seeds=1, **quick)
        assert labels.texts.workspace.store.runs.all(labels.texts.project_id) == runs


class TestExporting:
    def test_the_rows_the_manifest_and_the_student(self, labels, quick, tmp_path):
        student = llkd.train(labels, "all", **quick)
        kept = labels.keep(rows=labels.keep().rows[:30])
        written = llkd.export(
            kept, tmp_path / "out", formats=["csv", "jsonl"], student=student, progress=False
        )
        table = pd.read_csv(tmp_path / "out" / "curated.csv")
        assert table["text"].tolist() == kept.to_frame()["text"].tolist()
        assert table["label"].tolist() == kept.to_frame()["label"].tolist()
        assert written.rows == 30 and sum(written.splits["train"].values()) == 30
        assert json.loads(written.manifest.read_text())["selection"]["kind"] == "rows"
        assert set(written.files) <= {p for p in (tmp_path / "out").rglob("*") if p.is_file()}
        loaded = llkd.load_student(tmp_path / "out")
        assert np.allclose(
            loaded.predict_proba(["goal"]), student.predict_proba(["goal"]), atol=1e-5
        )

    def test_without_a_student_none_is_put_along(self, labels, tmp_path):
        llkd.export(labels, tmp_path / "out", progress=False)
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
            "curated.csv",
            "manifest.json",
        ]


class TestTheSameProject:
    def test_the_app_and_the_command_line_see_what_a_script_made(
        self, toy, quick, tmp_path, capsys
    ):
        from llkd.cli import main

        home = tmp_path / "home"
        labels = toy.label(home=home, project="toy")
        kept = labels.keep(confidence=0.6).save("first cut")
        student = llkd.train(kept, **quick)
        assert main(["runs", "toy", "--home", str(home), "--json"]) == 0
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert (run["run"], run["strategy"], run["state"]) == (student.run, "saved", "finished")
        select = ["select", "toy", "--home", str(home), "--selection", "first cut", "--json"]
        assert main(select) == 0
        assert json.loads(capsys.readouterr().out)["kept"] == len(kept)
        llkd.export(kept, tmp_path / "out", progress=False)
        assert main(["rebuild", str(tmp_path / "out"), "--home", str(home), "--json"]) == 0

    def test_a_script_sees_what_the_app_made(self, toy, quick, tmp_path):
        home = tmp_path / "home"
        toy.label(home=home, project="toy").keep(confidence=0.6).save("first cut")
        labels = llkd.open_project("toy", home).labels()
        assert labels.labels.tolist() == toy.names
        assert llkd.train(labels.keep(saved="first cut"), **quick).run == 1
