"""Changes of the classes from Python."""

import pytest

import llkd


@pytest.fixture
def texts(home):
    words = [f"text {k}" for k in range(12)]
    return llkd.read_texts(words, labels=["slow", "broken", "fine"], home=home, project="p")


def test_each_change_says_what_it_does_and_can_be_taken_back(texts):
    store = texts.workspace.store
    store.decisions.decide(texts.project_id, [0, 1, 2], "label", "slow")
    changes = texts.class_changes
    lines = changes.merge(["slow", "broken"], into="bad", dry_run=True)
    assert lines == ["'slow' and 'broken' become one class, 'bad', with 3 labels."]
    assert texts.classes == ["slow", "broken", "fine"]
    assert changes.merge(["slow", "broken"], into="bad", who="ann") == lines
    assert texts.classes == ["bad", "fine"]
    changes.split("bad", {"late": "came late", "torn": "came torn"})
    assert texts.label_set.labels[0].description == "came late"
    assert changes.waiting() == {"bad": [0, 1, 2]}
    changes.undo()
    changes.rename({"bad": "poor"})
    changes.add("weather", "rain and snow")
    assert texts.classes == ["poor", "fine", "weather"] and changes.waiting() == {}
    changes.remove("weather")
    for _ in range(4):
        changes.undo()
    assert texts.classes == ["slow", "broken", "fine"]
    assert changes.history()[1]["what"] == "'bad' split into 'late' and 'torn'"
    assert changes.history()[0]["who"] == "ann"


def test_a_class_that_texts_carry_is_not_removed_in_silence(texts):
    store = texts.workspace.store
    store.decisions.decide(texts.project_id, [0], "label", "slow")
    with pytest.raises(llkd.UserError, match=r"'slow' \(1 label\)"):
        texts.class_changes.remove("slow")
    texts.class_changes.remove("slow", drop_labels=True)
    texts.class_changes.undo()
    assert store.decisions.current(texts.project_id).loc[0, "human_label"] == "slow"
    with pytest.raises(llkd.ConfigError, match="no class 'blue'"):
        texts.class_changes.remove("blue")
