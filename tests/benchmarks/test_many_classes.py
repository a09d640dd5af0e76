"""Draws of many small classes: intents read off the order of files, teachers as right as wished."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import many_classes
from benchmarks.label_evidence.intents import INTENTS, PER_FILE, intents_of
from benchmarks.label_evidence.texts import TextSet
from llkd.config import LabelSet


def write_files(folder, shuffled=False):
    """Files as the shared ones: the domain alone is named, the order is that of the intents."""
    for name, size in PER_FILE.items():
        frame = pd.DataFrame(
            [
                {"text": f"{intent} {name} {k}", "label": f"domain {place % 10}"}
                for place, intent in enumerate(INTENTS)
                for k in range(size)
            ]
        )
        frame = frame.sample(frac=1, random_state=0) if shuffled else frame
        frame.to_csv(folder / f"clinc_domains_{name}.csv.gz", index=False)


def test_intents_are_told_by_the_order_and_only_by_it(tmp_path):
    with pytest.raises(SystemExit, match="is missing"):
        intents_of(tmp_path)
    write_files(tmp_path)
    frame = intents_of(tmp_path)
    assert len(set(INTENTS)) == 150 and len(frame) == 150 * sum(PER_FILE.values())
    assert (frame["text"].str.split().str[0] == frame["label"]).all()
    write_files(tmp_path, shuffled=True)
    with pytest.raises(SystemExit, match="not in the original's order"):
        intents_of(tmp_path)


def test_draws_are_small_and_share_no_text_between_halves(tmp_path):
    write_files(tmp_path)
    first, again, other, confirming = (
        many_classes.draw(tmp_path, "intents", half, number)
        for half, number in (("tune", 0), ("tune", 0), ("tune", 1), ("confirm", 0))
    )
    assert first.texts == again.texts and first.texts != other.texts
    assert not set(first.texts) & set(confirming.texts)
    pool = first.gold[~first.held_out]
    assert (np.bincount(pool) == many_classes.PER_INTENT).all() and len(np.bincount(pool)) == 80
    assert first.held_out.sum() == 80 * (many_classes.HELD_OUT // 80)


@pytest.mark.parametrize("share", ["0.3", "0.8"])
def test_a_simulated_teacher_knows_its_share_and_errs_as_similarity_does(share):
    rng = np.random.default_rng(0)
    n, classes = 4000, 5
    similarity = np.tile([0.5, 0.3, 0.1, 0.06, 0.04], (n, 1))
    gold = rng.integers(0, classes, n)
    held = np.zeros(n, dtype=bool)
    labels = LabelSet.of([f"c{k}" for k in range(classes)])
    data = TextSet("x", "tune", labels, [str(k) for k in range(n)], gold, held, ~held, ())
    label = many_classes.teacher_labels(data, similarity, share)
    assert abs((label == gold).mean() - float(share)) < 0.03
    errors = label[(label != gold) & (gold == 4)]
    assert abs((errors == 0).mean() - 0.5 / 0.96) < 0.08
    assert (many_classes.teacher_labels(data, similarity, "similarity") == 0).all()
