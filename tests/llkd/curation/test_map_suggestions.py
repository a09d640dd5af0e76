"""Classes made of topics: used, renamed, merged, dropped; what people did stays."""

import json

import numpy as np
import pytest

from llkd import curation
from llkd.cli import main
from llkd.config import LabelSet
from llkd.curation.maps.pool_map import Topic
from llkd.embedding.mapping import make_map
from llkd.errors import ConfigError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.library.texts import open_project
from llkd.store.derived.embeddings import save_embeddings
from tests.support.map_points import project_of, unit

WORDS = ["parcel courier late", "soup taste salty", "invoice card charged"]
HOSTILE = "<b>=cmd|' /C calc'!A0</b> \u202e\x1b[31m"


def topic(number, name="n", words=("w",), texts=5):
    return Topic(number, name, tuple(words), texts, 0.1, (0,), 0.0, 0.0)


@pytest.fixture
def three(home):
    """A mapped project of three topics that nobody labelled, without classes."""
    rng = np.random.default_rng(0)
    of = np.arange(90) % 3
    store, project = project_of(home, [f"{WORDS[k]} no{n}" for n, k in enumerate(of)])
    points = unit(np.eye(3, 8)[of] + 0.05 * rng.normal(size=(90, 8)))
    save_embeddings(curation.embeddings_path(store, project, "embedded"), points)
    make_map(store, project, SilentProgress())
    return store, project, of


def test_topics_are_named_by_the_words_that_only_they_have(three):
    store, project, of = three
    pool_map = curation.load_map(store, project, 3)
    for each in pool_map.topics:
        mine = set(of[pool_map.topic == each.number].tolist())
        assert len(mine) == 1
        assert set(WORDS[mine.pop()].split()) == set(each.words[:3]) == set(each.name.split(" / "))


def test_topics_are_used_renamed_merged_and_dropped(three, capsys):
    store, project, of = three
    assert main(["suggest", "toy", "--topics", "3", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["texts"] for row in shown["topics"]] == [30, 30, 30] and not shown["applied"]
    assert all(len(row["examples"]) == 3 for row in shown["topics"])
    assert store.projects.get("toy").label_set is None, "looking changes nothing"
    assert main(["suggest", "toy", "--topics", "3"]) == 0
    assert "--use N[=NAME]" in capsys.readouterr().out
    uses = ["--use", "1=Shop", "--use", "2= shop ", "--use", "3"]
    assert main(["suggest", "toy", "--topics", "3", *uses, "--who", "Ada"]) == 0
    label_set = store.projects.get("toy").label_set
    assert label_set.names == ["Shop", shown["topics"][2]["name"]]
    both = {word for row in shown["topics"][:2] for word in row["words"][:3]}
    assert both <= set(label_set.labels[0].description.split(", "))
    assert store.classes.history(project.id)[-1].who == "Ada"


def test_classes_that_are_there_and_peoples_labels_stay(three):
    store, project, _ = three
    store.projects.set_label_set(project.id, LabelSet.of(["Soup", "Other"]))
    store.decisions.decide(project.id, [1, 4], "label", who="ann", key="Soup")
    texts = open_project("toy", home=store.home.root)
    before = store.classes.carried(project.id)
    text_map = texts.map(topics=3, progress=False)
    assert len(text_map.topics) == 3 and text_map.coordinates.shape == (90, 2)
    assert set(text_map.to_frame().columns) == {"id", "text", "x", "y", "topic"}
    text_map.use_topics({0: "soup", 1: "Parcels"})
    assert texts.classes == ["Soup", "Other", "Parcels"], "soup is there already"
    carried = store.classes.carried(project.id)
    assert carried["Soup"] == before["Soup"] and carried["Soup"].people == 2
    with pytest.raises(UserError, match="No class would be new"):
        text_map.use_topics({0: "SOUP"})
    texts.class_changes.undo()
    assert texts.classes == ["Soup", "Other"]
    text_map.use_topics()
    assert len(texts.classes) == 5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--use", "9=x"], "There is no topic 9"),
        (["--use", "0"], "number of a topic"),
        (["--use", "x=1"], "number of a topic"),
        (["--use", "1", "--use", "1=b"], "twice"),
        (["--use", "1="], "has no name"),
        (["--use", "1=a"], "two classes or more"),
        (["--use", "1=a", "--use", "2=A"], "two classes or more"),
        (["--all", "--use", "1"], "--all uses every topic"),
        (["--use", "1=" + "x" * 300, "--use", "2"], "at most 200"),
        (["--topics", "0"], "1 or more"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(three, capsys, words, reason):
    store, _, _ = three
    assert main(["suggest", "toy", *words]) == 2
    assert reason in capsys.readouterr().err
    assert store.projects.get("toy").label_set is None


def test_without_a_map_it_is_said_how_to_make_one(home, capsys):
    project_of(home, ["a", "b"])
    assert main(["suggest", "toy"]) == 2
    assert "There is no map yet. Make it with: llkd map toy" in capsys.readouterr().err


def test_hostile_texts_name_no_markup(home, capsys):
    store, project = project_of(home, [f"{HOSTILE} {k}" for k in range(40)] + ["x" * 200_000])
    points = unit(np.random.default_rng(0).normal(size=(41, 8)))
    save_embeddings(curation.embeddings_path(store, project, "embedded"), points)
    make_map(store, project, SilentProgress())
    assert main(["suggest", "toy"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out
    for each in curation.load_map(store, project).topics:
        assert not set("<>=|\x1b\u202e") & set(each.name)


def test_larger_topics_come_first_and_their_words_take_turns():
    topics = [topic(0, words=("a", "b")), topic(1, words=("c", "a"), texts=9), topic(2, "z")]
    project = type("P", (), {"label_set": None})()
    classes = curation.suggested_classes(project, topics, {0: "Both", 1: "both", 2: "z"})
    assert [label.name for label in classes] == ["both", "z"]
    assert classes[0].description == "c, a, b"
    with pytest.raises(ConfigError, match="no topic 4"):
        curation.suggested_classes(project, topics, {3: "x"})
