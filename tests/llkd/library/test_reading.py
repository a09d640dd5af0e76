"""What a program may hand over as texts, gold and classes, and what it reads where it may not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import llkd

ROOT = Path(__file__).resolve().parents[3]


def read(source, **options):
    return llkd.read_texts(source, progress=False, **options)


class TestSources:
    def test_a_list_keeps_its_positions_as_ids_and_says_what_it_left_out(self):
        texts = read(["a red one", None, "a blue one", "a red one", "  "], labels=["x", "y"])
        frame = texts.to_frame()
        assert frame["id"].tolist() == ["0", "2"]
        assert frame["text"].tolist() == ["a red one", "a blue one"]
        assert texts.report["dropped"] == {"blank": 2, "duplicate": 1}
        assert len(texts) == 2 and "3 left out" in repr(texts)
        assert any("blank" in sentence for sentence in texts.warnings)

    def test_a_frame_keeps_its_index_as_ids_and_numbers_as_classes(self):
        frame = pd.DataFrame(
            {"body": ["one thing", "another thing", "a third thing"], "stars": [1, np.nan, 5]},
            index=["q", "r", "s"],
        )
        read_back = read(frame, text="body", gold="stars", holdout=0.0).to_frame()
        assert read_back["id"].tolist() == ["q", "r", "s"]
        assert read_back["gold"].fillna("").tolist() == ["1", "", "5"]

    def test_a_frame_with_ids_of_its_own(self):
        frame = pd.DataFrame(
            {"id": ["u7", "u9"], "text": ["some words", "more words"], "n": [1, 2]}
        )
        assert read(frame).to_frame()["id"].tolist() == ["u7", "u9"]
        numbers = pd.DataFrame({"number": [70, 90], "text": ["some words", "more words"]})
        assert read(numbers, id="number").to_frame()["id"].tolist() == ["70", "90"]

    def test_a_series_an_array_records_a_generator_and_what_becomes_a_frame(self):
        class Table:
            def to_pandas(self):
                return pd.DataFrame({"text": ["one text", "two texts"]})

        words = ["one text", "two texts"]
        records = [{"text": word, "label": k} for k, word in enumerate(words)]
        for source in (
            pd.Series(words, index=[4, 8]),
            np.array(words),
            records,
            (word for word in words),
            tuple(words),
            Table(),
        ):
            assert read(source).to_frame()["text"].tolist() == words

    def test_files_and_several_of_them(self, tmp_path):
        for name in ("one", "two"):
            pd.DataFrame({"body": [f"text {name} {k}" for k in range(3)]}).to_csv(
                tmp_path / f"{name}.csv", index=False
            )
        assert len(read(str(tmp_path / "one.csv"), text="body")) == 3
        assert len(read([tmp_path / "one.csv", tmp_path / "two.csv"], text="body")) == 6

    def test_gold_gives_the_classes_and_holds_texts_out(self):
        words = [" ".join(f"{k * 7919 + j * 104729:x}" for j in range(6)) for k in range(40)]
        texts = read(words, gold=["even" if k % 2 == 0 else "odd" for k in range(40)])
        assert sorted(texts.classes) == ["even", "odd"]
        assert texts.to_frame()["split"].value_counts().to_dict() == {"pool": 30, "eval": 10}
        again = read(words, gold=["even" if k % 2 == 0 else "odd" for k in range(40)], seed=1)
        assert (again.to_frame()["split"] != texts.to_frame()["split"]).any()

    def test_classes_with_what_they_mean_keep_their_order(self):
        labels = {"refund": "wants money back", "other": ""}
        assert read(["a text"], labels=labels).classes == ["refund", "other"]
        label_set = llkd.LabelSet.of(["b", "a"])
        assert read(["a text"], labels=label_set).classes == ["b", "a"]

    def test_a_hostile_text_is_stored_as_it_is(self):
        words = ["<script>alert(1)</script>", "half \ud800 a pair", "=1+1", "\u202eleft"]
        kept = read(words).to_frame()["text"].tolist()
        assert kept == [words[0], "half \ufffd a pair", words[2], words[3]]


BAD = {
    "no such file": (lambda: read("no-such.csv"), llkd.NotFound, "no-such.csv"),
    "a text for a file": (lambda: read("this is a text"), llkd.NotFound, r"read_texts\(\['…'"),
    "nothing": (lambda: read([]), llkd.DataError, "no text in the list"),
    "a number": (lambda: read(5), llkd.DataError, "was an int"),
    "bytes": (lambda: read(b"text"), llkd.DataError, "was a bytes"),
    "a dict": (lambda: read({"a": "b"}), llkd.DataError, "was a dict"),
    "a number in a list": (lambda: read(["a text", 7]), llkd.DataError, "position 1 .* an int"),
    "all blank": (lambda: read(["", None]), llkd.DataError, "^The list holds no usable text"),
    "classes as one text": (
        lambda: read(["a text"], labels="good,bad"),
        llkd.ConfigError,
        r"labels=\['good', 'bad'\]",
    ),
    "one class": (lambda: read(["a text"], labels=["x"]), llkd.ConfigError, "two classes"),
    "a class twice": (lambda: read(["a"], labels=["x", "X"]), llkd.ConfigError, "twice"),
    "gold of another length": (
        lambda: read(["a text", "b text"], gold=["x"]),
        llkd.DataError,
        "2 texts and 1 labels",
    ),
    "a column of a list": (lambda: read(["a text"], text="body"), llkd.ConfigError, "has none"),
    "no such column": (
        lambda: read(pd.DataFrame({"a": ["x"]}), text="b"),
        llkd.DataError,
        "text='b' is no column .* are a",
    ),
    "two columns of one name": (
        lambda: read(pd.DataFrame([["x", "y"]], columns=["a", "a"]), text="a"),
        llkd.DataError,
        "two columns 'a'",
    ),
    "a home without a name": (lambda: read(["a"], home="h"), llkd.ConfigError, "project='…'"),
    "a name that is none": (lambda: read(["a"], project=" "), llkd.UserError, "project name"),
    "a share": (lambda: read(["a text"], holdout=2), llkd.UserError, "0 to 0.9, but it was 2"),
    "near": (lambda: read(["a"], near_duplicates="no"), llkd.ConfigError, "keep, drop, ignore"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_in_words_of_python(name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words) as caught:
        call()
    sentence = str(caught.value)
    assert "--" not in sentence and "\n" not in sentence and "Data page" not in sentence
    assert isinstance(caught.value, llkd.LLKDError)


def test_columns_of_a_file_are_spoken_of_as_arguments(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("body,label\none text,x\ntwo texts,y\n")
    with pytest.raises(llkd.DataError) as caught:
        read(path, text="words")
    assert "text=" in str(caught.value) and "--text-column" not in str(caught.value)
    texts = read(path, text="body")
    assert texts.classes == []
    assert any("gold='label'" in sentence for sentence in texts.warnings)


class TestWithoutAHome:
    def test_it_lies_in_a_folder_that_goes_with_the_last_object(self, tmp_path):
        texts = read(["one text", "two texts"], labels=["x", "y"])
        folders = list((tmp_path / "tmp").glob("llkd-*"))
        assert len(folders) == 1 and texts.home is None
        assert oct(folders[0].stat().st_mode)[-3:] == "700"
        del texts
        assert not folders[0].exists()
        assert list((tmp_path / "here").iterdir()) == []

    def test_it_goes_when_python_ends_and_not_when_a_fork_does(self, tmp_path):
        code = (
            "import llkd, os, sys\n"
            "texts = llkd.read_texts(['a text', 'b text'], labels=['x', 'y'], progress=False)\n"
            "pid = os.fork()\n"
            "if pid == 0: sys.exit(0)\n"
            "os.waitpid(pid, 0)\n"
            "print(len(texts.to_frame()), texts.workspace.root)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        count, _, root = done.stdout.strip().partition(" ")
        assert count == "2" and root.startswith(str(tmp_path)) and not Path(root).exists()

    def test_what_a_killed_process_left_goes_with_the_next_and_what_is_used_stays(self, tmp_path):
        living = read(["one text"])
        code = (
            "import llkd, os\n"
            "t = llkd.read_texts(['a text'], progress=False)\n"
            "print(t.workspace.root, flush=True)\n"
            "os.kill(os.getpid(), 9)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        )
        left = Path(done.stdout.strip())
        assert left.is_dir()
        long_ago = time.time() - 3600
        for root in (left, living.workspace.root):
            os.utime(root, (long_ago, long_ago))
        read(["another text"])
        assert not left.exists() and len(living.to_frame()) == 1

    def test_a_database_elsewhere_is_not_used(self, monkeypatch):
        monkeypatch.setenv("LLKD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        assert len(read(["one text"])) == 1

    def test_a_full_disk_is_one_sentence(self, monkeypatch, tmp_path):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "is-not-there"))
        with pytest.raises(llkd.StoreError, match="home= and project="):
            read(["one text"])


class TestWithAHome:
    def test_the_same_script_goes_on_with_its_project(self, tmp_path):
        first = read(["one text", "two texts"], labels=["x", "y"], home=tmp_path / "h", project="p")
        again = read(["one text", "two texts"], labels=["x", "y"], home=tmp_path / "h", project="p")
        assert again.project == first.project == "p"
        assert again.home == first.home == (tmp_path / "h").resolve()
        assert len(llkd.open_project("p", tmp_path / "h")) == 2

    def test_classes_may_come_later_and_may_be_renamed(self, tmp_path):
        place = {"home": tmp_path / "h", "project": "p"}
        assert read(["one text"], **place).classes == []
        texts = read(["one text"], labels=["x", "y"], **place)
        assert texts.classes == ["x", "y"]
        store = texts.workspace.store
        store.classes.rename(texts.project_id, {"y": "z"})
        assert read(["one text"], labels=["x", "y"], **place).classes == ["x", "z"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"source": ["another text"]}, "other texts"),
            ({"labels": ["x", "q"]}, "other classes: x, y"),
            ({"gold": ["x", None]}, "gold for other texts"),
        ],
    )
    def test_another_project_of_that_name_is_refused(self, tmp_path, change, words):
        usual = {"source": ["one text", "two texts"], "labels": ["x", "y"]}
        place = {"home": tmp_path / "h", "project": "p"}
        read(**usual, **place)
        with pytest.raises(llkd.UserError, match=words) as caught:
            read(**{**usual, **change}, **place)
        assert "llkd.open_project('p')" in str(caught.value)

    def test_a_name_alone_is_in_the_usual_home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LLKD_HOME", str(tmp_path / "usual"))
        assert read(["one text"], project="p").home == (tmp_path / "usual").resolve()

    def test_no_such_project(self, tmp_path):
        with pytest.raises(llkd.NotFound, match="'nope'"):
            llkd.open_project("nope", tmp_path / "h")


def test_the_sample_has_its_classes_and_gold():
    sample = llkd.load_sample()
    assert len(sample) == 1040 and len(sample.classes) == 5
    assert (sample.to_frame()["split"] == "eval").sum() == 260


def test_each_text_says_what_language_it_is_probably_in():
    texts = read(
        ["The lamp in our street is broken", "Die Lampe in unserer Straße ist kaputt", "7"]
    )
    assert texts.languages() == ["English", "German", "unclear"]
