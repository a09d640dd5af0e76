"""Near-duplicates against the exact comparison of all pairs, and what becomes of them."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.datasets import hold_out, read_texts, texts_from_lines
from llkd.datasets.checks import near_duplicates
from llkd.datasets.checks.near_duplicates import MOST_CHARACTERS, THRESHOLD, near_groups, normal
from llkd.errors import ConfigError

WORDS = [
    "".join(random.Random(k).choices("etaoinshrdlucmfwypvbgk", k=2 + k % 9)) for k in range(3_000)
]


def groups(texts, size=1000, **more):
    chunks = (texts[start : start + size] for start in range(0, len(texts), size))
    return near_groups(chunks, len(texts), lambda rows: [texts[row] for row in rows], **more)


def pieces(text):
    text = normal(text)
    return {text[k : k + 5] for k in range(len(text) - 4)}


def jaccard(one, other):
    return len(one & other) / len(one | other)


def edited(text, draw, times):
    for _ in range(times):
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice("xyzq") + text[at + 1 :]
    return text


@pytest.mark.parametrize(("least", "most"), [(8, 14), (20, 40), (150, 200)])
def test_the_groups_are_those_of_all_pairs(least, most):
    draw = random.Random(least)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(least, most))) for _ in range(150)]
    texts += [edited(texts[k], draw, 1 + k % 4) for k in range(150)]
    sets = [pieces(text) for text in texts]
    found = groups(texts)
    pairs = [(a, b) for b in range(len(texts)) for a in range(b)]
    near = [(a, b) for a, b in pairs if jaccard(sets[a], sets[b]) >= THRESHOLD]
    assert len(near) > 25
    missed = [pair for pair in near if found[pair[0]] != found[pair[1]]]
    assert len(missed) <= len(near) // 50
    # A group is linked by pairs that are near: nothing else comes in.
    for row in np.flatnonzero(found != np.arange(len(texts))):
        group = np.flatnonzero(found == found[row])
        assert any(jaccard(sets[row], sets[o]) >= THRESHOLD for o in group if o != row)


@pytest.mark.parametrize("filled", ["{} 2026", "{} 2026 at {} for {} of {} in room {}"])
def test_texts_of_one_template_are_grouped_as_all_pairs_are(filled):
    """Above the threshold nearly every pair is a candidate; just below nearly every one is not."""
    draw = random.Random(5)
    start = "Your booking has been confirmed and we look forward to seeing you on day "
    texts = [start + filled.format(*(draw.randint(100, 999) for _ in range(5))) for _ in range(200)]
    sets = [pieces(text) for text in texts]
    found = groups(texts)
    apart = {
        (a, b)
        for b in range(len(texts))
        for a in range(b)
        if found[a] != found[b] and jaccard(sets[a], sets[b]) >= THRESHOLD
    }
    assert not apart
    for row in np.flatnonzero(found != np.arange(len(texts))):
        group = np.flatnonzero(found == found[row])
        assert any(jaccard(sets[row], sets[o]) >= THRESHOLD for o in group if o != row)
    assert (len(set(found.tolist())) == 1) is (filled == "{} 2026")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("abcd ", max_size=120), min_size=2, max_size=8))
def test_no_pair_is_more_alike_than_its_upper_bound(texts):
    made = [normal(text) for text in texts]
    hashes, owners = near_duplicates.shingle_sets(made)
    sizes = np.bincount(owners, minlength=len(made))
    pairs = np.array([(a, b) for b in range(len(made)) for a in range(b)])
    exact = near_duplicates.jaccard_similarity(hashes, sizes, pairs)
    sets = [pieces(text) for text in texts]
    assert exact == pytest.approx([jaccard(sets[a], sets[b]) for a, b in pairs])
    assert (near_duplicates.similarity_bound(hashes, owners, sizes, pairs) >= exact - 1e-12).all()


def test_the_same_texts_give_the_same_groups_whatever_the_chunks():
    draw = random.Random(3)
    texts = [" ".join(draw.choices(WORDS, k=15)) for _ in range(200)]
    texts += [edited(text, draw, 1) for text in texts]
    first = groups(texts)
    assert (first != np.arange(400)).sum() > 100
    for size in (1, 7, 400):
        assert np.array_equal(groups(texts, size), first)
    assert np.array_equal(first[first], first)
    assert (first <= np.arange(400)).all()


def test_capitals_and_spaces_do_not_count_and_short_texts_do():
    texts = ["The  Bin is FULL", "the bin is full", "ok", "OK ", "no", "", "y" * 9, "y" * 40]
    assert groups(texts).tolist() == [0, 0, 2, 2, 4, 5, 6, 6]


def test_of_very_long_texts_the_beginning_is_compared():
    draw = random.Random(5)
    base = " ".join(draw.choices(WORDS, k=30_000))
    other = " ".join(draw.choices(WORDS[::-1], k=30_000))
    changed = base[:50_000] + " and one more sentence in the middle " + base[50_000:]
    half = base[:50_000] + "".join(draw.choices("0123456789", k=50_000))
    behind = base[:MOST_CHARACTERS] + "".join(draw.choices("0123456789", k=100_000))
    assert len(base) > MOST_CHARACTERS
    assert groups([base, other, changed, half, behind]).tolist() == [0, 1, 0, 3, 0]


def test_where_only_the_beginning_is_compared_it_is_told(tmp_path):
    draw = random.Random(6)
    path = tmp_path / "books.txt"
    lines = [" ".join(draw.choices(WORDS, k=30_000)) for _ in range(2)] + ["A short one"]
    path.write_text("\n".join(lines))
    sentence = (
        "2 texts have more than 100,000 characters; only these were compared in looking for "
        "near-duplicates."
    )
    assert sentence in read_texts(path).warnings
    assert sentence not in read_texts(path, near="ignore").warnings
    path.write_text("\n".join(line[:MOST_CHARACTERS].strip() for line in lines))
    assert sentence not in read_texts(path).warnings


def test_long_texts_from_one_template_cost_what_their_beginnings_do(monkeypatch):
    """All pairs are candidates and below the threshold: whole texts would be hashed in each."""
    draw = random.Random(7)
    base = draw.choices(WORDS, k=200_000)
    texts = [
        " ".join(w if draw.random() > 0.045 else draw.choice(WORDS) + str(k) for w in base)
        for k in range(6)
    ]
    hashed = 0
    hashes = near_duplicates.shingle_hashes

    def counting(pieces, owners):
        nonlocal hashed
        hashed += sum(map(len, pieces))
        return hashes(pieces, owners)

    monkeypatch.setattr(near_duplicates, "shingle_hashes", counting)
    groups(texts)
    assert 0 < hashed < (6 + 2 * 15) * 1.1 * MOST_CHARACTERS


def test_nothing_and_a_single_text():
    assert groups([]).tolist() == []
    assert groups(["one text"]).tolist() == [0]


LONG = "The street light at the corner of the market has been out for more than a week now"
PASTED = f"{LONG}\n{LONG}!\nA different message about the bins\n{LONG}\n{LONG} .\n"


def test_they_are_counted_and_kept_unless_dropped():
    kept = texts_from_lines(PASTED)
    assert kept.kept_count == 4 and kept.dropped == {"duplicate": 1}
    assert (kept.near.groups, kept.near.texts) == (1, 2)
    assert kept.groups.tolist() == [0, 0, 2, 0]
    dropped = texts_from_lines(PASTED, near="drop")
    assert dropped.texts["text"].tolist() == [LONG, "A different message about the bins"]
    assert dropped.dropped == {"duplicate": 1, "near_duplicate": 2}
    ignored = texts_from_lines(PASTED, near="ignore")
    assert ignored.near is None and ignored.groups.tolist() == [0, 1, 2, 3]


def test_repeats_of_a_text_stand_or_fall_with_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "\n".join([LONG, LONG + "!", LONG + "!", "other words", LONG]))
    found = read_texts(path, near="drop", keep_duplicates=True)
    assert found.texts["text"].tolist() == [LONG, "other words", LONG]
    assert found.dropped == {"near_duplicate": 2}
    found = read_texts(path, keep_duplicates=True)
    assert found.groups.tolist() == [0, 0, 0, 3, 0]


def test_an_unknown_choice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="keep, drop, ignore, but it was 'maybe'"):
        read_texts(tmp_path / "a.csv", near="maybe")


@pytest.mark.parametrize("seed", range(20))
def test_a_group_is_never_on_both_sides(seed):
    draw = np.random.default_rng(seed)
    gold = draw.choice(np.array(["a", "b", "c", None], dtype=object), 400, p=[0.4, 0.3, 0.2, 0.1])
    first = np.arange(400)
    for start in draw.choice(390, 60, replace=False):
        first[start : start + draw.integers(2, 8)] = first[start]
    split = hold_out(gold.tolist(), 0.25, seed, first)
    for group in np.unique(first):
        assert len(set(split[first == group])) == 1
    held = split == "eval"
    assert not any(label is None for label in gold[held])
    for label in "abc":
        of_class = gold == label
        assert 0 < held[of_class].sum() <= round(0.25 * of_class.sum()) + 1
    assert held.sum() >= 0.7 * 0.25 * sum(label is not None for label in gold)


def test_without_groups_of_two_the_split_is_as_before():
    gold = ["a", "b"] * 100
    assert hold_out(gold, 0.2, 4, np.arange(200)).tolist() == hold_out(gold, 0.2, 4).tolist()
