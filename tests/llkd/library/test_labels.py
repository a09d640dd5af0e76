"""Labels by every kind of teacher, what is kept of them, and what a wrong teacher is told."""

import numpy as np
import pandas as pd
import pytest

import llkd
from tests.support.stand_in_server import completion, serving, text_of
from tests.support.tiny_student import CLASSES


class TestFunctions:
    def test_every_text_is_asked_once_and_its_answer_stands_at_its_place(self, toy):
        labels = toy.label()
        assert sorted(toy.asked) == sorted(toy.texts)
        assert len(labels) == len(toy.texts) and labels.classes == CLASSES
        assert labels.labels.tolist() == toy.names
        none = labels.calibrated("none")
        assert np.allclose(none.confidence, 0.9, atol=1e-6)
        assert none.probabilities.shape == (len(toy.texts), 2)
        assert np.allclose(none.probabilities.sum(axis=1), 1.0)

    def test_gold_that_is_held_out_says_how_right_they_are(self, toy):
        found = toy.label().evaluate()
        assert found.accuracy == 1.0 and found.texts == 24 and found.classes == CLASSES
        assert found.interval[0] < 1.0 == found.interval[1]
        assert found.confusion.sum() == 24 and "on 24 texts" in str(found)
        bare = llkd.read_texts(toy.texts, labels=CLASSES, progress=False)
        assert llkd.label(bare, teacher=toy.teacher, progress=False).evaluate() is None

    def test_a_row_of_nan_is_a_text_without_a_label(self, toy):
        def partly(batch):
            rows = toy.teacher(batch)
            rows[[text.endswith(" 5") for text in batch]] = np.nan
            return rows

        labels = llkd.label(toy.read(), teacher=partly, progress=False)
        assert len(labels) == len(toy.texts) - 1
        assert labels.labels[5] is None and np.isnan(labels.confidence[5])
        frame = labels.to_frame()
        assert frame["label"].isna().sum() == 1 and frame["labelled_by"].isna().sum() == 1

    def test_another_function_is_another_teacher_and_the_same_one_is_not_asked_again(self, toy):
        texts = toy.read()
        llkd.label(texts, teacher=toy.teacher, progress=False)
        llkd.label(texts, teacher=toy.teacher, progress=False)
        assert len(toy.asked) == len(toy.texts)

        def turned(batch):
            return toy.teacher(batch)[:, ::-1]

        labels = llkd.label(texts, teacher=turned, progress=False)
        assert all(a != b for a, b in zip(labels.labels, toy.names, strict=True))

    def test_two_functions_of_one_name_are_never_taken_for_each_other(self, toy):
        texts = toy.read()
        first = llkd.label(texts, teacher=lambda batch: toy.teacher(batch), progress=False)
        other = llkd.label(texts, teacher=lambda b: toy.teacher(b)[:, ::-1], progress=False)
        assert first.labels[0] != other.labels[0]

    def test_a_name_lets_a_later_python_go_on(self, toy, tmp_path):
        place = {"home": tmp_path / "h", "project": "p"}
        half = llkd.label(
            toy.read(**place), lambda b: toy.teacher(b), name="rules v1", limit=40, progress=False
        )
        assert len(half) == 40
        whole = llkd.label(
            toy.read(**place), lambda b: toy.teacher(b), name="rules v1", progress=False
        )
        assert len(whole) == len(toy.texts) and len(toy.asked) == len(toy.texts)
        assert whole.teacher == "function:rules v1"

    @pytest.mark.parametrize(
        ("returned", "words"),
        [
            (lambda b: np.ones((len(b), 3)) / 3, r"shape \[64, 2\].*sports, money.*\[64, 3\]"),
            (lambda b: [[0.9, 0.1]], r"returned shape \[1, 2\]"),
            (lambda b: np.full((len(b), 2), 0.9), "1 together.*0.9, 0.9"),
            (lambda b: np.tile([1.5, -0.5], (len(b), 1)), "from 0 to 1"),
            (lambda b: ["sports"] * len(b), "returned list"),
            (lambda b: None, "returned NoneType|returned shape"),
        ],
    )
    def test_what_is_no_probability_is_said_with_what_it_was(self, toy, returned, words):
        with pytest.raises(llkd.ModelError, match=words):
            llkd.label(toy.read(), teacher=returned, progress=False)

    def test_an_error_of_the_function_comes_through_and_what_was_answered_is_kept(self, toy):
        def breaking(batch):
            if len(toy.asked) >= 64:
                raise ZeroDivisionError("of the function itself")
            return toy.teacher(batch)

        texts = toy.read()
        with pytest.raises(ZeroDivisionError, match="of the function itself"):
            llkd.label(texts, teacher=breaking, progress=False)
        assert len(texts.labels()) == 64


