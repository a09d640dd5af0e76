"""Settings are checked where they are made, and a wrong one is named with its value."""

import pytest

from llkd.config import LabelSet, SelectionConfig, TeacherConfig, TrainingConfig, build
from llkd.errors import ConfigError


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["only"], "needs at least two classes, but this one has 1"),
        ([], "needs at least two classes, but this one has 0"),
        (["Spam", "spam"], "each class needs its own name, but 'Spam' stands twice|Each class"),
        (["a", " "], "labels.1.name"),
    ],
)
def test_label_sets(names, message):
    with pytest.raises(ConfigError, match=message):
        LabelSet.of(names)


def test_two_classes_with_the_same_words_are_refused():
    with pytest.raises(ConfigError, match="needs its own verbaliser, but 'b' stands twice"):
        build(LabelSet, labels=[{"name": "a", "verbaliser": "b"}, {"name": "b"}])


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            TrainingConfig,
            {"epochs": 0},
            "Setting 'epochs': .*greater than or equal to 1, but it was 0",
        ),
        (TrainingConfig, {"epoch": 1}, "Unknown setting 'epoch'"),
        (TrainingConfig, {"selection": {"momentum": 1.7}}, "selection.momentum.*but it was 1.7"),
        (SelectionConfig, {"strategy": ""}, "at least 1 character"),
        (TeacherConfig, {"teacher": "api:"}, "A teacher is the name of a kind.*but it was 'api:'"),
        (TeacherConfig, {"teacher": "my model"}, "but it was 'my model'"),
    ],
)
def test_wrong_settings_get_one_sentence(kind, values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build(kind, values)
    assert "\n" not in str(caught.value)


def test_settings_survive_json():
    config = build(
        TrainingConfig,
        selection={"strategy": "fixed", "teacher_threshold": {"a": 0.5}},
        seed=3,
    )
    assert build(TrainingConfig, config.model_dump(mode="json")) == config


def test_settings_cannot_be_changed():
    with pytest.raises(Exception, match="frozen"):
        TrainingConfig().epochs = 5
