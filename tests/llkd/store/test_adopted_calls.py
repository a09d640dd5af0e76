"""An account that takes over the calls of another: once, whatever happens in between."""

import sqlite3

import pytest

from llkd.config import Spending
from llkd.errors import BudgetSpent, StoreError
from llkd.store import Ledger

PRICES = Spending(price_in=1_000_000, price_out=0, calls=4)


def spent(path, *tokens, spending=PRICES):
    ledger = Ledger(path, spending)
    for number in tokens:
        ledger.settle(ledger.reserve(number, 1), number, 1)
    return ledger


def test_its_calls_count_as_ones_own_and_bound_what_is_left(tmp_path):
    spent(tmp_path / "trial.db", 3, 5).close()
    ledger = spent(tmp_path / "calls.db", 2)
    ledger.adopt(tmp_path / "trial.db")
    usage = ledger.usage()
    assert (usage.calls, usage.tokens_in, usage.money) == (3, 10, pytest.approx(10))
    ledger.settle(ledger.reserve(1, 1), 1, 1)
    with pytest.raises(BudgetSpent):
        ledger.reserve(1, 1)
    ledger.close()


def test_twice_changes_nothing(tmp_path):
    spent(tmp_path / "trial.db", 3).close()
    ledger = spent(tmp_path / "calls.db")
    ledger.adopt(tmp_path / "trial.db")
    ledger.adopt(tmp_path / "trial.db")
    ledger.close()
    ledger = Ledger(tmp_path / "calls.db", PRICES)  # as a resumed attempt does
    ledger.adopt(tmp_path / "trial.db")
    assert ledger.usage().calls == 1
    ledger.close()


def test_a_call_that_was_on_its_way_counts_as_lost_in_full(tmp_path):
    trial = spent(tmp_path / "trial.db", 3)
    trial.reserve(7, 1)  # and the process is gone
    ledger = spent(tmp_path / "calls.db")
    ledger.adopt(tmp_path / "trial.db")
    usage = ledger.usage()
    assert (usage.calls, usage.lost, usage.tokens_in, usage.money) == (1, 1, 10, pytest.approx(10))
    ledger.close()
    trial.close()


def test_calls_without_a_price_get_the_one_that_is_known(tmp_path):
    spent(tmp_path / "trial.db", 3, spending=Spending()).close()
    ledger = spent(tmp_path / "calls.db", spending=PRICES)
    ledger.adopt(tmp_path / "trial.db")
    assert ledger.usage().money == pytest.approx(3)
    ledger.close()


def test_an_account_that_is_none_is_said_and_changes_nothing(tmp_path):
    (tmp_path / "trial.db").write_bytes(b"no database" * 100)
    ledger = spent(tmp_path / "calls.db", 2)
    with pytest.raises((StoreError, sqlite3.Error)):
        ledger.adopt(tmp_path / "trial.db")
    assert ledger.usage().calls == 1
    ledger.close()
