"""Blind samples, agreement with its sentences, and who settles disputes."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from llkd import curation
from llkd.config.selection_rule import ThresholdRule
from llkd.errors import DataError, UserError
from llkd.evaluation import people
from llkd.evaluation.certificate import cohen_kappa, krippendorff_alpha
from llkd.maintenance.doctor import examine
from llkd.store import Store
from llkd.workflows.people_files import import_blind, write_blind, write_labels
from tests.support.packed_projects import packed, unpacked
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def city(home):
    store, project = seeded_project(home, 80, gold=False)
    keys = project.label_set.keys
    for row in range(40):
        store.decisions.decide(project.id, [row], "label", who="Ana", key=keys[row % 3])
    yield store, project
    store.close()


def second(store, project, sample, who, wrong=()):
    """Labels as the first person's, but for the texts at some places of the sample."""
    keys = project.label_set.keys
    for place, text in enumerate(sample.design.texts):
        shift = 1 if place in wrong else 0
        people.second_label(store, sample, text.row, keys[(keys.index(text.key) + shift) % 3], who)


class TestDrawing:
    def test_a_seed_draws_the_same_texts_again_each_with_the_same_chance(self, city):
        store, project = city
        first = people.draw_sample(store, project, 10, seed=5)
        assert people.draw_sample(store, project, 10, seed=5).rows == first.rows
        assert len(set(first.rows)) == 10 and first.design.population == 40
        counts = np.zeros(40)
        for seed in range(200):
            counts[people.draw_sample(store, project, 10, seed=seed).rows] += 1
        # 200 draws of 10 in 40: 50 each, with a standard deviation of 6.1.
        assert counts.min() > 50 - 5 * 6.2 and counts.max() < 50 + 5 * 6.2

    def test_disputed_excluded_and_others_texts_are_not_drawn(self, city):
        store, project = city
        store.decisions.decide(project.id, [0], "label", "water", "Ben")
        store.decisions.decide(project.id, [1], "exclude", who="Ben")
        store.decisions.decide(project.id, [50], "label", "water", "Cleo")
        assert people.draw_sample(store, project, 5).design.population == 39
        mine = people.draw_sample(store, project, 38, of="Ana")
        assert {text.who for text in mine.design.texts} == {"Ana"}
        assert not {0, 1, 50} & set(mine.rows)

    @pytest.mark.parametrize("number", [0, 41, 10_000])
    def test_more_than_there_are_is_refused(self, city, number):
        with pytest.raises(UserError):
            people.draw_sample(*city, number)

    def test_the_next_texts_are_those_that_a_person_has_not_labelled(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 5, seed=1)
        keys = project.label_set.keys
        people.second_label(store, sample, sample.rows[0], keys[0], "Ben")
        assert people.next_rows(store, sample, "Ben", 9) == sample.rows[1:]
        assert people.next_rows(store, sample, "Ana", 9) == []
        assert people.undo_second(store, sample, "Ben").row == sample.rows[0]
        assert people.next_rows(store, sample, "Ben", 1) == sample.rows[:1]


class TestAgreement:
    def test_two_people_in_one_sentence_and_what_it_means(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 40, seed=1)
        second(store, project, sample, "Ben", wrong=range(5))
        known = people.sample_agreement(store, project, sample)
        [pair] = known.pairs
        assert (pair.first, pair.second) == ("Ana", "Ben")
        kappa = pair.kappa
        assert known.sentence == (
            f"Ana and Ben agree on 87.5\u00a0% of 40 texts (\u03ba {kappa.kappa:.2f}, "
            f"{kappa.kappa_low:.2f} to {kappa.kappa_high:.2f})."
        )
        assert "differ on 12.5\u00a0% of texts, at least about 6.2\u00a0% of one" in known.meaning
        assert known.progress == {"Ben": (40, 40)}
        assert sum(cell.texts for cell in pair.confusion) == 40
        assert sum(c.texts for c in pair.confusion if c.first != c.second) == 5
        assert pair.confusion[0].first != pair.confusion[0].second
        assert {part.labels for part in pair.per_class} and pair.per_class[0].agreement < 1
        assert len(people.open_disputes(store, project)) == 5

    def test_what_is_settled_later_changes_no_agreement(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 20, seed=1)
        second(store, project, sample, "Ben", wrong=[0, 1])
        before = people.sample_agreement(store, project, sample)
        keys = project.label_set.keys
        for dispute in people.open_disputes(store, project):
            people.adjudicate(store, project, dispute.row, keys[0], "Eve")
        store.decisions.decide(project.id, sample.rows[:10], "label", "water", "Ana")
        assert people.sample_agreement(store, project, sample) == before

    def test_one_class_only_is_said_and_is_no_number(self, city):
        store, project = city
        store.decisions.decide(project.id, list(range(40)), "label", "roads", "Ana")
        sample = people.draw_sample(store, project, 10, seed=1)
        second(store, project, sample, "Ben")
        known = people.sample_agreement(store, project, sample)
        assert "100\u00a0% of 10 texts (no \u03ba: all labels are of one class" in known.sentence
        assert "nan" not in known.model_dump_json().lower()
        assert "can be wrong together" in known.meaning

    def test_none_and_one_text_have_sentences_too(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 10, seed=1)
        assert people.sample_agreement(store, project, sample).sentence == (
            "No text has two labels yet."
        )
        people.second_label(store, sample, sample.rows[0], None, "Ben")
        known = people.sample_agreement(store, project, sample)
        assert known.sentence == "Ana and Ben disagree on the one text that both labelled."
        assert known.pairs[0].confusion[0].second == "none of these"

    def test_three_people_have_alpha(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 30, seed=1)
        second(store, project, sample, "Ben", wrong=[0])
        second(store, project, sample, "Cleo", wrong=[1, 2])
        known = people.sample_agreement(store, project, sample)
        assert len(known.pairs) == 3 and known.alpha.people == 3
        assert known.sentence.startswith("Three people agree on 93.3\u00a0% of pairs of labels")
        assert "Krippendorff\u2019s \u03b1" in known.sentence

    def test_merged_classes_are_one(self, city):
        store, project = city
        sample = people.draw_sample(store, project, 30, seed=1)
        first_roads = [text.key for text in sample.design.texts].index("roads")
        second(store, project, sample, "Ben", wrong=[first_roads])
        assert people.sample_agreement(store, project, sample).pairs[0].kappa.agreement < 1
        store.classes.merge(project.id, ["roads", "waste"], "streets")
        known = people.sample_agreement(store, project, sample)
        assert known.pairs[0].kappa.agreement == 1


