"""A push through huggingface_hub's own client: what goes, what never goes, and what stops it.

The server is ours (``tests/support/hub_server.py``), written after the client's requests.
"""

import json
import logging
import shutil
import sys
import time

import numpy as np
import pytest

import llkd
from llkd import publishing
from llkd.errors import UserError
from llkd.publishing.hub_errors import hub_failure
from llkd.store.keys.key_file import KeyFile
from tests.support.hub_server import TOKEN

DATA, STUDENT = "ann/toy-texts", "ann/toy-student"


def push(exported, **options):
    return llkd.push(exported[0], progress=False, **options)


def on_disk(hub, kind, name, folder):
    for path, content in hub.files(kind, name).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return str(folder)


def sent_by(hub):
    return [r for r in hub.requests if r[0] in {"POST", "PUT"}]


def test_what_is_pushed_loads_with_datasets_and_holds_the_kept_rows(hub, exported, tmp_path):
    import datasets

    done = push(exported, dataset=DATA)
    assert done.sent and done.urls == [f"{hub.url}/datasets/{DATA}"]
    assert hub.repos["dataset", DATA].private
    folder = on_disk(hub, "dataset", DATA, tmp_path / "data")
    loaded = datasets.load_dataset(folder, cache_dir=str(tmp_path / "cache"))
    sizes = {name: sum(counts.values()) for name, counts in exported[0].splits.items()}
    assert {name: split.num_rows for name, split in loaded.items()} == sizes
    assert loaded["train"].features["label"].names == ["sports", "money"]
    local = exported[0].folder / "hf"
    theirs = datasets.load_dataset(str(local), cache_dir=str(tmp_path / "cache2"))
    assert loaded["train"].to_list() == theirs["train"].to_list()
    card = datasets.load_dataset_builder(folder, cache_dir=str(tmp_path / "cache")).info
    assert card.splits["train"].num_examples == sizes["train"]


def test_the_pushed_student_gives_the_runs_own_probabilities(hub, exported, tmp_path, monkeypatch):
    from transformers import dynamic_module_utils, pipeline

    from llkd.students import load_saved

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    push(exported, model=STUDENT)
    folder = on_disk(hub, "model", STUDENT, tmp_path / "student")
    texts = ["goal match team", "stock market", "a new bank today", ""]
    answers = pipeline("text-classification", folder, trust_remote_code=True, top_k=None)(texts)
    own = load_saved(exported[1].training_run.student_folder, precision="fp32", device="cpu")
    rows = [[{e["label"]: e["score"] for e in row}[c] for c in own.class_names] for row in answers]
    assert np.array(rows) == pytest.approx(own.probabilities(texts), abs=1e-5)
    assert np.ptp(rows, axis=0).max() > 0.005


def test_cards_are_those_that_the_clients_own_card_classes_read(exported):
    from huggingface_hub import DatasetCard, ModelCard

    made = exported[0].folder
    data = DatasetCard.load(made / "hf" / "README.md").data.to_dict()
    assert data["task_categories"] == ["text-classification"]
    model = ModelCard.load(made / "student" / "README.md").data
    assert model.pipeline_tag == "text-classification"
    assert model.eval_results[0].metric_type == "accuracy"


def test_a_dry_run_names_every_file_that_a_push_then_sends_and_asks_no_server(hub, exported):
    looked = push(exported, dataset=DATA, model=STUDENT, dry_run=True)
    assert not looked.sent and not looked.urls and not hub.requests and not hub.repos
    push(exported, dataset=DATA, model=STUDENT)
    for kind, name in (("dataset", DATA), ("model", STUDENT)):
        there = {path: len(content) for path, content in hub.files(kind, name).items()}
        assert there == looked.files[name]


def test_a_second_push_sends_nothing_and_a_broken_one_goes_on(hub, exported):
    broken = iter([None, (503, {}, {"Retry-After": "1"})])
    hub.trouble = lambda method, path: next(broken, None) if path.endswith("/commit/main") else None
    push(exported, dataset=DATA)
    with pytest.raises(UserError, match="has a fault of its own"):
        push(exported, model=STUDENT)
    assert hub.files("model", STUDENT) == {}
    uploads = hub.uploads
    assert uploads == 3  # two parts of the data set, and the weights
    assert push(exported, model=STUDENT).sent
    commits = {key: len(repo.commits) for key, repo in hub.repos.items()}
    again = push(exported, dataset=DATA, model=STUDENT)
    assert not again.sent and hub.uploads == uploads
    assert {key: len(repo.commits) for key, repo in hub.repos.items()} == commits


def test_what_an_earlier_push_left_that_is_not_there_any_more_is_taken_away(hub, exported):
    push(exported, dataset=DATA, model=STUDENT)
    hub.repos["model", STUDENT].files |= {
        "onnx/model.onnx": b"of another student",
        "NOTES.md": b"x",
    }
    hub.repos["dataset", DATA].files["data/test-00000-of-00001.parquet"] = b"old"
    push(exported, dataset=DATA, model=STUDENT)
    assert "onnx/model.onnx" not in hub.files("model", STUDENT)
    assert hub.files("model", STUDENT)["NOTES.md"] == b"x"
    assert "data/test-00000-of-00001.parquet" not in hub.files("dataset", DATA)


