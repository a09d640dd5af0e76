"""Data sets of the hub, with a stand-in that holds files and counts what is fetched."""

import gzip
from pathlib import Path

import pytest

from llkd.datasets import Reading, hub, read_files
from llkd.errors import DataError, NotFound

ROWS = "text,label\n{0} words here,a\n{0} more words,b\n"


class StandIn:
    """A data set in a folder, seen as the hub shows it."""

    def __init__(self, folder, files):
        self.folder = folder
        self.files = {path: content.encode() for path, content in files.items()}
        self.fetched = []

    def sizes(self):
        return {path: len(content) for path, content in self.files.items()}

    def fetch(self, path):
        self.fetched.append(path)
        local = self.folder / path
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(self.files[path])
        return local


def asked(tmp_path, name, files):
    there = StandIn(tmp_path, files)
    return hub.fetch(name, there), there


SPLITS = {
    "README.md": "about",
    "data/train-00000-of-00002.csv": ROWS.format("first"),
    "data/train-00001-of-00002.csv": ROWS.format("second"),
    "data/test-00000-of-00001.csv": ROWS.format("third"),
    "script.py": "raise SystemExit",
}


def test_the_train_split_and_what_was_left_out(tmp_path):
    found, there = asked(tmp_path, "hf:owner/name", SPLITS)
    assert [file.name for file in found.files] == [
        "data/train-00000-of-00002.csv",
        "data/train-00001-of-00002.csv",
    ]
    assert found.warnings == (
        "Of owner/name only the split 'train' was read; 'test' was left out.",
    )
    assert "data/test-00000-of-00001.csv" not in there.fetched and "script.py" not in there.fetched
    texts = read_files(found.files, Reading(label_column="label"))
    assert texts.kept_count == 4 and texts.labels == ("a", "b")


def test_another_split(tmp_path):
    found, _ = asked(tmp_path, "hf:owner/name@test", SPLITS)
    assert [file.name for file in found.files] == ["data/test-00000-of-00001.csv"]
    assert found.warnings == ()
    with pytest.raises(NotFound, match=r"no split 'dev'\. Choose one of: test and train\."):
        asked(tmp_path, "hf:owner/name@dev", SPLITS)


def test_configurations_by_folders(tmp_path):
    files = {
        "en/train.csv": ROWS.format("one"),
        "en/validation.csv": ROWS.format("two"),
        "de/train.csv": ROWS.format("drei"),
    }
    with pytest.raises(DataError, match=r"more than one configuration: de and en\. .* :CONFIG"):
        asked(tmp_path, "hf:owner/name", files)
    found, _ = asked(tmp_path, "hf:owner/name:en@validation", files)
    assert [file.name for file in found.files] == ["en/validation.csv"]


def test_configurations_as_the_readme_states_them(tmp_path):
    readme = (
        "---\nconfigs:\n- config_name: small\n  data_files:\n  - split: train\n"
        "    path: part/*.csv\n  - split: heldout\n    path: other.csv\n---\nText\n"
    )
    files = {"README.md": readme, "part/1.csv": ROWS.format("x"), "other.csv": ROWS.format("y")}
    found, _ = asked(tmp_path, "hf:owner/name:small@heldout", files)
    assert [file.name for file in found.files] == ["other.csv"]
    broken = {**files, "README.md": "---\nconfigs: [}\n---\n"}
    found, _ = asked(tmp_path, "hf:owner/name", broken)
    assert [file.name for file in found.files] == ["other.csv", "part/1.csv"]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("**/*.csv", ["a.csv", "part/b.csv"]),
        ("part/**/*.csv", ["part/b.csv"]),
        ("**/b.csv", ["part/b.csv"]),
        ("./a.csv", ["a.csv"]),
    ],
)
def test_two_stars_stand_for_any_folders_or_none(tmp_path, pattern, meant):
    readme = f'---\nconfigs:\n- data_files: "{pattern}"\n---\n'
    files = {"README.md": readme, "a.csv": ROWS.format("x"), "part/b.csv": ROWS.format("y")}
    found, _ = asked(tmp_path, "hf:owner/name", files)
    assert [file.name for file in found.files] == meant


def test_several_files_without_a_split(tmp_path):
    files = {"a.jsonl": '{"text": "x y"}', "b.jsonl": '{"text": "z y"}', "LICENSE.txt": "words"}
    found, _ = asked(tmp_path, "hf:owner/name", files)
    assert [file.name for file in found.files] == ["a.jsonl", "b.jsonl"]


def test_a_data_set_of_a_script_is_refused_and_not_run(tmp_path):
    with pytest.raises(DataError, match="it is loaded by a script, which is not run"):
        asked(tmp_path, "hf:owner/name", {"name.py": "raise SystemExit", "README.md": ""})
    with pytest.raises(DataError, match="has no data files that can be read"):
        asked(tmp_path, "hf:owner/name", {"model.bin": "x"})


def test_too_much_is_refused_before_it_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "MAX_BYTES", 10)
    there = StandIn(tmp_path, {"a.csv": ROWS})
    with pytest.raises(DataError, match="too much for one import"):
        hub.fetch("hf:owner/name", there)
    assert there.fetched == []


def test_a_folder_laid_out_like_a_data_set(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv.gz").write_bytes(gzip.compress(ROWS.format("a").encode()))
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "train.csv").write_text(ROWS)
    found = hub.fetch(f"hf:{tmp_path}")
    assert [file.name for file in found.files] == ["data/train.csv.gz"]
    assert read_files(found.files).kept_count == 2
    assert hub.parse(f"hf:{tmp_path}@train").split == "train"


@pytest.mark.parametrize(
    "name", ["hf:", "hf:../x", "hf:/etc", "hf:a/b/c", "hf:http://e.com", "hf:a b"]
)
def test_names_that_can_be_no_data_set(name):
    with pytest.raises(DataError, match="names no data set. Write hf:OWNER/NAME"):
        hub.fetch(name, folders=False)


def test_without_a_connection(monkeypatch, tmp_path):
    """HF_HUB_OFFLINE is set for all tests."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as error:
        hub.fetch("hf:owner/never-fetched")
    assert str(error.value) == (
        "The hub cannot be reached (HF_HUB_OFFLINE is set, or there is no connection), and "
        "'owner/never-fetched' was not fetched before. Download its files where there is a "
        "connection, and import the folder or the files."
    )


def test_what_was_fetched_before_is_found_without_a_connection(monkeypatch, tmp_path):
    import huggingface_hub

    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "train.csv").write_text(ROWS)

    def cached(name, *, repo_type, local_files_only):
        assert (name, repo_type, local_files_only) == ("owner/name", "dataset", True)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    found = hub.fetch("hf:owner/name")
    assert Path(found.files[0].path) == snapshot / "train.csv"
