"""What is said of a student that is worse than its teacher follows from how it was trained."""

from types import SimpleNamespace

import pytest

from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.evaluation.intervals import Difference
from llkd.evaluation.student_and_teacher import Standing, sentence
from llkd.evaluation.what_to_change import FEW_SAMPLES, what_to_change

LAST = "Train it for another number of epochs, or begin with a larger student model."


def run_of(accuracies=(0.6, 0.6), selected=1.0, head="probe", selection=None, **labels):
    epochs = [SimpleNamespace(accuracy=value) for value in accuracies]
    summary = SimpleNamespace(kept_epoch=None, epochs=epochs, selected_share=selected)
    config = build(
        TrainingConfig, head_start=head, selection=(selection or SelectionConfig()).model_dump()
    )
    facts = {"classes": ["a", "b", "c"], "rows": 900, "calibration": "batch+refined", **labels}
    return SimpleNamespace(id=1, summary=summary, config=config, labels=facts)


@pytest.mark.parametrize(
    ("selection", "more"),
    [
        (SelectionConfig(strategy="llkd"), "lower the thresholds"),
        (SelectionConfig(strategy="fixed"), "lower the thresholds"),
        (SelectionConfig(strategy="neighbours"), "raise its share"),
        (SelectionConfig(strategy="saved", saved="first cut"), "keep more texts"),
    ],
)
def test_few_samples_are_mended_by_what_chose_them(selection, more):
    run = run_of(selected=FEW_SAMPLES / 2, selection=selection)
    assert f": {more}, or train on all texts." in what_to_change(run)


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({}, LAST),
        ({"head": "random"}, "Its head began at random: train with the first head fitted"),
        ({"accuracies": (0.5, 0.6)}, "It was still getting better in its last epoch"),
        ({"accuracies": (0.5, 0.6, 0.4)}, "It was right in 60.0\u00a0% after epoch 2 and in fewer"),
        ({"accuracies": (0.5, 0.6, 0.6)}, LAST),
        ({"accuracies": (None, None)}, LAST),
        ({"selected": 0.2}, "It learned from 20.0\u00a0% of its samples: raise its share"),
        (
            {"window": {"tokens": 64, "cut": 0.38}},
            "38.0\u00a0% of the texts are longer than the 64",
        ),
        ({"window": {"tokens": 64, "cut": 0.03}}, LAST),
        ({"calibration": "batch"}, "Refine the teacher's labels by what it says of similar texts"),
        # Fewer than three neighbours could vote, so refining would change nothing.
        ({"calibration": "batch", "rows": 17}, LAST),
    ],
)
def test_each_fact_of_the_run_has_its_advice(facts, advice):
    assert what_to_change(run_of(**facts)).startswith(advice)


def test_two_things_are_said_at_most_the_likeliest_first():
    everything = {"head": "random", "accuracies": (0.1, 0.2), "selected": 0.2}
    advice = what_to_change(run_of(**everything, calibration="none"))
    assert advice.startswith("Its head") and advice.endswith("train it for more.")
    assert advice.count(". ") == 1


def standing_with(value, half):
    return Standing(
        run=1, texts=500, by_people=False, accuracy=0.41, interval=(0.37, 0.45),
        teacher_accuracy=0.41 - value, teacher_texts=500,
        difference=Difference(value, value - half, value + half), unused=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "half", "below"), [(-0.1, 0.03, True), (-0.1, 0.11, False), (0.02, 0.05, False)]
)
def test_only_what_the_interval_says_is_said(value, half, below):
    of = standing_with(value, half)
    text = sentence(of, run_of(head="random"))
    assert of.below == below
    assert ("worse than its teacher" in text) == below == ("head began at random" in text)
    assert ("no clear difference" in text) == (not below)
