"""Every test has a home of its own and reaches no model hub."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """LLKD_HOME is a new folder for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LLKD_HOME", str(folder))
    monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
    return folder