class TestIntervals:
    def test_alpha_is_that_of_the_literature(self):
        """The example with three observers of Krippendorff (2011): 0.691."""
        rows = ["*****3412113 3*3".replace(" ", ""), "1*213343*******", "**21344*21133*4"]
        codes = np.array(
            [[-1 if c == "*" else int(c) for c in row.ljust(15, "*")[:15]] for row in rows]
        )
        codes[0] = [-1, -1, -1, -1, -1, 3, 4, 1, 2, 1, 1, 3, 3, -1, 3]
        assert krippendorff_alpha(codes.T).alpha == pytest.approx(0.691, abs=5e-4)

    @pytest.mark.parametrize(
        "function", [cohen_kappa, lambda a, b: krippendorff_alpha(list(zip(a, b, strict=True)))]
    )
    def test_perfect_agreement_is_no_certainty(self, function):
        known = function([0, 1] * 10, [0, 1] * 10)
        low = known.kappa_low if hasattr(known, "kappa_low") else known.alpha_low
        assert 0.6 < low < 0.9

    def test_rare_classes_are_held_where_large_sample_intervals_fail(self):
        """One in 33 texts is of the second class; 400 simulations with the truth known."""
        rng = np.random.default_rng(3)
        says = np.array([[0.95, 0.05], [0.05, 0.95]])
        pairs = 0.97 * np.outer(says[0], says[0]) + 0.03 * np.outer(says[1], says[1])
        chance = float(pairs.sum(0) @ pairs.sum(1))
        truth = (np.trace(pairs) - chance) / (1 - chance)
        holds = []
        for _ in range(400):
            cells = rng.choice(4, size=20, p=pairs.ravel())
            known = cohen_kappa(cells // 2, cells % 2)
            if known.kappa is not None:
                holds.append(known.kappa_low <= truth <= known.kappa_high)
        assert len(holds) > 300 and np.mean(holds) > 0.92

    def test_no_table_is_refused_and_nothing_labelled_twice_is_none(self):
        with pytest.raises(DataError):
            krippendorff_alpha([1, 2, 3])
        known = krippendorff_alpha([[0, -1], [-1, 1]])
        assert known.texts == 0 and known.alpha is None


class TestSettling:
    def test_the_last_word_is_the_label_and_all_three_are_in_the_history(self, city):
        store, project = city
        keys = project.label_set.keys
        store.decisions.decide(project.id, [3], "label", who="Ben", key=keys[1])
        [dispute] = people.open_disputes(store, project)
        assert people.people_of(dispute) == ["Ana: roads", "Ben: waste"]
        batch = people.adjudicate(store, project, 3, keys[2], "Eve")
        assert store.decisions.current(project.id).loc[3, "human_label"] == "water"
        with pytest.raises(UserError, match="Nobody disputes"):
            people.adjudicate(store, project, 3, keys[0], "Zoe")
        assert people.adjudicate(store, project, 3, keys[2], "Eve", batch) == batch
        frame = people.labels_by_person(store, project)
        three = frame[frame["id"] == "M0003"]
        assert three["person"].tolist() == ["Ana", "Ben", "Eve"]
        assert three["adjudicated"].tolist() == [False, False, True]
        store.decisions.undo(project.id, batch)
        assert len(people.open_disputes(store, project)) == 1

    def test_what_is_told_to_the_second(self, city):
        store, project = city
        batch = store.decisions.decide(project.id, [3], "label", "waste", "Ben")
        [dispute] = store.disputes.contradicted(project.id, batch)
        words = people.dispute_words(dispute, "label", "waste", counts=True)
        assert words == (
            "Ana labelled this roads just now; you said waste. Both are kept; the text counts as "
            "disputed until somebody settles it."
        )


class TestFiles:
    def test_a_sample_goes_out_blind_and_comes_back(self, city, tmp_path):
        store, project = city
        sample = people.draw_sample(store, project, 6, seed=2)
        assert write_blind(store, project, sample, tmp_path / "b.csv", "Ben") == 6
        frame = pd.read_csv(tmp_path / "b.csv", dtype=str, keep_default_na=False)
        assert list(frame) == ["id", "text", "label"] and set(frame["label"]) == {""}
        frame["label"] = ["roads", "?", "", "waste", "water", "roads"]
        frame.to_csv(tmp_path / "b.csv", index=False)
        done = import_blind(store, project, sample, tmp_path / "b.csv", "Ben")
        assert vars(done) == {"stored": 5, "known": 0, "blank": 1}
        again = import_blind(store, project, sample, tmp_path / "b.csv", "Ben")
        assert vars(again) == {"stored": 0, "known": 5, "blank": 1}
        assert write_blind(store, project, sample, tmp_path / "c.jsonl", "Ben") == 1

    @pytest.mark.parametrize(
        "change", [{"id": "none"}, {"label": "no class"}, {"who": "local user"}, {"who": "Ana"}]
    )
    def test_a_bad_record_stores_nothing(self, city, tmp_path, change):
        store, project = city
        sample = people.draw_sample(store, project, 3, seed=2)
        ids = store.projects.texts(project, ["id"])["id"].iloc[sample.rows].tolist()
        lines = pd.DataFrame({"id": ids, "label": "roads", "who": "Ben"})
        for column, value in change.items():
            lines.loc[2, column] = value
        lines.to_csv(tmp_path / "b.csv", index=False)
        with pytest.raises(UserError):
            import_blind(store, project, sample, tmp_path / "b.csv", "Ben")
        assert not store.label_samples.labels(sample)

    def test_all_labels_by_person_are_safe_for_spreadsheets(self, city, tmp_path):
        store, project = city
        store.decisions.decide(project.id, [60], "label", "roads", "=cmd|' /C calc'!A0")
        assert write_labels(store, project, tmp_path / "l.csv") == 41
        frame = pd.read_csv(tmp_path / "l.csv", dtype=str)
        assert list(frame) == ["id", "person", "label", "time", "kind", "adjudicated"]
        assert frame["person"].iloc[-1].startswith("'=")


def test_a_packed_project_brings_its_samples_with_their_labels_under_other_numbers(city, tmp_path):
    store, project = city
    people.draw_sample(store, project, 3, seed=9)
    sample = people.draw_sample(store, project, 10, seed=1)
    second(store, project, sample, "Ben", wrong=[0])
    people.adjudicate(store, project, sample.rows[0], project.label_set.keys[2], "Eve")
    before = people.sample_agreement(store, project, sample)
    packed(store, project, tmp_path / "city.llkd")
    seeded_project(tmp_path / "other", 24, name="before")
    other = Store(tmp_path / "other")
    elsewhere = other.projects.get("before")
    other.decisions.decide(elsewhere.id, [3, 4], "label", "roads", "Zoe")
    for seed in range(3):
        people.draw_sample(other, elsewhere, 2, seed=seed)
    came = unpacked(other, tmp_path / "city.llkd")
    [newest, _] = other.label_samples.all(came.id)
    assert newest.id == 5 and newest.seed == 1 and newest.design == sample.design
    after = people.sample_agreement(other, came, newest)
    assert after.model_copy(update={"sample": sample.id}) == before
    assert other.decisions.current(came.id).loc[sample.rows[0], "human_label"] == "water"
    assert people.labels_by_person(other, came).equals(people.labels_by_person(store, project))
    other.close()


def test_a_sample_whose_record_is_damaged_is_named_by_the_doctor(city, home):
    store, project = city
    people.draw_sample(store, project, 3, seed=9)
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE label_samples SET document = '{\"texts'"))
    assert store.label_samples.all(project.id) == []
    report = examine(home)
    assert any(finding.where == "label sample 1" for finding in report.findings)


def test_disputed_texts_are_in_no_accuracy_no_training_and_no_export(city):
    store, project = city
    batch = store.decisions.decide(project.id, [3], "label", "waste", "Ben")
    plane = curation.load_plane(store, project, need=False)
    line = plane.frame.set_index("row").loc[3]
    assert line["disputed"] and line["excluded"] and line["human_label"] == -1
    kept_rows = plane.frame["row"].to_numpy()[curation.rows_kept_by(plane, ThresholdRule())]
    assert 3 not in kept_rows and 4 in kept_rows
    judging = curation.rows_to_evaluate(store, project, plane.labeling_run)
    assert judging.source == "human" and 3 not in judging.rows and 4 in judging.rows
    store.decisions.undo(project.id, batch)
    line = curation.load_plane(store, project, need=False).frame.set_index("row").loc[3]
    assert not line["disputed"] and line["human_label"] == 0