def test_nothing_goes_where_everybody_reads_unless_one_says_so(hub, exported):
    push(exported, dataset=DATA, public=True)
    assert not hub.repos["dataset", DATA].private
    commits = len(hub.repos["dataset", DATA].commits)
    sent = len(sent_by(hub))
    with pytest.raises(UserError, match="everybody can read it, so nothing was sent. Add public="):
        push(exported, dataset=DATA)
    assert len(hub.repos["dataset", DATA].commits) == commits and len(sent_by(hub)) == sent


def test_somebody_elses_repository_is_left_alone(hub, exported):
    push(exported, dataset=DATA)
    repo = hub.repos["dataset", DATA]
    repo.files = {"README.md": b"mine", "train.csv": b"text"}
    with pytest.raises(UserError, match="holds other files, such as 'train.csv'"):
        push(exported, dataset=DATA)
    assert repo.files == {"README.md": b"mine", "train.csv": b"text"}
    repo.files = {"README.md": b"made on the hub's page", ".gitattributes": b""}
    assert push(exported, dataset=DATA).sent


def test_prompts_settings_and_texts_that_were_not_kept_do_not_go(hub, exported, tmp_path):
    """The manifest may hold them: it stays. What goes holds the kept texts and no other."""
    import pyarrow.parquet as pq

    folder = tmp_path / "curated"
    shutil.copytree(exported[0].folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["teacher"]["prompt"] = "An example: SECRET-EXAMPLE-TEXT"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "hf" / "notes.txt").write_text("SECRET-EXAMPLE-TEXT")
    (folder / "student" / ".env").write_text("SECRET-EXAMPLE-TEXT")
    llkd.push(folder, dataset=DATA, model=STUDENT, progress=False)
    everything = {**hub.files("dataset", DATA), **hub.files("model", STUDENT)}
    assert not any(b"SECRET" in content for content in everything.values())
    assert "manifest.json" not in everything and "notes.txt" not in everything
    facts = json.loads(everything["curated.json"])
    assert facts["rows_sha256"] == manifest["rows_sha256"] and "teacher" not in facts
    held_out = set(all_texts()) - set(
        pq.read_table(folder / "hf" / "data").column("text").to_pylist()
    )
    assert held_out
    for content in everything.values():
        assert not any(text.encode() in content for text in held_out)


def all_texts():
    from tests.support.toy_library import Toy

    return Toy().texts


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "does not accept the token in HF_TOKEN. Make one there that may write"),
        (403, "does not let the token in HF_TOKEN write to ann/toy-texts (no rights)"),
        (404, "has no ann/toy-texts that this token may see"),
        (409, "was changed by somebody else meanwhile"),
        (412, "was changed by somebody else meanwhile"),
        (413, "does not take so much"),
        (418, "does not take ann/toy-texts: no rights"),
        (429, "asks to wait: too many requests. Push again in 77 s."),
        (500, "has a fault of its own (status 500)"),
    ],
)
def test_every_refusal_is_one_sentence_and_leaves_the_repository(
    hub, exported, monkeypatch, status, sentence
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the client's tries
    push(exported, dataset=DATA)
    before = dict(hub.repos["dataset", DATA].files)
    answer = (status, {"error": "no rights"}, {"X-Error-Message": "no rights", "Retry-After": "77"})
    hub.trouble = lambda method, path: answer if path.endswith("/preupload/main") else None
    with pytest.raises(UserError) as caught:
        push(exported, dataset=DATA)
    words = str(caught.value)
    assert sentence in words and TOKEN not in words and words.count("\n") == 0
    assert hub.repos["dataset", DATA].files == before


def test_a_wrong_token_and_an_owner_that_is_not_ones_own(hub, exported, monkeypatch):
    with pytest.raises(UserError, match=r"does not let the token in HF_TOKEN write to bob/x"):
        push(exported, dataset="bob/x")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match="does not accept the token in HF_TOKEN"):
        push(exported, dataset=DATA)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="There is no token for the hub at 127.0.0.1:"):
        push(exported, dataset=DATA)
    assert not hub.repos


def test_without_a_connection(hub, exported, monkeypatch):
    from huggingface_hub import constants

    hub.trouble = lambda method, path: "drop"
    with pytest.raises(UserError, match="cannot be reached, or the connection broke"):
        push(exported, dataset=DATA)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set, so nothing was sent"):
        push(exported, dataset=DATA)
    assert push(exported, dataset=DATA, dry_run=True).files[DATA]


