"""What is said of a student that is behind its teacher names what its strategy really has."""

from types import SimpleNamespace

import pytest

from llkd.config import SelectionConfig
from llkd.evaluation.student_and_teacher import FEW_SAMPLES, what_to_change


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
    summary = SimpleNamespace(kept_epoch=1, epochs=[], selected_share=FEW_SAMPLES / 2)
    run = SimpleNamespace(summary=summary, config=SimpleNamespace(selection=selection))
    assert f": {more}, or train on all texts." in what_to_change(run)