class TestOtherTeachers:
    def test_a_file_of_labels(self, toy, tmp_path):
        path = tmp_path / "labels.csv"
        pd.DataFrame({"text": toy.texts[:90], "label": toy.names[:90], "confidence": 0.8}).to_csv(
            path, index=False
        )
        labels = llkd.label(toy.read(), f"file:{path}", progress=False)
        assert len(labels) == 90 and any("6 texts are not in" in line for line in labels.notices)

    def test_labels_of_another_tool_in_memory(self, toy):
        frame = pd.DataFrame({"text": toy.texts, "label": toy.names, "sure": 0.75})
        labels = llkd.import_labels(toy.read(), frame, confidence="sure", progress=False)
        assert labels.labels.tolist() == toy.names
        assert np.allclose(labels.calibrated("none").confidence, 0.75)
        turned = {
            text: CLASSES[1 - CLASSES.index(n)]
            for text, n in zip(toy.texts, toy.names, strict=True)
        }
        other = llkd.import_labels(toy.read(), turned, progress=False)
        assert other.labels[0] == turned[toy.texts[0]] and np.isnan(other.confidence).all()

    def test_an_object_of_the_teacher_protocol(self, toy):
        class Protocol:
            cut = 0

            def describe(self):
                return {"kind": "mine", "version": 1}

            def score(self, texts):
                from llkd.teachers.base import ScoredBatch

                rows = np.log(toy.teacher(list(texts))).astype(np.float32)
                index = np.arange(len(texts))
                yield ScoredBatch(index, rows, np.full(len(texts), -1), "logprob")

            def content_free(self):
                return None

            def prompt(self, text):
                return text

            def close(self):
                raise AssertionError("who made it closes it")

        assert llkd.label(toy.read(), Protocol(), progress=False).labels.tolist() == toy.names

    def test_a_server_is_paid_once_and_never_more_than_the_budget(self, toy, tmp_path, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        of_text, paid = dict(zip(toy.texts, toy.names, strict=True)), []

        def answer(request, number):
            nonlocal paid
            asked = text_of(request)
            paid += [text for text in of_text if text in asked]
            name = next((of_text[text] for text in of_text if text in asked), CLASSES[0])
            letters = (
                [("A", -0.1), ("B", -2.4)] if name == CLASSES[0] else [("B", -0.1), ("A", -2.4)]
            )
            return completion(letters[0][0], letters, usage=(100, 1))

        with serving(answer) as server:
            settings = {"base_url": f"{server.url}", "price_in": 1000.0, "price_out": 1000.0}
            place = {"home": tmp_path / "h", "project": "p"}
            labels = llkd.label(toy.read(**place), "api:m", budget=5.0, progress=False, **settings)
            assert 0 < len(labels) < len(toy.texts)
            assert labels.usage["money"] <= 5.0 and "budget" in labels.notices[0].casefold()
            whole = llkd.label(toy.read(**place), "api:m", progress=False, **settings)
        assert whole.labels.tolist() == toy.names
        assert sorted(paid) == sorted(toy.texts)  # each once

    def test_a_server_needs_its_address_and_a_budget_its_prices(self, toy):
        with pytest.raises(llkd.ConfigError, match="base_url="):
            llkd.label(toy.read(), "api:some-model", progress=False)
        with pytest.raises(llkd.ConfigError, match="price_in="):
            llkd.label(
                toy.read(), "api:m", base_url="http://127.0.0.1:9/v1", budget=1.0, progress=False
            )


BAD = {
    "not texts": (lambda toy: llkd.label(["a"]), llkd.UserError, "takes what read_texts"),
    "no classes": (
        lambda toy: llkd.label(llkd.read_texts(["a text"]), toy.teacher),
        llkd.UserError,
        r"labels=\['…'",
    ),
    "a kind": (lambda toy: llkd.label(toy.read(), "gpt"), llkd.ConfigError, "'embedded'.*'gpt'"),
    "a model's type": (lambda toy: llkd.label(toy.read(), 5), llkd.UserError, "the type int"),
    "a calibration": (
        lambda toy: llkd.label(toy.read(), toy.teacher, calibration="platt"),
        llkd.ConfigError,
        "'platt'. Choose one of: none, batch",
    ),
    "a limit": (
        lambda toy: llkd.label(toy.read(), toy.teacher, limit=0),
        llkd.ConfigError,
        "whole number from 1, but it was 0",
    ),
    "a setting": (
        lambda toy: llkd.label(toy.read(), toy.teacher, base_uri="x"),
        llkd.ConfigError,
        "no setting 'base_uri'. Did you mean 'base_url'",
    ),
    "a value": (
        lambda toy: llkd.label(toy.read(), toy.teacher, example_count=0),
        llkd.ConfigError,
        "example_count.*0",
    ),
    "a name": (
        lambda toy: llkd.label(toy.read(), "embedded", name="x"),
        llkd.UserError,
        "Leave it out",
    ),
    "no labels yet": (lambda toy: toy.read().labels(), llkd.UserError, r"llkd\.label\(texts\)"),
    "no such file": (lambda toy: llkd.label(toy.read(), "file:no.csv"), llkd.NotFound, "no.csv"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(toy, name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        call(toy)
    assert "--" not in str(caught.value) and "\n" not in str(caught.value)


class TestKeeping:
    @pytest.fixture
    def labels(self, toy):
        sure = {text: 0.55 + 0.44 * k / 95 for k, text in enumerate(toy.texts)}

        def teacher(batch):
            rows = toy.teacher(batch)
            top = np.array([sure[text] for text in batch])
            return np.where(rows > 0.5, top[:, None], 1 - top[:, None])

        return llkd.label(toy.read(), teacher, calibration="none", progress=False)

    def test_it_keeps_what_stands_at_or_above_the_line_and_never_a_held_out_text(self, labels):
        frame = labels.to_frame()
        kept = labels.keep(confidence=0.8)
        wanted = (frame["split"] == "pool") & (frame["confidence"] >= 0.8)
        assert kept.rows.tolist() == np.flatnonzero(wanted).tolist()
        assert len(kept) == kept.counts["kept"] == wanted.sum() > 0
        assert kept.counts["accuracy"] == 1.0 and kept.counts["checked"] == len(kept)
        assert kept.to_frame()["text"].tolist() == frame["text"][wanted].tolist()
        assert len(labels.keep()) == 72

    def test_a_threshold_by_class(self, labels):
        kept = labels.keep(confidence={"sports": 1.0, "money": 0.0}).to_frame()
        assert set(kept["label"]) == {"money"}

    def test_need_is_estimated_when_it_is_asked_for(self, labels, encoder):
        assert labels.to_frame()["information_need"].isna().all()
        labels.measure_need(encoder, progress=False)
        frame = labels.to_frame()
        assert frame["information_need"].between(0, 1).all()
        least = float(frame["information_need"].median())
        kept = labels.keep(need=least)
        assert (kept.to_frame()["information_need"] >= least - 1e-9).all()
        assert 0 < len(kept) < 72

    def test_what_people_decided_in_the_app_counts(self, labels):
        texts = labels.texts
        pool = labels.keep().rows
        low, high = labels.keep(confidence=0.8).rows[0], labels.keep(confidence=0.8).rows[-1]
        below = int(np.setdiff1d(pool, labels.keep(confidence=0.8).rows)[0])
        store = texts.workspace.store
        store.decisions.decide(texts.project_id, [below], "label", "money")
        store.decisions.decide(texts.project_id, [int(high)], "exclude")
        kept = labels.keep(confidence=0.8)
        assert below in kept.rows and high not in kept.rows and low in kept.rows
        line = labels.to_frame().iloc[below]
        assert (line["label"], line["labelled_by"]) == ("money", "person")
        assert bool(labels.to_frame().iloc[int(high)]["excluded"])

    def test_a_selection_that_was_saved_is_found_by_its_name(self, labels):
        kept = labels.keep(confidence=0.8).save("first cut")
        assert kept.save("first cut").name == "first cut"
        again = labels.keep(saved="first cut")
        assert again.rows.tolist() == kept.rows.tolist() and again.rule["teacher_threshold"] == 0.8
        with pytest.raises(llkd.UserError, match="'first cut' already"):
            labels.keep(confidence=0.9).save("first cut")
        with pytest.raises(llkd.NotFound, match="'second cut'"):
            labels.keep(saved="second cut")
        with pytest.raises(llkd.ConfigError, match="not both"):
            labels.keep(confidence=0.5, saved="first cut")

    def test_rows_of_ones_own_choice(self, labels):
        frame = labels.to_frame()
        wanted = frame.index[(frame["split"] == "pool") & frame["text"].str.contains("goal")]
        assert len(wanted)
        assert labels.keep(rows=wanted).rows.tolist() == wanted.tolist()
        held_out = np.flatnonzero(frame["split"] == "eval")
        assert len(labels.keep(rows=held_out)) == 0
        for rows in ([-1], [96], [0.5], ["a"]):
            with pytest.raises(llkd.ConfigError, match="rows="):
                labels.keep(rows=rows)

    @pytest.mark.parametrize(
        ("threshold", "words"),
        [
            (1.7, "but it was 1.7"),
            (-0.1, "but it was -0.1"),
            (float("nan"), "but it was nan"),
            ("0.8", "but it was '0.8'"),
            (True, "but it was True"),
            ({"sport": 0.5}, "'sport', which is not a class. The classes are sports, money"),
            ({"sports": 2}, "but it was 2"),
        ],
    )
    def test_what_is_no_threshold(self, labels, threshold, words):
        for name in ("confidence", "need"):
            with pytest.raises(llkd.ConfigError, match=words):
                labels.keep(**{name: threshold})
