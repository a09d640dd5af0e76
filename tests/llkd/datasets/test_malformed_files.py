"""Awkward files of every kind: taken right, taken with a word, or refused in one sentence."""

import contextlib

import pytest

from llkd.datasets import inspect_files, read_texts
from llkd.datasets.files import File
from llkd.errors import LLKDError
from tests.support.malformed_files import CASES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def is_sentence(message):
    return message[-1] in ".!" and "\n" not in message and "Traceback" not in message


@pytest.mark.parametrize(("name", "content", "outcome"), CASES, ids=[case[0] for case in CASES])
def test_case(name, content, outcome, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_bytes(content)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    kind, texts, words = outcome
    try:
        found = read_texts(path)
    except LLKDError as error:
        assert kind == "refused", error
        assert is_sentence(str(error)) and name in str(error)
        assert words in str(error)
        with contextlib.suppress(LLKDError):  # the preview may show what holds no text
            assert inspect_files([File(str(path))])[0].name == name
    else:
        assert kind != "refused", (found.warnings, found.texts["text"].tolist()[:3])
        assert found.kept_count == texts, (found.warnings, found.texts["text"].tolist()[:3])
        assert all(is_sentence(warning) for warning in found.warnings), found.warnings
        assert words in " ".join(found.warnings), found.warnings
        assert found.texts["id"].is_unique
        "".join(found.texts["text"]).encode("utf-8")
        sources = inspect_files([File(str(path))])
        assert len(sources) == 1 and sources[0].rows == found.rows
    assert [p.name for p in (tmp_path / "in").iterdir()] == [name]
    assert not list((tmp_path / "elsewhere").iterdir()), "something was written"


def test_there_are_many_cases():
    assert len(CASES) >= 100 and len({case[0] for case in CASES}) == len(CASES)
