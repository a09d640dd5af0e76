"""The account of a pass: budgets that hold over threads, kills and attempts."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.config import Spending
from llkd.errors import BudgetSpent, StoreError
from llkd.store.cost_ledger import Ledger, read_usage

PRICED = {"price_in": 1.0, "price_out": 10.0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pass #1" / "calls.db"


def test_a_bill_adds_up_what_was_answered_lost_and_refused(path):
    ledger = Ledger(path, Spending(**PRICED))
    for end in (ledger.settle, ledger.settle):
        end(ledger.reserve(100, 10), 80, 5)
    ledger.release(ledger.reserve(100, 10))
    ledger.mark_unknown(ledger.reserve(100, 10))
    bill = ledger.usage()
    assert (bill.calls, bill.lost, bill.refused) == (2, 1, 1)
    assert (bill.tokens_in, bill.tokens_out) == (260, 20)
    assert bill.money == pytest.approx((260 + 200) / 1e6)
    assert bill.unsure_money == pytest.approx(200 / 1e6)
    assert read_usage(path) == bill, "also from another process, whatever the folder's name"
    ledger.close()
    assert read_usage(path) == bill


def test_nothing_metered_is_no_bill(path):
    assert read_usage(path) is None
    Ledger(path).close()
    assert read_usage(path) is None


def test_calls_are_counted_with_those_in_flight(path):
    ledger = Ledger(path, Spending(calls=2))
    first = ledger.reserve(1, 1)
    ledger.settle(ledger.reserve(1, 1), 1, 1)
    ended = threading.Event()
    refused = []

    def wait():
        with pytest.raises(BudgetSpent, match="All 2 calls") as error:
            ledger.reserve(1, 1)
        refused.append(error)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not ended.wait(0.2), "it waits while a call in flight may yet cost nothing"
    ledger.settle(first, 1, 1)
    assert ended.wait(5)
    assert refused


def test_a_call_waits_for_what_one_in_flight_gives_back(path):
    ledger = Ledger(path, Spending(budget=150e-6, **PRICED))
    first = ledger.reserve(100, 0)
    got = []
    waiting = threading.Thread(target=lambda: got.append(ledger.reserve(100, 0)), daemon=True)
    waiting.start()
    time.sleep(0.1)
    assert got == []
    ledger.settle(first, 40, 0)
    waiting.join(5)
    assert len(got) == 1
    ledger.settle(got[0], 100, 0)
    with pytest.raises(BudgetSpent, match="budget of 0.00015 does not cover another call"):
        ledger.reserve(11, 0)
    ledger.settle(ledger.reserve(10, 0), 10, 0)


def test_what_a_killed_process_had_in_flight_counts_in_full(path):
    work = (
        "import sys, time; from pathlib import Path; from llkd.config import Spending;"
        "from llkd.store.cost_ledger import Ledger;"
        "ledger = Ledger(Path(sys.argv[1]), Spending(price_in=1, price_out=10));"
        "ledger.settle(ledger.reserve(100, 10), 50, 5); ledger.reserve(100, 10);"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", work, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert read_usage(path).lost == 0
    ledger = Ledger(path, Spending(budget=400e-6, **PRICED))
    bill = ledger.usage()
    assert (bill.calls, bill.lost, bill.money) == (1, 1, pytest.approx(300e-6))
    with pytest.raises(BudgetSpent):
        ledger.reserve(101, 0)


def test_calls_in_flight_when_it_is_closed_are_lost(path):
    ledger = Ledger(path)
    ledger.reserve(7, 3)
    ledger.close()
    assert (read_usage(path).lost, read_usage(path).tokens_in) == (1, 7)


def test_calls_without_a_price_are_priced_once_there_is_one(path):
    ledger = Ledger(path)
    ledger.settle(ledger.reserve(100, 10), 80, 5)
    assert ledger.usage().money is None
    ledger.close()
    again = Ledger(path, Spending(budget=140e-6, **PRICED))
    assert again.usage().money == pytest.approx(130e-6)
    with pytest.raises(BudgetSpent):
        again.reserve(11, 0)
    again.close()
    more = Ledger(path)
    more.settle(more.reserve(1, 1), 1, 1)
    assert more.usage().money is None, "a sum without one of its parts would be too low"


def test_a_damaged_account_says_so(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="Without it no call is sent"):
        Ledger(path)
    with pytest.raises(StoreError, match="cannot be read"):
        read_usage(path)


def test_a_ledger_that_cannot_write_sends_nothing(path):
    ledger = Ledger(path)
    other = sqlite3.connect(path)
    other.execute("DROP TABLE calls")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="no such table"):
        ledger.reserve(1, 1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 400),
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1), st.sampled_from("srlk")), max_size=30),
)
def test_whatever_happens_a_budget_is_never_exceeded(tmp_path_factory, budget, calls):
    path = tmp_path_factory.mktemp("ledger") / "calls.db"
    spending = Spending(budget=budget / 1e6, price_in=1, price_out=0)
    ledger, paid = Ledger(path, spending), 0
    for most, share, fate in calls:
        try:
            number = ledger.reserve(most, 0)
        except BudgetSpent:
            assert ledger.usage().money * 1e6 + most > budget
            continue
        used = int(most * share)
        paid += used if fate in "slk" else 0
        if fate == "s":
            ledger.settle(number, used, 0)
        elif fate == "r":
            ledger.release(number)
        elif fate == "l":
            ledger.mark_unknown(number)
        else:  # the process ends here, and another one goes on
            ledger = Ledger(path, spending)
        assert paid <= ledger.usage().money * 1e6 + 1e-6 <= budget + 2e-6
    ledger.close()


def waiting_for(ledger):
    """A thread that waits in ``reserve``, and the list that will hold what it raised."""
    raised = []

    def wait():
        try:
            ledger.reserve(1, 1)
        except Exception as error:  # told to the test
            raised.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, raised


def test_nobody_waits_for_a_call_whose_end_could_not_be_written(path):
    ledger = Ledger(path, Spending(calls=1))
    number = ledger.reserve(10, 1)
    thread, raised = waiting_for(ledger)
    with sqlite3.connect(path) as other:  # as on a full disk
        other.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON calls "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    with pytest.raises(StoreError, match="cannot be written"):
        ledger.settle(number, 8, 1)
    thread.join(30)
    assert [type(error) for error in raised] == [BudgetSpent], "the call may have been paid"


def test_closing_ends_those_who_wait_and_nothing_is_sent_afterwards(path):
    ledger = Ledger(path, Spending(calls=1))
    number = ledger.reserve(10, 1)
    thread, raised = waiting_for(ledger)
    ledger.close()
    thread.join(30)
    assert [type(error) for error in raised] == [StoreError]
    with pytest.raises(StoreError):
        ledger.settle(number, 8, 1)
    assert read_usage(path).lost == 1


def test_one_price_alone_is_no_price(path):
    ledger = Ledger(path, Spending(price_in=1.0))
    ledger.settle(ledger.reserve(100, 10), 80, 5)
    assert ledger.usage().money is None
    ledger.close()
    again = Ledger(path, Spending(budget=140e-6, **PRICED))
    assert again.usage().money == pytest.approx(130e-6), "with what was written as well"
    with pytest.raises(BudgetSpent):
        again.reserve(11, 0)


def test_prices_may_change_between_calls(path):
    ledger = Ledger(path, Spending(budget=1, **PRICED))
    ledger.settle(ledger.reserve(100, 0), 100, 0)
    ledger.use_prices(30.0, 0.0)
    ledger.settle(ledger.reserve(100, 0), 100, 0)
    assert ledger.usage().money == pytest.approx(3100e-6)
