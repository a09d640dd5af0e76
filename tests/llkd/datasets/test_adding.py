"""What is new of added texts, on which side of the hold-out it stands, and under which id."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llkd.config import LabelSet
from llkd.datasets import Reading, texts_from_lines
from llkd.datasets.adding import add_texts, prepare_addition, share_held_out
from llkd.datasets.checks.known_texts import Likeness, free_ids, likeness, split_by_hash
from llkd.datasets.checks.near_duplicates import near_groups
from llkd.datasets.importing import import_texts
from llkd.errors import DataError
from llkd.store import Store
from tests.support.added_texts import added, same_beginning, text_set, whole

WORDS = [f"{a}{b}" for a in ("rain", "snow", "fog", "hail", "wind", "sun") for b in "abcdefghij"]


def made_texts(count, seed, words=14):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) + f" number {seed} {k}" for k in range(count)]


def altered(text, rng):
    """The text with one letter changed: of a hundred characters 0.90 stay alike."""
    place = int(rng.integers(len(text)))
    return text[:place] + "z" + text[place + 1 :]


@pytest.fixture
def project(store):
    texts = made_texts(60, 1)
    gold = ["wet" if k % 3 else "dry" for k in range(60)]
    return import_texts(store, "p", text_set(texts, gold), source="first.csv")


def report(store, project, texts, gold=None, ids=None, **reading):
    wanted = Reading(**reading)
    return prepare_addition(store, project, text_set(texts, gold, ids, **reading), wanted).report


def test_near_duplicates_of_known_texts_are_those_that_a_full_search_finds():
    rng = np.random.default_rng(0)
    known = made_texts(400, 1) + [f"short {k}" for k in range(50)]
    new = [altered(known[k], rng) for k in range(0, 450, 3)] + made_texts(200, 2)
    both = known + new
    groups = near_groups([both], len(both), lambda rows: [both[k] for k in rows])
    first_known = groups[len(known) :] < len(known)
    frame = pd.DataFrame(
        {"text": known, "split": ["eval" if k % 2 else "pool" for k in range(450)]}
    )
    like = likeness(new, frame)
    assert first_known.sum() > 120
    assert not (like.any & ~first_known).any()  # each is compared piece by piece: none too many
    assert (like.any & first_known).sum() >= 0.99 * first_known.sum()
    of = groups[len(known) :][like.any]
    assert (frame["split"].to_numpy()[of] == "eval").tolist() == like.held_out[like.any].tolist()


def test_a_template_of_a_thousand_texts_is_compared_with_few_of_them(monkeypatch):
    from llkd.datasets.checks import near_known

    known = [
        f"Dear sir, your parcel number {k} is on its way to you and comes today"
        for k in range(1000)
    ]
    pairs = []
    real = near_known.alike_pairs
    monkeypatch.setattr(
        near_known,
        "alike_pairs",
        lambda block, *rest: (pairs.append(len(block)), real(block, *rest))[1],
    )
    new = [text.replace("today", "soon") for text in known[:500]]
    like = likeness(new, pd.DataFrame({"text": known, "split": "pool"}))
    assert like.pool.mean() > 0.95 and sum(pairs) < 100_000


def test_repeats_are_counted_and_left_out_or_kept(store, project):
    there = whole(store, project)["text"].tolist()
    new = made_texts(3, 5)
    entries = report(store, project, [there[4] + "  ", *new, there[7], new[0]])
    assert entries["dropped"] == {"duplicate": 1, "known": 2} and entries["kept"] == 3
    kept = report(store, project, [there[4] + "  ", *new, there[7]], keep_duplicates=True)
    assert kept["dropped"] == {} and kept["kept"] == 5
    larger = added(store, project, [there[4], *new], keep_duplicates=True)
    side = whole(store, larger)["split"].tolist()
    assert side[60] == side[4]  # a repeat never stands on the other side of the hold-out


def test_near_duplicates_stand_on_the_side_of_what_they_repeat(store, project):
    frame = whole(store, project)
    rng = np.random.default_rng(3)
    near = [altered(text, rng) for text in frame["text"]]
    larger = added(store, project, near, gold=["wet"] * 60)
    sides = whole(store, larger)["split"]
    assert larger.rows == 120 and set(sides) == {"eval", "pool"}
    assert sides.iloc[60:].tolist() == sides.iloc[:60].tolist()
    [note] = [w for w in larger.additions[0].report["warnings"] if "nearly repeat" in w]
    assert note.startswith("60 new texts nearly repeat a text of the project")
    unlabelled = report(store, project, near)
    assert unlabelled["held_out"] == (frame["split"] == "eval").sum()
    left_out = report(store, project, near, near="drop")
    assert left_out["dropped"] == {"near_known": 60} and left_out["kept"] == 0
    assert report(store, project, near, near="ignore")["kept"] == 60


def test_what_is_held_out_of_new_texts_depends_on_them_alone(store, project):
    texts = made_texts(2000, 9)
    gold = ["wet" if k % 2 else "dry" for k in range(2000)]
    share = share_held_out(project)
    assert share == 0.25
    at_once = added(store, project, texts, gold)
    side = dict(zip(texts, whole(store, at_once)["split"].iloc[60:], strict=True))
    assert abs(np.mean([v == "eval" for v in side.values()]) - share) < 0.03
    other = Store(store.home.root.parent / "other")
    twin = import_texts(
        other, "p", text_set(made_texts(60, 1), ["wet", "dry"] * 30), source="first.csv"
    )
    for part in (slice(1000, None), slice(None, 1000)):  # in another order, in two steps
        twin = added(other, twin, texts[part][::-1], gold[part][::-1])
    frame = whole(other, twin).iloc[60:]
    assert dict(zip(frame["text"], frame["split"], strict=True)) == side
    other.close()


def test_the_share_is_the_projects_own(store):
    texts, gold = made_texts(40, 1), ["wet", "dry"] * 20
    half = import_texts(store, "half", text_set(texts, gold), source="x", holdout=0.5)
    none = import_texts(store, "none", text_set(texts, gold), source="x", holdout=0.0)
    bare = import_texts(store, "bare", text_set(texts), source="x")
    assert [share_held_out(p) for p in (half, none, bare)] == [0.5, 0.0, 0.25]
    new, gold = made_texts(600, 2), ["wet", "dry"] * 300
    held = [report(store, p, new, gold)["held_out"] / 600 for p in (half, none, bare)]
    assert held[1] == 0 and abs(held[0] - 0.5) < 0.07 and abs(held[2] - 0.25) < 0.06
    older = {name: value for name, value in half.report.items() if name != "holdout"}
    from dataclasses import replace

    assert share_held_out(replace(half, report=older)) == 0.5  # of before the share was stored


def test_a_group_with_a_text_without_gold_is_in_the_pool():
    texts = [f"text {k}" for k in range(400)]
    nobody = Likeness(np.zeros(400, bool), np.zeros(400, bool))
    groups = np.arange(400) // 2 * 2
    gold = ["a" if k % 4 else None for k in range(400)]
    split = split_by_hash(texts, gold, groups, nobody, 0.9)
    assert (split[::2] == split[1::2]).all() and (split == "eval").any()
    assert (split[np.arange(400) % 4 < 2] == "pool").all()


def test_ids_that_are_taken_are_put_after_the_name_of_the_file(store, project):
    new = made_texts(4, 5)
    larger = added(store, project, new)  # records are numbered from 1 here, too
    assert whole(store, larger)["id"].tolist()[60:] == [f"more.csv:{k}" for k in range(1, 5)]
    [note] = larger.additions[0].report["warnings"]
    assert note == (
        "4 ids are taken by other texts of the project, so 4 ids were put after the name of the "
        "file (such as 'more.csv:1')."
    )
    again = added(store, larger, made_texts(4, 6))
    assert whole(store, again)["id"].tolist()[64:] == [f"more.csv (2):{k}" for k in range(1, 5)]
    own = added(store, again, made_texts(4, 7), ids=["a", "b", "7", "d"])
    assert whole(store, own)["id"].tolist()[68:] == ["a", "b", "more.csv:7", "d"]
    assert free_ids(["x", "y"], pd.Series(["z"]), ["f", "f"]) == (["x", "y"], [])


def test_gold_follows_the_classes_and_others_are_told_in_one_sentence(store, project):
    store.classes.rename(project.id, {"wet": "rainy"})
    project = store.projects.get("p")
    larger = added(store, project, made_texts(5, 5), gold=["wet", "RAINY", "dry", "snowy", "snowy"])
    gold = whole(store, larger)["gold"].iloc[60:]
    assert gold.tolist()[:3] == ["wet", "wet", "dry"] and gold.iloc[3:].isna().all()
    warnings = larger.additions[0].report["warnings"]
    assert any("'wet' as 'rainy'" in line for line in warnings)
    [refused] = [line for line in warnings if "none of the classes" in line]
    assert refused.startswith("2 gold labels are none of the classes and are not used: 'snowy' (2")
    assert "llkd classes PROJECT --add NAME" in refused
    assert larger.label_set == project.label_set


def test_repeats_with_another_label_change_nothing_and_are_told(store):
    texts = made_texts(4, 1)
    project = import_texts(
        store, "p", text_set(texts, ["wet", "dry", None, None]), source="x", holdout=0
    )
    entries = report(store, project, texts, gold=["dry", "dry", "wet", None])
    assert entries["warnings"][1:] == [
        "1 text that is there already comes again with another label; that of before counts.",
        "1 text that is there already without gold comes again with a gold label, which is not "
        "taken over: gold of texts that are there does not change.",
    ]


def test_too_many_texts_are_refused(store, project, monkeypatch):
    monkeypatch.setattr("llkd.datasets.adding.MAX_ROWS", 62)
    with pytest.raises(DataError, match="would have 63 texts, and at most 62 are possible"):
        report(store, project, made_texts(3, 5))


def test_the_report_of_texts_from_several_files_has_their_names(store, project, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"a text of file {name}\n")
    from llkd.datasets import File, read_files

    read = read_files([File(str(tmp_path / "one.txt")), File(str(tmp_path / "two.txt"))])
    larger = add_texts(store, project, read, source="one.txt, two.txt")
    assert store.projects.texts(larger)["source"].tolist()[60:] == ["one.txt", "two.txt"]
    assert store.projects.texts(larger)["source"].isna().sum() == 60


TEXT = st.sampled_from([*made_texts(12, 3, words=6), *[t + "!" for t in made_texts(6, 3, words=6)]])
RECORD = st.tuples(TEXT, st.sampled_from(["wet", "dry", "snowy", None]))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.lists(RECORD, min_size=1, max_size=8), st.booleans()), max_size=4))
def test_whatever_is_added_what_is_there_stays(store, steps):
    """Rows, ids, texts, gold and sides stay; ids are unique; no text stands on two sides."""
    for old in store.projects.all():
        store.projects.delete(old.id)
    project = import_texts(
        store, "p", text_set(made_texts(6, 3, words=6), ["wet", "dry"] * 3), source="first.csv",
        label_set=LabelSet.of(["wet", "dry"]),
    )  # fmt: skip
    for records, keep in steps:
        before = whole(store, project)
        texts, gold = zip(*records, strict=True)
        project = added(store, project, texts, gold, keep_duplicates=keep)
        frame = whole(store, project)
        assert same_beginning(before, frame) and len(frame) == project.rows
        assert frame["id"].is_unique and set(frame["gold"].dropna()) <= {"wet", "dry"}
        sides = frame.groupby("text")["split"].nunique()
        assert (sides == 1).all()
        if not keep:
            assert not frame["text"].iloc[len(before) :].isin(before["text"]).any()
    assert [store.projects.by_id(project.id).stage(k).rows for k in range(len(project.stages))] == [
        *project.stages
    ]


def test_pasted_lines_can_be_added(store, project):
    larger = add_texts(store, project, texts_from_lines("fog\nhail\n"), source="pasted texts")
    assert larger.rows == 62 and whole(store, larger)["gold"].isna().iloc[60:].all()
