"""Weights of 8 and 4 bits: nearly the same scores, another fingerprint, a sentence without them."""

import numpy as np
import pytest

from llkd import installation
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.teachers.local.teacher import load_causal_model, local_teacher
from tests.support.tiny_teacher import LINES, TEMPLATE, make_llama, make_tokenizer

LABELS = LabelSet.of(["credit cards", "world", "sports"])
TEXTS = [f"{line} {k}" for k in range(10) for line in LINES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    decoder = tmp_path_factory.mktemp("decoder")
    make_llama(hidden_size=128, intermediate_size=256).save_pretrained(decoder)
    make_tokenizer(TEMPLATE).save_pretrained(decoder)
    return decoder


def teacher_of(folder, precision, home):
    config = TeacherConfig(teacher=f"local:{folder}", precision=precision)
    return local_teacher(config, LABELS, home)


def scores_of(teacher):
    scores = np.empty((len(TEXTS), 3))
    for batch in teacher.score(TEXTS):
        scores[batch.index] = batch.scores
    return scores


@pytest.mark.parametrize(("precision", "bits"), [("int8", 8), ("nf4", 4)])
def test_scores_are_near_those_of_whole_weights(folder, tmp_path, precision, bits):
    whole, small = (teacher_of(folder, each, tmp_path) for each in ("fp32", precision))
    config = TeacherConfig(teacher=f"local:{folder}", precision=precision)
    model, _ = load_causal_model(str(folder), config)
    linear = model.model.layers[0].mlp.down_proj
    assert linear.weight.element_size() * linear.weight.numel() * 8 == 128 * 256 * bits
    exact, near = scores_of(whole), scores_of(small)
    assert not np.array_equal(exact, near)
    # A model of random weights has no sure answers, so its order is what few bits may upset.
    correlation = np.corrcoef(exact.ravel(), near.ravel())[0, 1]
    assert correlation > (0.998 if bits == 8 else 0.95), correlation
    assert whole.describe() == {
        **{key: value for key, value in small.describe().items() if key != "weights"},
        "dtype": "float32",
    }
    assert small.describe()["weights"] == precision


def test_without_the_library_the_sentence_says_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(installation.EXTRAS, "quantized", ("no_such_library",))
    with pytest.raises(UserError, match="Loading weights of 8 or 4 bits needs no_such_library"):
        teacher_of(folder, "nf4", tmp_path)
