"""Filters and words: the same texts as a row-by-row reading, and the same filters from an address."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hyp

from llkd import curation
from llkd.config import build
from llkd.config.text_filters import FILTER_KINDS, NO_FILTERS, Range, TextFilters, read_filters
from llkd.config.text_view import ORDERS, TextView, read_view
from llkd.curation.text_order import in_order, ranks
from llkd.errors import ConfigError, UserError
from tests.support.seeded_projects import NAMES, seeded_project

numbers = hyp.floats(-5, 500) | hyp.sampled_from([0.0, 0.5, 1.0, 30.0, 1e-9, 1e22])


@hyp.composite
def ranges(draw):
    low, high = sorted((draw(numbers), draw(numbers)))
    return Range(
        **draw(hyp.sampled_from([{"low": low}, {"high": high}, {"low": low, "high": high}]))
    )


def values_of(kind):
    of_kind = FILTER_KINDS[kind]
    if of_kind.options:
        return hyp.sampled_from(of_kind.options)
    if kind == "added":
        return hyp.integers(0, 3)
    if kind == "label":
        return hyp.sampled_from(["k0", "k1", "gone"]) | hyp.text(min_size=1, max_size=9)
    if kind == "by":
        return hyp.sampled_from(["teacher", "nobody", "@Ann"]) | hyp.text(min_size=1, max_size=9)
    return ranges()


@hyp.composite
def filter_sets(draw):
    kinds = draw(hyp.lists(hyp.sampled_from(list(FILTER_KINDS)), unique=True, max_size=5))
    filters = NO_FILTERS
    for kind in kinds:
        filters = filters.with_values(
            kind, draw(hyp.lists(values_of(kind), min_size=1, max_size=3))
        )
    return filters


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """A plane with every kind of row: labelled by people, flagged, excluded, noted on, unknown."""
    store, project = seeded_project(tmp_path_factory.mktemp("home"), n=120, labelled=0.9)
    rows = np.arange(30, 120)
    for who, label, some in (("Ann", "waste", rows[:9]), ("", "roads", rows[9:15])):
        store.decisions.decide(project.id, some.tolist(), "label", label, who=who)
    store.decisions.decide(project.id, rows[12:20].tolist(), "flag", who="Bo")
    store.decisions.decide(project.id, rows[20:31].tolist(), "exclude")
    store.decisions.decide(project.id, rows[3:4].tolist(), "unlabel")
    plane = curation.load_plane(store, project)
    disagreement = np.where(np.arange(len(plane.frame)) % 3, np.nan, np.linspace(0, 1.5, 90))
    plane.frame["disagreement"] = disagreement
    return store, plane


def against(a, b):
    return "unknown" if a < 0 or b < 0 else "agrees" if a == b else "differs"


def author_of(row, labellers):
    if row.human_label >= 0:
        return "@" + labellers[row.row]
    return "teacher" if row.teacher_label >= 0 else "nobody"


def naive(plane, texts, labellers, filters):
    """Row by row, as the help says it."""
    keys, stages = plane.classes.keys, plane.project.stages
    values = {
        "student": lambda row: against(row.teacher_label, row.student_label),
        "people": lambda row: against(row.teacher_label, row.human_label),
        "gold": lambda row: against(row.label, row.gold),
        "label": lambda row: keys[row.label] if row.label >= 0 else None,
        "by": lambda row: author_of(row, labellers),
        "added": lambda row: sum(row.row >= stage for stage in stages),
        "split": lambda row: "pool",
        "flag": lambda row: "yes" if row.flagged else "no",
        "excluded": lambda row: "yes" if row.excluded else "no",
        "note": lambda row: "no",
        "refined": lambda row: "no",
        "length": lambda row: len(texts[row.row]),
        "confidence": lambda row: row.confidence,
        "uncertainty": lambda row: row.information_need,
        "disagreement": lambda row: row.disagreement,
    }

    def holds(value, wanted):
        if not isinstance(wanted, Range):
            return value == wanted
        low = wanted.low is None or value >= wanted.low
        return value == value and low and (wanted.high is None or value <= wanted.high)

    return [
        all(
            any(holds(values[each.kind](row), wanted) for wanted in each.values)
            for each in filters.filters
        )
        for row in plane.frame.itertuples()
    ]


@given(filters=filter_sets())
@settings(max_examples=80, deadline=None)
def test_combined_filters_are_those_of_a_row_by_row_reading(pool, filters):
    store, plane = pool
    texts = store.projects.texts(plane.project)["text"]
    labellers = {row: who for row, who in store.history.labellers(plane.project.id).items()}
    keyed = [  # by the keys that this project's classes have
        each.model_copy(update={"values": tuple({"k0": plane.keys[0], "k1": plane.keys[1]}.get(v, v) for v in each.values)})
        if each.kind == "label" else each
        for each in filters.filters
    ]  # fmt: skip
    filters = TextFilters(filters=tuple(keyed))
    expected = naive(plane, texts, labellers, filters)
    assert curation.filtered_rows(store, plane, filters, texts).tolist() == expected


@given(filters=filter_sets())
@settings(max_examples=150, deadline=None)
def test_an_address_and_a_stored_document_give_back_any_filters(filters):
    assert TextFilters.from_address(filters.to_address()) == filters
    assert read_filters(filters.model_dump(mode="json", exclude_defaults=True)) == filters


@given(filter_sets(), hyp.text(max_size=30), hyp.sampled_from(ORDERS), hyp.booleans())
@settings(max_examples=100, deadline=None)
def test_a_whole_view_comes_back_from_its_address(filters, words, order, down):
    view = TextView(filters=filters, words=words, order=order, descending=down)
    assert TextView.from_address(view.to_address()) == view
    assert read_view(view.model_dump(mode="json", exclude_defaults=True)) == view


@given(hyp.text(max_size=200) | hyp.from_regex(r"[a-z]{2,12}=[^;]{0,20}(;[a-z]+=.*)?"))
def test_an_address_that_makes_no_sense_filters_by_what_is_left(text):
    view = TextView.from_address({"filter": text, "words": text, "sort": text})
    assert set(view.filters.kinds) <= set(FILTER_KINDS)


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("colour", "red", "There is no filter 'colour'. There are: label, by,"),
        ("flag", "maybe", "The filter flag takes yes, no, not 'maybe'."),
        ("confidence", "a lot", "A range is written as 0.5..0.8"),
        ("confidence", "0.9..0.2", "A range goes upwards"),
        ("length", "..", "A range needs a least or a greatest number"),
        ("added", "-1", "An addition is a number from 0"),
        ("confidence", "nan..1", "A range is written as"),
    ],
)  # fmt: skip
def test_a_bad_filter_is_refused_in_one_sentence(kind, typed, words):
    with pytest.raises((UserError, ConfigError)) as refusal:
        NO_FILTERS.with_typed(kind, typed)
    assert words in str(refusal.value)


def test_values_are_added_and_taken_away_one_by_one():
    filters = NO_FILTERS.with_typed("by", "Ann").with_typed("flag", "yes").with_typed("by", "@Bo")
    assert filters.values("by") == ("@Ann", "@Bo") and filters.kinds == ("by", "flag")
    assert filters.without("by", "@Ann").without("by", "@Bo").kinds == ("flag",)
    assert filters.with_typed("by", "Ann") == filters
    with pytest.raises(ConfigError):
        build(TextFilters, filters=[{"kind": "flag", "values": ["yes"]}] * 2)


def test_a_person_called_like_the_teacher_is_a_person():
    assert NO_FILTERS.with_typed("by", "@teacher").values("by") == ("@teacher",)
    assert NO_FILTERS.with_typed("by", "teacher").values("by") == ("teacher",)


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("bus late", [0, 1]),
        ("LATE bus", [0, 1]),
        ('"the bus"', [1]),
        ("bus -late", [3]),
        ('late -"the bus"', [0]),
        ("-bus", [2, 4]),
        ("\u201cthe bus\u201d", [1]),
        ('"the bus', [1]),
        ("", [0, 1, 2, 3, 4]),
        ("- \"\"", [0, 1, 2, 3, 4]),
        ("(.*", [2]),
        ("stra\u00dfe", [2]),
    ],
)  # fmt: skip
def test_words_in_any_order_phrases_and_what_is_left_out(typed, hits):
    texts = pd.Series(
        ["A bus was LATE", "late again, the bus", "Stra\u00dfe (.*", "bus on time", None],
        dtype="str",
    )
    assert np.flatnonzero(curation.matching(texts, curation.word_query(typed))).tolist() == hits


@given(hyp.lists(hyp.text(max_size=5), max_size=20), hyp.booleans())
def test_words_are_sorted_whatever_their_case(words, down):
    order = in_order(np.arange(len(words)), ranks(pd.Series(words, dtype="str")), down)
    lowered = [words[i].lower() for i in order]
    assert lowered == sorted(lowered, reverse=down)


def test_what_filters_are_called_names_every_value(pool):
    store, plane = pool
    for kind, of_kind in FILTER_KINDS.items():
        for value in of_kind.options:
            assert curation.value_words(plane.project, plane.classes, kind, value)
    filters = (
        NO_FILTERS.with_typed("confidence", "50%..0.8").with_typed("label", plane.keys[1])
        .with_typed("label", "gone").with_typed("by", "Ann").with_typed("length", "..20")
        .with_typed("added", "0")
    )  # fmt: skip
    assert curation.filter_sentence(plane.project, plane.classes, filters) == (
        f"Teacher confidence: 50 to 80 %; and Label: {NAMES[1]} or Label: a class that is gone; "
        "and Labelled by Ann; and Length in characters: at most 20; and Imported: seed.csv"
    )
