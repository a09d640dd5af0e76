"""``Texts.add``: more texts in a program, and what labels and scripts that begin again make of it."""

import numpy as np
import pytest

import llkd


def lines(first, count):
    return [
        f"message number {k} is {'short' if k % 2 else 'long'}" for k in range(first, first + count)
    ]


def by_word(texts):
    return [[0.9, 0.1] if "short" in text else [0.1, 0.9] for text in texts]


def test_texts_are_added_and_only_they_are_asked_about():
    texts = llkd.read_texts(lines(0, 20), labels=["short", "long"], progress=False)
    calls = []

    def teacher(several):
        calls.extend(several)
        return by_word(several)

    labels = llkd.label(texts, teacher=teacher, progress=False)
    probabilities = labels.probabilities
    report = texts.add(lines(18, 6), progress=False)
    assert (report["added"], report["known"], report["texts"], report["first_row"]) == (
        4,
        2,
        24,
        20,
    )
    assert len(texts) == 24 and texts.to_frame()["text"].tolist() == lines(0, 24)
    assert report["coverage"][0].startswith("20 of 24 texts were asked about")
    # What was there is as it was; the new texts have no label yet.
    np.testing.assert_array_equal(labels.probabilities[:20], probabilities)
    assert np.isnan(labels.confidence[20:]).all() and labels.labels[20:].tolist() == [None] * 4
    asked = len(calls)
    again = llkd.label(texts, teacher=teacher, progress=False)
    assert sorted(set(calls[asked:]) & set(lines(0, 24))) == sorted(lines(20, 4))
    assert len(again) == 24
    assert texts.add(lines(0, 24), progress=False)["added"] == 0


def test_a_dry_run_stores_nothing_and_a_frame_may_bring_gold():
    pandas = pytest.importorskip("pandas")
    texts = llkd.read_texts(lines(0, 20), labels=["short", "long"], progress=False)
    frame = pandas.DataFrame({"body": lines(30, 8), "right": ["short", "long"] * 4})
    report = texts.add(frame, text="body", gold="right", dry_run=True, progress=False)
    assert (report["added"], report["gold"], len(texts)) == (8, 8, 20)
    texts.add(frame, text="body", gold="right", progress=False)
    assert texts.to_frame()["gold"].notna().sum() == 8


def test_a_script_that_begins_again_goes_on_with_what_it_has_added(tmp_path):
    def script():
        texts = llkd.read_texts(
            lines(0, 10), labels=["short", "long"], home=tmp_path / "h", project="p", progress=False
        )
        report = texts.add(lines(10, 5), progress=False)
        return len(texts), report["added"]

    assert script() == (15, 5)
    assert script() == (15, 0)
    with pytest.raises(Exception, match="other texts"):
        llkd.read_texts(lines(0, 9), home=tmp_path / "h", project="p", progress=False)


def test_an_empty_inbox_is_said_so():
    texts = llkd.read_texts(lines(0, 10), labels=["short", "long"], progress=False)
    with pytest.raises(Exception, match="The inbox of .* is empty"):
        texts.add_inbox()
