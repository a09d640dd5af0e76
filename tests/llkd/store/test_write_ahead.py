"""A new SQLite file is made a WAL file while others open it: they wait for each other."""

import sqlite3
import threading
import time

import pytest

from llkd.store.engine import write_ahead as module
from llkd.store.engine.write_ahead import write_ahead


@pytest.fixture
def held(tmp_path):
    """A new file, and a connection that holds it for itself."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    yield path, other
    other.close()


def test_it_waits_until_the_other_has_let_go(held):
    path, other = held
    timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    started = time.monotonic()
    timer.start()
    mine = sqlite3.connect(path, timeout=0)
    write_ahead(mine)
    assert time.monotonic() - started > 0.25
    assert mine.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    mine.close()


def test_after_its_patience_it_says_so(held, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    mine = sqlite3.connect(held[0], timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(mine)
    mine.close()


def test_another_fault_is_not_waited_for(tmp_path):
    (tmp_path / "damaged.db").write_bytes(b"no database" * 500)
    mine = sqlite3.connect(tmp_path / "damaged.db")
    started = time.monotonic()
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        write_ahead(mine)
    assert time.monotonic() - started < 5
    mine.close()