def test_what_a_server_says_is_shown_short_and_plain(hub):
    from httpx2 import Request, Response
    from huggingface_hub.errors import HfHubHTTPError

    request = Request("POST", hub.url)
    response = Response(418, request=request)
    error = HfHubHTTPError("x", response=response, server_message="<b>\x1b[31m" + TOKEN + "z" * 900)
    publishing.hub.note_sent(TOKEN)
    words = str(hub_failure(error, "h:1", "a/b", "in HF_TOKEN"))
    assert "\x1b" not in words and TOKEN not in words and len(words) < 400


def test_a_saved_token_comes_before_that_of_the_environment(hub, exported, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    KeyFile().save(hub.url.removeprefix("http://"), TOKEN)
    assert push(exported, dataset=DATA).sent
    assert {token for _, path, token in hub.requests if not path.startswith("/lfs/")} == {TOKEN}
    assert TOKEN not in repr(publishing.hub_token())


def test_the_token_is_in_no_file_of_the_home_no_log_and_no_report(
    hub, exported, home, capsys, caplog
):
    from llkd.cli import main
    from llkd.store import Store
    from tests.support.exported_projects import made

    store = Store()
    made(store)
    store.close()
    with caplog.at_level(logging.DEBUG):
        assert main(["push", "city", "--dataset", DATA, "--teacher-threshold", "0.5"]) == 0
    printed = capsys.readouterr()
    assert f"Pushed to {hub.url}/datasets/{DATA} (private)" in printed.out
    assert TOKEN not in printed.out + printed.err
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("llkd"))
    assert TOKEN not in ours
    held = [p for p in home.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert held == []


def test_on_the_command_line_a_dry_run_is_followed_by_just_its_files(hub, home, capsys):
    from llkd.cli import main
    from llkd.store import Store
    from tests.support.exported_projects import made

    store = Store()
    made(store)
    store.close()
    flags = ["push", "city", "--dataset", DATA, "--teacher-threshold", "0.5"]
    assert main([*flags, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "Nothing was sent." in shown and "data/train-00000-of-00001.parquet" in shown
    assert not hub.requests
    line = next(line for line in shown.splitlines() if line.startswith("Send just these: "))
    assert main(line.removeprefix("Send just these: llkd ").split()) == 0
    assert main(flags) == 0  # made anew: the same rows, so the same bytes
    assert "All of it was there already" in capsys.readouterr().out
    assert main(["push", "city", "--model", STUDENT]) == 2
    assert "--model takes the student of a run" in capsys.readouterr().err
    assert main(["push", "city"]) == 2
    assert "Say where to: --dataset OWNER/NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["toy", "a/b/c", "ann/..", "ann/a--b", "ann/x.git", "ann/ü", "/x", ""]
)
def test_a_name_that_the_hub_would_refuse_is_refused_here(exported, name):
    with pytest.raises(UserError, match="names no repository of a hub"):
        push(exported, dataset=name, dry_run=True)


def test_an_export_that_was_altered_or_lacks_the_part_is_refused(hub, exported, tmp_path):
    folder = tmp_path / "curated"
    shutil.copytree(exported[0].folder, folder)
    (folder / "hf" / "README.md").write_text("other words")
    with pytest.raises(UserError, match="is not as the export wrote it, so nothing is sent"):
        llkd.push(folder, dataset=DATA, progress=False)
    with pytest.raises(UserError, match="There is no finished export in"):
        llkd.push(tmp_path, dataset=DATA)
    with pytest.raises(UserError, match="Say where to"):
        llkd.push(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {n: s for n, s in manifest["files"].items() if n.startswith("curated")}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="has no data set folder. Export with the format hf"):
        llkd.push(folder, dataset=DATA)
    with pytest.raises(UserError, match="has no student"):
        llkd.push(folder, model=STUDENT)
    manifest["files"] = {"hf/../../secret": "0"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "secret").write_text("x")
    with pytest.raises(UserError, match="is gone"):
        llkd.push(folder, dataset=DATA)


def test_a_zipped_export_sends_the_same_files(hub, exported, tmp_path):
    folder = tmp_path / "curated"
    shutil.copytree(exported[0].folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {n: s for n, s in manifest["files"].items() if n == "dataset.zip"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    push(exported, dataset=DATA)
    before = hub.files("dataset", DATA)
    assert not llkd.push(folder, dataset=DATA, progress=False).sent
    assert hub.files("dataset", DATA) == before


def test_a_pushed_student_is_known_by_the_file_that_every_student_has():
    from llkd.publishing.shipment import MARK
    from llkd.students.saving import ABOUT

    assert MARK["model"] == ABOUT


def test_a_remark_names_the_people_that_the_card_names(exported, tmp_path):
    folder = tmp_path / "curated"
    shutil.copytree(exported[0].folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["certificate"] = {"people": ["Ada", "Bo"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (shipment,) = publishing.shipments_of(folder, DATA, None, verify=False)
    assert shipment.remarks == ("The card names who audited the labels: Ada, Bo.",)
