"""One rule for plane, address, saved selections, exports, training and manifests."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as hyp

from llkd import curation, workflows
from llkd.cli.arguments import selection as rule_of_flags
from llkd.cli.parser import make_parser
from llkd.config import LabelSet
from llkd.config.selection_rule import (
    GRID,
    RULE,
    RowsRule,
    SavedRule,
    ThresholdRule,
    TrainedOnRule,
    from_address,
    read_rule,
    read_standalone_rule,
    rule_of_choices,
    to_address,
)
from llkd.errors import ConfigError, NotFound, UserError
from llkd.jobs.requests import ExportRequest
from llkd.jobs.requests.base import rule_flags
from llkd.store import Store

NAMES = LabelSet.of(["roads", "waste"])
on_grid = hyp.integers(0, GRID).map(lambda unit: unit / GRID)
threshold = hyp.one_of(
    on_grid,
    hyp.tuples(on_grid, on_grid)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: dict(zip(NAMES.keys, pair, strict=True))),
)
calibrations = hyp.sampled_from([None, "none", "batch", "batch+temperature"])
numbers = hyp.one_of(hyp.none(), hyp.integers(1, 10**6))
threshold_rules = hyp.builds(
    ThresholdRule,
    teacher_threshold=threshold,
    student_threshold=threshold,
    calibration=calibrations,
    run=numbers,
)
rules = hyp.one_of(
    threshold_rules,
    hyp.builds(
        TrainedOnRule,
        run=hyp.integers(1, 99),
        least_times=hyp.integers(1, 9),
        calibration=calibrations,
    ),
    hyp.builds(RowsRule, rows=hyp.lists(hyp.integers(0, 10**6)).map(tuple), run=numbers),
    hyp.builds(
        SavedRule, name=hyp.text(min_size=1, max_size=100), moment=hyp.one_of(hyp.none(), on_grid)
    ),
)


@pytest.fixture
def store(old_home):
    opened = Store(old_home)
    yield opened
    opened.close()


@given(rules)
def test_every_rule_survives_its_json(rule):
    stored = json.loads(json.dumps(rule.model_dump(mode="json")))
    assert read_rule(stored) == rule
    assert RULE.validate_python(stored) == rule


@given(threshold_rules)
def test_every_threshold_rule_survives_the_address(rule):
    back = from_address(json.loads(json.dumps(to_address(rule))), NAMES)
    assert back.model_copy(update={"epoch": None}) == rule


def test_documents_of_0_3_0_are_read():
    view = {
        "teacher_threshold": {"roads": 0.5},
        "student_threshold": 0.25,
        "calibration": "batch",
        "run": 3,
        "epoch": 2,
    }
    assert read_rule(view) == ThresholdRule(
        teacher_threshold={"roads": 0.5},
        student_threshold=0.25,
        calibration="batch",
        run=3,
        epoch=2,
    )
    assert read_rule({}) == ThresholdRule()
    of_manifest = {
        "kind": "thresholds",
        "teacher_threshold": 0.6,
        "student_threshold": 0.0,
        "information_need": "the probe",
        "selection": "first cut",
        "run": None,
    }
    assert read_rule(of_manifest) == ThresholdRule(teacher_threshold=0.6)
    assert read_rule({"kind": "trained on by run", "run": 7}) == TrainedOnRule(run=7)


def test_what_is_no_rule_is_refused_by_name():
    with pytest.raises(ConfigError, match="kind 'magic' is unknown here; there are thresholds"):
        read_rule({"kind": "magic"})
    with pytest.raises(ConfigError, match="kind 3 is unknown"):
        read_rule({"kind": 3})
    with pytest.raises(ConfigError, match="teacher_threshold"):
        read_rule({"teacher_threshold": 1.5})
    with pytest.raises(ConfigError, match="cannot stand for another"):
        read_standalone_rule({"kind": "saved", "name": "a"})
    with pytest.raises(UserError, match="has its own thresholds. Name it alone"):
        rule_of_choices(selection="a", teacher_threshold=0.0)


@pytest.mark.parametrize(
    "rule",
    [
        ThresholdRule(),
        ThresholdRule(teacher_threshold=0.7, student_threshold=0.2, calibration="none"),
        ThresholdRule(teacher_threshold={"waste": 0.5}, run=1),
        ThresholdRule(run=1),
        TrainedOnRule(run=1),
        TrainedOnRule(run=1, calibration="none"),
        SavedRule(name="by class"),
    ],
    ids=lambda rule: json.dumps(rule.model_dump(exclude_defaults=True)),
)
def test_the_flags_of_a_rule_are_read_back_as_that_rule(store, rule):
    line = ExportRequest(project="desk", out="out", rule=rule).command()
    read = rule_of_flags(store, store.projects.get("desk"), make_parser().parse_args(line))
    if isinstance(rule, ThresholdRule):
        classes = store.projects.get("desk").label_set
        rule = rule.under_keys(classes)
    assert read == rule


def test_no_flags_for_what_no_flag_says():
    for rule in (RowsRule(rows=(1,)), SavedRule(name="a", moment=1.0)):
        with pytest.raises(ValueError, match="no flags spell out"):
            rule_flags(rule)


class TestKeptTexts:
    def test_rows_and_the_run_that_trained_on_them(self, store):
        project = store.projects.get("desk")
        run = store.runs.all(project.id)[0]
        times = curation.times_trained(store, run)
        most = int(times.max())
        texts = curation.apply_rule(store, project, TrainedOnRule(run=run.id, least_times=most))
        excluded = set(texts.plane.frame["row"][texts.plane.frame["excluded"]])
        assert set(texts.rows) == set(times.index[times == most]) - excluded
        assert 0 < len(texts.rows) <= len(times)
        pool = texts.plane.frame["row"].to_numpy()
        wanted = tuple(int(row) for row in pool[[0, 3, 5]])
        kept = curation.apply_rule(store, project, RowsRule(rows=(*wanted, 10**6))).rows
        assert set(kept) == set(wanted) - excluded

    def test_what_a_person_excluded_is_in_no_rule(self, store):
        project = store.projects.get("desk")
        run = store.runs.all(project.id)[0]
        row = int(curation.times_trained(store, run).index[0])
        rules = [ThresholdRule(), TrainedOnRule(run=run.id), RowsRule(rows=(row,))]
        moments = [curation.apply_rule(store, project, rule) for rule in rules]
        store.decisions.decide(project.id, [row], "exclude")
        for rule, before in zip(rules, moments, strict=True):
            after = curation.apply_rule(store, project, rule)
            assert set(before.rows) - set(after.rows) <= {row} and row not in after.rows

    def test_a_saved_selection_may_be_any_rule(self, store, tmp_path):
        project = store.projects.get("desk")
        rows = curation.load_plane(store, project).frame["row"].to_numpy()[:9]
        rule = RowsRule(rows=tuple(int(row) for row in rows), calibration="batch")
        store.selections.save(project.id, "nine", rule, {"kept": 9})
        assert store.selections.get(project.id, "nine").rule == rule
        counted = workflows.select(store, project, SavedRule(name="nine"))
        made = workflows.export(
            store, project, tmp_path / "out", SavedRule(name="nine"), formats=["csv"]
        )
        assert made["rows"] == counted["kept"] <= 9
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
        assert read_rule(manifest["selection"]).rows == rule.rows
        assert manifest["selection"]["selection"] == "nine"
        again = workflows.rebuild(store, tmp_path / "out", tmp_path / "again")
        assert again["rows_sha256"] == manifest["rows_sha256"]

    def test_names_of_classes_are_taken_and_an_epoch_that_is_not_there_is_said(self, store):
        project = store.projects.get("desk")
        by_name = ThresholdRule(teacher_threshold={"waste": 0.9})
        key = project.label_set.find("waste").identity
        texts = curation.apply_rule(store, project, by_name)
        assert texts.rule.teacher_threshold == {key: 0.9}
        by_key = curation.apply_rule(store, project, ThresholdRule(teacher_threshold={key: 0.9}))
        assert np.array_equal(texts.mask, by_key.mask) and not texts.mask.all()
        with pytest.raises(UserError, match="kept no signals of epoch 99"):
            curation.apply_rule(store, project, ThresholdRule(run=1, epoch=99))
        with pytest.raises(NotFound):
            curation.apply_rule(store, project, ThresholdRule(run=10**6))


def test_without_times_nothing_was_trained_on(store):
    plane = curation.load_plane(store, store.projects.get("desk"))
    assert not curation.rows_kept_by(plane, TrainedOnRule(run=1)).any()
    times = pd.Series([1, 2], index=plane.frame["row"].to_numpy()[:2])
    assert curation.rows_kept_by(plane, TrainedOnRule(run=1, least_times=2), times).sum() <= 1
