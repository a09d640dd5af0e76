"""The search for a batch size, on a clock that the test turns."""

import pytest

from llkd.teachers.local.batch_size import ROUNDS, BatchSizer


class Machine:
    """Works at ``pace(budget)`` tokens a second; has memory for ``memory`` tokens."""

    def __init__(self, pace, start=1000, memory=10**9, **options):
        self.now, self.pace, self.memory = 0.0, pace, memory
        self.sizer = BatchSizer(start, clock=lambda: self.now, **options)
        self.used = []

    def work(self, tokens, full=1.0):
        self.sizer.expect(tokens)
        while tokens > 0:
            batch = min(tokens, max(1, int(self.sizer.budget * full)))
            self.sizer.begin()
            if batch > self.memory:
                self.sizer.shrink(batch)
                continue
            self.used.append(batch)
            self.now += batch / self.pace(batch)
            self.sizer.finish(batch)
            tokens -= batch
        return self.sizer.budget


@pytest.mark.parametrize("best", [500, 1000, 2000, 4000])
def test_the_fastest_budget_is_kept(best):
    machine = Machine(lambda budget: 100 if budget == best else 80)
    assert machine.work(100_000) == best
    trials = machine.used[: 4 * ROUNDS]
    assert sorted(trials) == sorted([500, 1000, 2000, 4000] * ROUNDS)
    assert set(machine.used[4 * ROUNDS : -1]) == {best}


def test_of_equally_fast_ones_the_smallest():
    assert Machine(lambda budget: 100 + budget / 1000).work(100_000) == 500


def test_short_work_is_done_as_it_starts():
    machine = Machine(lambda budget: budget)
    machine.work(40_000)
    assert set(machine.used) == {1000}


def test_many_short_pieces_are_long_work():
    machine = Machine(lambda budget: budget)
    for _ in range(20):
        machine.work(9_000)
    assert machine.sizer.budget == 4000
    assert not machine.sizer.searching


def test_a_slow_moment_does_not_decide():
    machine = Machine(lambda budget: budget)
    slow = [4000]

    def pace(budget):
        return 1 if budget in slow and not slow.clear() else budget

    machine.pace = pace
    assert machine.work(100_000) == 4000


def test_batches_that_are_not_full_tell_nothing():
    machine = Machine(lambda budget: budget)
    machine.work(200_000, full=0.4)
    assert machine.sizer.searching
    assert set(machine.used[:-1]) == {400}


def test_out_of_memory_halves_and_caps():
    machine = Machine(lambda budget: budget, memory=1500)
    assert machine.work(100_000) == 1000
    assert max(machine.used) <= 1500
    machine.sizer.shrink(1000)
    assert machine.sizer.budget == 500
    machine.sizer.shrink(1)
    assert machine.sizer.budget == 1


def test_out_of_memory_before_any_trial_lowers_the_start():
    machine = Machine(lambda budget: budget, memory=300)
    assert machine.work(10_000) == 250
    assert set(machine.used[:-1]) <= {250}


def test_one_factor_means_no_search():
    machine = Machine(lambda budget: budget, factors=(1.0,))
    assert machine.work(1_000_000) == 1000
    assert not machine.sizer.searching
