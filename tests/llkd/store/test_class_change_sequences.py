"""Any sequence of changes of the classes, labels and undos: no person's label is ever lost."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from llkd import curation
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.store import ClassInUse, Scores, Store

TEXTS = 12
FIRST = ("a", "b", "c")
GONE = "removed"


class Changes(RuleBasedStateMachine):
    """A project beside a model of it: which class, by a number of the model's own, is what.

    ``said`` holds of each text the class that a person gave, ``became`` what a class that is no
    more became. A label counts where that leaves one class; else it waits on a list.
    """

    @initialize()
    def begin(self):
        self.home = Path(tempfile.mkdtemp())
        self.store = Store(self.home)
        texts = pd.DataFrame(
            {
                "id": [f"t{k}" for k in range(TEXTS)],
                "text": [f"text {k}" for k in range(TEXTS)],
                "gold": [None] * TEXTS,
                "split": ["pool"] * TEXTS,
            }
        )
        classes = LabelSet.of(FIRST)
        self.id = self.store.projects.create(
            "p", texts, source="s", report={}, label_set=classes
        ).id
        scores = np.log(np.random.default_rng(0).dirichlet([1.0] * 3, TEXTS)).astype(np.float32)
        labeling_run = self.store.labeling_runs.find_or_create(
            self.id, label_set=classes, config=TeacherConfig(), fingerprint="f",
            teacher={}, calibration="none",
        )  # fmt: skip
        nothing = np.array([None] * TEXTS, dtype=object)
        source = np.array(["logprob"] * TEXTS, dtype=object)
        self.store.labeling_runs.append(
            labeling_run, Scores(np.arange(TEXTS), scores, np.full(TEXTS, -1), source, nothing)
        )
        self.store.projects.use_labelling(self.id, labeling_run.id)
        self.names = dict(enumerate(FIRST))
        self.became, self.said, self.when = {}, {}, {}
        self.numbers, self.now = len(FIRST), 0
        self.past = []

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.home, ignore_errors=True)

    # The model.

    def number(self):
        self.numbers += 1
        return self.numbers - 1

    def left(self, number):
        """The classes of today that a class has become, with GONE for one that was removed."""
        if number in self.names:
            return {number}
        if number not in self.became:
            return {GONE}
        return set().union(*(self.left(part) for part in self.became[number]))

    def counts_as(self, number):
        left = self.left(number)
        return next(iter(left)) if len(left) == 1 and left != {GONE} else None

    def fresh_name(self):
        return f"n{self.number()}"

    def note(self, kind, **facts):
        self.now += 1
        self.past.append(
            {
                "kind": kind, "at": self.now, "names": dict(self.names),
                "became": dict(self.became), **facts,
            }
        )  # fmt: skip

    def drawn(self, data, least=1, most=1):
        numbers = st.lists(
            st.sampled_from(sorted(self.names)), min_size=least, max_size=most, unique=True
        )
        return data.draw(numbers)

    # What people do.

    @rule(row=st.integers(0, TEXTS - 1), data=st.data())
    def label(self, row, data):
        (number,) = self.drawn(data)
        self.now += 1
        self.store.decisions.decide(self.id, [row], "label", self.names[number], who="ann")
        self.said[row], self.when[row] = number, self.now

    @rule(data=st.data())
    def rename(self, data):
        numbers = self.drawn(data, 1, 2)
        if len(numbers) == 2:  # exchanged
            one, other = numbers
            wanted = {one: self.names[other], other: self.names[one]}
        else:
            wanted = {numbers[0]: self.fresh_name()}
        self.note("rename")
        self.store.classes.rename(self.id, {self.names[k]: name for k, name in wanted.items()})
        self.names |= wanted

    @precondition(lambda self: len(self.names) > 2)
    @rule(data=st.data(), new=st.booleans())
    def merge(self, data, new):
        numbers = self.drawn(data, 2, len(self.names) - 1)
        into = self.number() if new else numbers[0]
        name = self.fresh_name() if new else self.names[into]
        self.note("merge", into=into, parts=tuple(numbers), new=new)
        self.store.classes.merge(self.id, [self.names[k] for k in numbers], name)
        for number in numbers:
            if number != into:
                del self.names[number]
                self.became[number] = {into}
        self.names[into] = name

    @precondition(lambda self: len(self.names) < 7)
    @rule(data=st.data(), same_name=st.booleans())
    def split(self, data, same_name):
        (number,) = self.drawn(data)
        parts = [self.number(), self.number()]
        names = [self.names[number] if same_name else self.fresh_name(), self.fresh_name()]
        self.note("split", whole=number, parts=tuple(parts))
        self.store.classes.split(self.id, self.names[number], [Label(name=n) for n in names])
        del self.names[number]
        self.became[number] = set(parts)
        self.names |= dict(zip(parts, names, strict=True))

    @precondition(lambda self: len(self.names) < 7)
    @rule()
    def add(self):
        number, name = self.number(), self.fresh_name()
        self.note("add", new_class=number)
        self.store.classes.edit(self.id, [*self.keyed(), Label(name=name)])
        self.names[number] = name

    @precondition(lambda self: len(self.names) > 2)
    @rule(data=st.data())
    def remove(self, data):
        (number,) = self.drawn(data)
        wanted = [label for label in self.keyed() if label.name != self.names[number]]
        if any(self.counts_as(said) == number for said in self.said.values()):
            with pytest.raises(ClassInUse):
                self.store.classes.edit(self.id, wanted)
            return
        self.note("remove")
        self.store.classes.edit(self.id, wanted)
        del self.names[number]

    @precondition(lambda self: self.past)
    @rule()
    def undo(self):
        change = self.past[-1]
        since = {row for row, when in self.when.items() if when > change["at"]}
        if change["kind"] == "add" and any(
            self.counts_as(self.said[row]) == change["new_class"] for row in since
        ):
            with pytest.raises(ClassInUse):
                self.store.classes.undo(self.id)
            return
        before = curation.preview_undo(self.store, self.store.projects.by_id(self.id))
        self.store.classes.undo(self.id)
        self.past.pop()
        self.now += 1
        self.names, became = change["names"], change["became"]
        # What undone changes left behind stays: labels of then still say what they said.
        for number, parts in self.became.items():
            if number not in self.names and number not in became:
                became[number] = parts
        if change["kind"] == "merge" and change["new"]:
            became[change["into"]] = set(change["parts"])
        if change["kind"] == "split":
            became |= {part: {change["whole"]} for part in change["parts"]}
        self.became = became
        assert before.labels[1] == sum(self.counts_as(k) in self.names for k in self.said.values())

    def keyed(self):
        label_set = self.store.projects.by_id(self.id).label_set
        return [label.model_copy(update={"key": label.identity}) for label in label_set.labels]

    # What must hold.

    @invariant()
    def every_label_counts_or_waits(self):
        if not hasattr(self, "store"):
            return
        project = self.store.projects.by_id(self.id)
        assert sorted(project.label_set.names) == sorted(self.names.values())
        decisions = self.store.decisions.current(self.id)
        assert sorted(decisions.index) == sorted(self.said), "every label is there"
        lists = curation.split_texts(self.store, project)
        waiting = {row for one in lists for row in one.rows[: one.people].tolist()}
        plane = curation.load_plane(self.store, project)
        human = dict(zip(plane.frame["row"], plane.frame["human_label"], strict=True))
        for row, number in self.said.items():
            counts_as = self.counts_as(number)
            if counts_as is None:
                assert pd.isna(decisions.loc[row, "human_label"])
                assert row in waiting and human[row] == -1
            else:
                assert decisions.loc[row, "human_label"] == self.names[counts_as]
                assert row not in waiting and plane.names[human[row]] == self.names[counts_as]
        assert self.store.classes.orphans(self.id) == {}
        known = plane.frame["teacher_label"].to_numpy() >= 0
        assert np.isfinite(plane.probabilities[known]).all()
        assert (plane.probabilities[known].sum(axis=1) <= 1 + 1e-6).all()


def test_no_sequence_of_changes_loses_a_label():
    run_state_machine_as_test(
        Changes,
        settings=settings(
            max_examples=15,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            phases=[Phase.generate],
        ),
    )
