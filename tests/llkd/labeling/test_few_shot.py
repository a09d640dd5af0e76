"""Few-shot examples of a project: whose labels, which ones, and never the text's own."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from llkd import curation
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.jobs.progress import SilentProgress
from llkd.labeling import setup
from llkd.labeling.few_shot import few_shot
from llkd.store.derived.embeddings import read_embeddings
from tests.support.tiny_student import CLASSES, make_encoder, toy_texts

N = 60


@pytest.fixture
def project(store):
    """Texts of two classes; the last 20 held out; rows 0 and 2 read the same but for spaces."""
    texts, gold = toy_texts(N)
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    texts[2] = "  " + texts[0].upper()
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(N)],
            "text": texts,
            "gold": [CLASSES[k] for k in gold],
            "split": ["eval" if i >= 40 else "pool" for i in range(N)],
        }
    )
    return store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )


def config(kind, count=6, source="gold"):
    return TeacherConfig(examples=kind, example_count=count, example_source=source)


def label_some(store, project, classes):
    for row, k in classes.items():
        store.decisions.decide(project.id, [row], "label", CLASSES[k])


def test_none_are_none(store, project):
    assert few_shot(store, project, TeacherConfig()).kind == "none"


@pytest.mark.parametrize("kind", ["fixed", "balanced"])
def test_gold_examples_are_of_the_pool_and_always_the_same(store, project, kind):
    few = few_shot(store, project, config(kind))
    texts = store.projects.texts(project.id)
    assert len({example.row for example in few.fixed}) == 6
    for example in few.fixed:
        assert example.row < 40
        assert texts["text"][example.row] == example.text
        assert texts["gold"][example.row] == CLASSES[example.label]
    assert few == few_shot(store, project, config(kind))
    rows = [[example.row, example.label] for example in few.fixed]
    assert few.identity == {"kind": kind, "count": 6, "source": "gold", "rows": rows}
    json.dumps(few.identity)


def test_balanced_is_as_equal_as_can_be(store, project):
    label_some(store, project, dict.fromkeys(range(12), 0) | {20: 1, 21: 1})
    few = few_shot(store, project, config("balanced", 8, "human"))
    assert Counter(example.label for example in few.fixed) == {0: 6, 1: 2}
    even = few_shot(store, project, config("balanced", 4, "human"))
    assert Counter(example.label for example in even.fixed) == {0: 2, 1: 2}


def test_balanced_mixes_the_classes():
    labels = np.repeat([0, 1, 2], 50)
    for seed in range(20):
        order = labels[curation.examples.balanced(labels, 12, np.random.default_rng(seed))]
        for third in range(4):
            assert set(order[3 * third : 3 * third + 3]) == {0, 1, 2}


def test_human_labels_as_they_stand_now(store, project):
    label_some(store, project, {1: 0, 3: 1, 5: 0, 7: 1, 9: 0, 45: 1})
    store.decisions.decide(project.id, [1], "exclude")
    store.decisions.decide(project.id, [3], "unlabel")
    label_some(store, project, {5: 1})
    few = few_shot(store, project, config("fixed", 3, "human"))
    assert {(example.row, example.label) for example in few.fixed} == {(5, 1), (7, 1), (9, 0)}


@pytest.mark.parametrize("kind", ["fixed", "balanced", "nearest"])
def test_too_few_labels_are_said_with_their_number(store, project, kind):
    label_some(store, project, {1: 0, 3: 1, 45: 1})
    with pytest.raises(UserError, match=r"has 2 human labels in its pool, and 6 .* Curate page"):
        few_shot(store, project, config(kind, 6, "human"))
    with pytest.raises(UserError, match="has 40 gold labels in its pool, and 41 examples"):
        few_shot(store, project, config(kind, 41))


@pytest.mark.parametrize("kind", ["fixed", "balanced", "nearest"])
def test_a_resumed_pass_takes_the_examples_it_had(store, project, encoder, kind):
    label_some(store, project, {row: row % 2 for row in range(10)})
    wanted = config(kind, 3, "human")
    first = few_shot(store, project, wanted, student=encoder)
    snapshot = json.loads(json.dumps(first.identity))["rows"]
    store.decisions.decide(project.id, range(9), "unlabel")
    label_some(store, project, {30: 1, 31: 0})
    again = few_shot(store, project, wanted, snapshot=snapshot, student=encoder)
    assert again.identity == first.identity
    assert again.fixed == first.fixed
    assert few_shot(store, project, wanted, student=encoder).identity != first.identity


def test_nearest_are_the_nearest_by_cosine_with_the_nearest_last(store, project, encoder):
    few = few_shot(store, project, config("nearest", 4), student=encoder)
    texts = [str(text) for text in store.projects.texts(project.id)["text"]]
    values = read_embeddings(curation.embeddings_path(store, project, encoder))
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    for row in (5, 17, 50):
        own = [r for r in range(40) if r != row]
        expected = sorted(own, key=lambda r: (-float(units[r] @ units[row]), r))[:4]
        assert [example.row for example in few.choose(texts[row])] == expected[::-1]
    assert few.fixed == ()


def test_a_text_is_never_among_its_own_examples(store, project, encoder):
    few = few_shot(store, project, config("nearest", 40), student=encoder)
    texts = [str(text) for text in store.projects.texts(project.id)["text"]]
    for row, text in enumerate(texts):
        rows = {example.row for example in few.choose(text)}
        assert row not in rows
        assert len(rows) == (40 if row >= 40 else 38 if row in {0, 2} else 39)
    assert not {0, 2} & {example.row for example in few.choose(texts[2])}


def test_a_text_of_no_project_gets_neutral_examples(store, project, encoder):
    few = few_shot(store, project, config("nearest", 4), student=encoder)
    for text in ("N/A", "", "[MASK]"):
        chosen = few.choose(text)
        assert Counter(example.label for example in chosen) == {0: 2, 1: 2}
        assert chosen == few.choose(text)


def test_nearest_look_among_a_balanced_draw_of_many(store, project, encoder, monkeypatch):
    monkeypatch.setattr(curation.examples, "NEAREST_POOL", 10)
    few = few_shot(store, project, config("nearest", 4), student=encoder)
    assert Counter(label for _, label in few.identity["rows"]) == {0: 5, 1: 5}


def test_the_probe_keeps_the_embeddings_it_used(store, project, encoder, tmp_path):
    other = make_encoder(tmp_path / "other", seed=1)
    few_shot(store, project, config("nearest"), student=other)
    used = curation.embeddings_path(store, project, other)
    assert curation.newest_embeddings(store, project) == used
    few_shot(store, project, config("nearest"), student=encoder)
    assert curation.embeddings_path(store, project, encoder).exists()
    assert curation.newest_embeddings(store, project) == used


def test_without_embeddings_a_preview_says_what_makes_them(store, project):
    with pytest.raises(UserError, match="start the labelling, which makes them"):
        curation.few_shot(store, project, config("nearest"))


def test_rows_in_every_prompt_are_told_for_quality(store, project):
    few = few_shot(store, project, config("balanced"))
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=config("balanced"),
        fingerprint="f",
        teacher={"kind": "local", "examples": few.identity},
        calibration="batch",
    )
    assert curation.example_rows(labeling_run) == {example.row for example in few.fixed}
    near = {"examples": {**few.identity, "kind": "nearest"}}
    assert curation.example_rows(replace(labeling_run, teacher=near)) == set()
    assert curation.example_rows(replace(labeling_run, teacher={"kind": "local"})) == set()


def test_two_projects_never_share_near_examples(store, project, encoder):
    texts = store.projects.texts(project.id)[["id", "text", "gold", "split"]]
    texts = texts.assign(text=[f"more {text}" for text in texts["text"]])
    other = store.projects.create(
        "other", texts, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )
    first, second = (
        few_shot(store, each, config("nearest"), student=encoder).identity
        for each in (project, other)
    )
    assert first["rows"] == second["rows"]
    assert first != second


def test_who_has_no_labels_yet_is_told_the_way_to_the_page_where_they_are_given(store, project):
    with pytest.raises(UserError, match="6 examples are wanted: label texts on the Curate page"):
        curation.check_examples(store, project, config("balanced", source="human"))


class Remembering(SilentProgress):
    """A job with what an earlier attempt remembered."""

    def __init__(self, **facts):
        self.facts = facts

    def remember(self, **facts):
        self.facts.update(json.loads(json.dumps(facts)))


@pytest.fixture
def shown(monkeypatch):
    """Row and class key of the examples of each teacher that was made."""
    calls = []

    def make(config, label_set, home, *, examples, meter):
        calls.append({e.row: label_set.keys[e.label] for e in examples.fixed})

    monkeypatch.setattr(setup, "make_teacher", make)
    return calls


def resumed(store, project, job):
    """Make the teacher as a job's attempt does, with the classes as they are now."""
    project = store.projects.get(project.name)
    wanted = config("fixed", 6, "human")
    setup.prepare_teacher(store, project, wanted, job, project.label_set, meter=None)


