"""Toy texts, a tiny encoder, and no home but temporary ones."""

import pytest

from tests.support.tiny_student import make_encoder
from tests.support.toy_library import Toy


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("library_encoder"))


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture(autouse=True)
def nothing_but_temporary(tmp_path, monkeypatch):
    """No home in the environment; temporary homes and caches lie in the test's own folder."""
    for name in ("LLKD_HOME", "LLKD_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path / "here")
