"""``llkd people``: blind samples, agreement, disputes and labels by person from a terminal."""

import json

import pandas as pd
import pytest

from llkd.cli import main
from llkd.cli.labeling_terminal import label_sample
from llkd.errors import ConfigError
from llkd.evaluation import people
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def city(home):
    store, project = seeded_project(home, 60, gold=False)
    keys = project.label_set.keys
    for row in range(20):
        store.decisions.decide(project.id, [row], "label", who="Ana", key=keys[row % 3])
    yield store, project
    store.close()


def ran(capsys, *words):
    code = main(["people", "city", *words])
    read = capsys.readouterr()
    return code, read.out, read.err


def test_from_a_draw_to_a_sentence(city, capsys, tmp_path):
    store, project = city
    code, out, _ = ran(capsys, "--draw", "8", "--seed", "3", "--of", "Ana")
    assert code == 0 and "Blind sample 1: 8 texts drawn, seed 3." in out
    file = tmp_path / "b.csv"
    assert ran(capsys, "--out", str(file), "--who", "Ben")[0] == 0
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert list(frame) == ["id", "text", "label"] and set(frame["label"]) == {""}
    assert len(frame) == 8
    frame.assign(label="roads").to_csv(file, index=False)
    code, out, _ = ran(capsys, "--import", str(file), "--who", "Ben")
    assert code == 0 and "8 second labels stored" in out
    assert "Ana and Ben agree on" in out and "An audit takes people's labels for the truth" in out
    document = json.loads(ran(capsys, "--json")[1])
    assert document["people"] == {"Ana": 20, "Ben": 8}
    [first, *_] = document["disputes"]
    assert {part["who"] for part in first["says"]} == {"Ana", "Ben"}
    code, out, _ = ran(capsys, "--adjudicate", f"{first['id']}=water", "--who", "Eve")
    assert code == 0 and f"Settled: {first['id']} is water." in out
    code, _, err = ran(capsys, "--adjudicate", f"{first['id']}=water", "--who", "Eve")
    assert code == 2 and "Nobody disputes" in err
    code, out, _ = ran(capsys, "--labels", str(tmp_path / "l.jsonl"))
    assert code == 0 and "29 labels written" in out
    assert ran(capsys, "--undo", "--who", "Ben")[0] == 0
    [sample] = store.label_samples.all(project.id)
    assert len(store.label_samples.labels(sample)) == 7


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--draw", "21"), "20 texts have a label"),
        (("--label", "--who", "Ben"), "There is no blind sample"),
        (("--seed", "3"), "--seed belongs to --draw"),
        (("--adjudicate", "M0001"), "--adjudicate is ID=CLASS"),
        (("--adjudicate", "M9=roads"), "There is no text 'M9'"),
        (("--sample", "7"), "There is no blind sample 7"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(city, capsys, words, sentence):
    code, _, err = ran(capsys, *words)
    assert code == 2 and sentence in err and "Traceback" not in err


def test_in_a_terminal_each_label_is_stored_before_the_next_text(city, capsys):
    store, project = city
    sample = people.draw_sample(store, project, 5, seed=1)
    typed = iter(["1", "9", "u", "2", "0", "q"])
    assert label_sample(store, project, sample, "Ben", lambda _: next(typed)) == 2
    labels = {e.row: e.key for e in store.label_samples.labels(sample)}
    keys = project.label_set.keys
    assert labels == {sample.rows[0]: keys[1], sample.rows[1]: None}
    screen = capsys.readouterr().err
    assert "Type a number from 0 to 3" in screen and "Ana" not in screen


def test_from_python(home, city):
    import llkd

    texts = llkd.open_project("city", home=home)
    [words] = texts.people.label({0: "water", 40: "roads"}, who="Ben")
    assert words.startswith("Text 0: Ana labelled this roads")
    assert texts.people.disputes() == {0: {"Ana": "roads", "Ben": "water"}}
    texts.people.adjudicate({0: "waste"}, who="Eve")
    assert texts.people.disputes() == {} and texts.people.undo(who="Eve") == 0
    sample = texts.people.draw(4, seed=1)
    answers = {row: "roads" for row, _ in sample.next(4, who="Cleo")}
    assert "agree on" in sample.answer(answers, who="Cleo").sentence
    assert sample.agreement["pairs"][0]["second"] == "Cleo"
    assert set(texts.people.labels()["person"]) == {"Ana", "Ben", "Cleo"}
    with pytest.raises(ConfigError, match="is no class"):
        texts.people.label({0: "none such"}, who="Ben")