def moved(store, project):
    """The classes in another order, with one more and other names."""
    first, second = project.label_set.labels
    store.classes.edit(
        project.id,
        [
            Label(name="new"),
            Label(name=first.name, key=second.identity),
            Label(name=second.name, key=first.identity),
        ],
    )


def test_a_resumed_job_shows_each_example_with_its_own_class(store, project, shown):
    """In 0.3.0 the job kept places, which meant other classes once the order was another."""
    given = {row: row % 2 for row in range(6)}
    label_some(store, project, given)
    job = Remembering()
    resumed(store, project, job)
    moved(store, project)
    label_some(store, store.projects.get(project.name), {row: 0 for row in range(10, 20)})
    resumed(store, project, job)
    keys = project.label_set.keys
    assert shown == [{row: keys[k] for row, k in given.items()}] * 2


@pytest.mark.parametrize("asked", [True, False])
def test_a_job_of_0_3_0_is_read_by_the_classes_of_its_pass(store, project, shown, asked):
    given = {row: row % 2 for row in range(6)}
    label_some(store, project, given)
    job = Remembering(examples=[[row, k] for row, k in given.items()])
    if asked:
        labeling_run = store.labeling_runs.find_or_create(
            project.id, label_set=project.label_set, config=config("none"), fingerprint="x",
            teacher={}, calibration="none",
        )  # fmt: skip
        job.facts["labelling_id"] = labeling_run.id
    moved(store, project)
    resumed(store, project, job)
    keys = project.label_set.keys
    assert shown == [{row: keys[k] for row, k in given.items()}]


def test_an_example_of_a_class_that_is_gone_is_not_shown(store, project, shown):
    label_some(store, project, {row: row % 2 for row in range(6)})
    job = Remembering()
    resumed(store, project, job)
    first, second = project.label_set.labels
    kept = first.model_copy(update={"key": first.identity})
    store.classes.edit(project.id, [kept, Label(name="new")], dropping=True)
    store.decisions.decide(project.id, range(10, 16), "label", "new")
    resumed(store, project, job)
    assert second.identity not in shown[1].values() and len(shown[1]) == 6
