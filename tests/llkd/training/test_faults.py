"""What goes wrong, and the words for it."""

import numpy as np
import pytest

from llkd import training
from llkd.errors import ConfigError, DataError, LLKDError, ModelError
from tests.support.tiny_student import CLASSES
from tests.support.toy_runs import (
    N,
    config,
    fresh,
    run,
    toy_data,
)


def test_a_loss_that_is_no_number_stops_with_its_place(encoder, tmp_path, monkeypatch):
    import torch

    real, calls = torch.nn.functional.cross_entropy, []

    def broken(*args, **options):
        calls.append(1)
        return real(*args, **options) * (float("nan") if len(calls) == 7 else 1.0)

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", broken)
    message = (
        r"loss is not a number at step 7 \(epoch 2, batch 2\). Lower the learning rate "
        r"\(it was 0.001\)"
    )
    with pytest.raises(LLKDError, match=message):
        run(encoder, tmp_path, config("all"))


def test_a_prediction_that_is_no_number_stops_with_its_place(encoder, tmp_path):
    import torch

    student = fresh(encoder)
    with torch.no_grad():
        student.network["head"].weight.fill_(float("nan"))
    with pytest.raises(ModelError, match=r"prediction is not a number at step 1 \(epoch 1, batch"):
        training.train(student, toy_data(), config(head_start="random"), CLASSES, tmp_path)


def test_an_encoder_whose_vectors_are_no_numbers_is_said_before_the_first_step(encoder, tmp_path):
    import torch

    student = fresh(encoder)
    with torch.no_grad():
        student.network["encoder"].embeddings.word_embeddings.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="embedding is not a number before the first step"):
        training.train(student, toy_data(), config(), CLASSES, tmp_path)


def test_data_that_do_not_fit_are_named(encoder, tmp_path):
    probs = toy_data().teacher_probs.copy()
    probs[4] = np.nan
    for changes, message in (
        ({"teacher_probs": probs}, r"1 of 40 texts have no teacher probabilities .* row 104"),
        ({"texts": []}, "no labelled text to train on"),
        ({"rows": np.zeros(N, dtype=int)}, "A pool row is given twice"),
        ({"rows": np.arange(3)}, "There are 40 texts but 3 row numbers"),
        ({"gold": np.full(N, 2)}, "A gold label is class 2, but there are 2 classes"),
        ({"eval_gold": np.zeros(3)}, "20 texts but 3 gold labels of the evaluation texts"),
        ({"teacher_probs": np.ones((N, 3)) / 3}, r"shape \[40, 2\], but they are \[40, 3\]"),
    ):
        with pytest.raises(DataError, match=message):
            run(encoder, tmp_path, data=toy_data(**changes))
    with pytest.raises(ConfigError, match=r"classes \(sports, money\) are not those"):
        training.train(fresh(encoder), toy_data(), config(), ["x", "y"], tmp_path)
