"""Labelling through a server that costs money and fails: nothing lost, nothing paid twice."""

import json
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.faulty_server import running
from tests.support.killed_labelling import assert_killed_it_ends_alike
from tests.support.paid_labelling import (
    by_text,
    document,
    label,
    llkd,
    make_project,
    scores_of,
    text_of_row,
)
from tests.support.stand_in_server import completion, serving

PRICES = ("--price-in=1", "--price-out=4")
# A request of these kinds got no answer that can be read: the text has to be asked again.
UNANSWERED = {"timeout", "drop", "malformed", "truncated", "429", "429_after", "500"}
FREE = {"429", "429_after", "500"}


def spent(lines):
    return sum(line["tokens_in"] + 4 * line["tokens_out"] for line in lines) / 1e6


def test_with_a_tenth_of_faults_every_text_is_labelled_or_queued_and_none_paid_twice(
    home, tmp_path
):
    make_project(home, "toy", 2000)
    with running(tmp_path / "log.jsonl", rate=0.1, seed=3, hang=4.5) as server:
        result = document(home, *label("toy", server, *PRICES))
        lines = server.lines()
    assert result["labelled"] + result["unanswered"] == 2000
    assert result["unanswered"] > 0
    assert (result["asked"], result["stopped"], result["left"]) == (2000, None, 0)
    _, read = scores_of(home, "toy")
    queued = read.row[~np.isfinite(read.scores).all(axis=1) & (read.answer < 0)]
    assert len(read.row) == 2000
    assert len(queued) == result["unanswered"]
    assert all(raw is not None for raw in read.raw), "a queued answer can be reviewed"

    asked = by_text(lines)
    assert len(asked) == 2000
    for text, did in asked.items():
        assert set(did[:-1]) <= UNANSWERED, f"{text} was asked again though answered: {did}"
        assert did[-1] not in UNANSWERED, f"{text} was given up: {did}"
    for row in queued:
        assert asked[text_of_row(row)][-1] in {"off_list", "empty", "refusal", "injected"}

    without = [line for line in lines if line["billed"] and line["did"] in UNANSWERED]
    answered = [line for line in lines if line["billed"] and line["did"] not in UNANSWERED]
    assert result["calls"] == len(answered)
    assert result["lost"] == len(without)
    assert result["refused"] == sum(line["did"] in FREE for line in lines)
    assert result["money"] - result["unsure_money"] == pytest.approx(spent(answered))
    assert result["money"] >= spent(lines), "what is not known is counted in full"


@pytest.mark.parametrize("limit", ["--budget=0.01", "--calls=150"])
def test_a_budget_is_kept_to_the_call_and_more_of_it_goes_on(home, tmp_path, limit):
    make_project(home, "toy", 400)
    with running(tmp_path / "log.jsonl", rate=0.1, seed=5, hang=4.5) as server:
        done = llkd(home, *label("toy", server, *PRICES, limit))
        assert done.returncode == 0, done.stderr
        billed = [line for line in server.lines() if line["billed"]]
        labeling_run, read = scores_of(home, "toy")
        assert f"{400 - len(read.row):,} texts are left" in done.stdout
        assert "Usage of this labelling run:" in done.stdout
        account = sqlite3.connect(home / f"projects/1/labels/{labeling_run.id}/calls.db")
        money, dearest, calls = account.execute(
            "SELECT sum(money), max(most), sum(state != 'free') FROM calls"
        ).fetchone()
        account.close()
        if limit == "--calls=150":
            assert "All 150 calls of this pass are used" in done.stdout
            assert len(billed) == calls == 150
        else:
            assert "The budget of 0.01 does not cover another call" in done.stdout
            assert spent(billed) <= money <= 0.01
            assert 0.01 - money < dearest, "another call could have been paid"
        again = document(home, *label("toy", server, *PRICES))
        assert again["labelled"] + again["unanswered"] == 400
        assert again["stopped"] is None
        for did in by_text(server.lines()).values():
            assert set(did[:-1]) <= UNANSWERED


def test_killed_at_ten_random_moments_it_ends_with_the_same_labels(tmp_path):
    # No time-outs of the client: on a busy machine any would be reached, and honestly asked again.
    kinds = ["drop", "429", "500", "malformed", "truncated", "empty", "refusal"]
    faults = {"rate": 0.05, "seed": 1, "kinds": kinds}
    assert_killed_it_ends_alike(
        tmp_path, lambda log, **more: running(log, **faults, **more), UNANSWERED
    )


def test_the_same_texts_cost_nothing_in_a_second_project_until_the_cache_is_deleted(home, tmp_path):
    for name in ("one", "two", "three"):
        make_project(home, name, 60)
    with running(tmp_path / "log.jsonl") as server:
        first = document(home, *label("one", server))
        sent = len(server.lines())
        assert (first["asked"], first["cached"]) == (60, 0)
        second = document(home, *label("two", server))
        assert len(server.lines()) == sent, "nothing was sent for the second project"
        assert (second["asked"], second["cached"], second["calls"]) == (0, 60, 0)
        assert second["per_class"] == first["per_class"]
        assert "61 answers" in llkd(home, "cache").stdout  # and that to texts without content
        deleted = document(home, "cache", "--delete")
        assert (deleted["answers"], deleted["deleted"]) == (61, True)
        assert document(home, "cache")["answers"] == 0
        third = document(home, *label("three", server))
        assert (third["asked"], third["cached"]) == (60, 0)
        assert len(by_text(server.lines()[sent:])) == 60
        np.testing.assert_array_equal(
            scores_of(home, "three")[1].scores, scores_of(home, "two")[1].scores
        )


def test_the_key_is_sent_to_the_server_and_is_nowhere_else(home, tmp_path):
    make_project(home, "toy", 40)
    key, seen, over = "sk-hushhush-0123456789-abcdef", set(), threading.Event()
    said = []

    def answer(request, number):
        text = request["messages"][-1]["content"]
        if "message 0013" in text:  # a server may repeat the key in what it says, and in an error
            return completion(f"Your key is {key}", [(key, -0.1)])
        if "message 0017" in text:
            return 400, {"error": {"message": f"bad day for Bearer {key}"}}
        letter = "A" if number % 2 else "B"
        return completion(letter, [(letter, -0.2), ("B" if letter == "A" else "A", -1.7)])

    watcher = threading.Thread(target=watch_command_lines, args=(seen, over))
    watcher.start()
    try:
        with serving(answer) as server:
            for extra in (("--dry-run",), ("--background",), ()):
                done = llkd(home, *label("toy", server, *extra), OPENAI_API_KEY=key)
                said.append(done.stdout + done.stderr)
                wait_for_jobs(home)
            out = tmp_path / "export"
            for arguments in (
                ("evaluate", "toy"),
                ("jobs",),
                ("export", "toy", "--out", out, "--format=csv,jsonl,parquet,hf", "--no-student"),
            ):
                done = llkd(home, *arguments, OPENAI_API_KEY=key)
                assert done.returncode == 0, done.stderr
                said.append(done.stdout + done.stderr)
            headers = {one["headers"].get("authorization") for one in server.requests}
    finally:
        over.set()
        watcher.join()
    assert headers == {f"Bearer {key}"}
    assert document(home, "jobs")["jobs"][0]["state"] == "finished"
    assert any("llkd" in line for line in seen), "the watcher saw the processes"
    assert not any(key in line for line in seen)
    assert not any(key in text for text in said)
    files = [file for folder in (home, out) for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 8
    assert [file for file in files if holds(file, key)] == []
    raw = [text for text in kept_words(home) if text]
    assert any("Your key is ***" in text for text in raw)
    assert any("bad day for Bearer ***" in text for text in raw)


def watch_command_lines(seen, over):
    while not over.is_set():
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
        over.wait(0.05)


def wait_for_jobs(home):
    while any(job["state"] in {"queued", "running"} for job in document(home, "jobs")["jobs"]):
        time.sleep(0.1)


def holds(file, key):
    """Whether a file holds the key: as it is, or in compressed columns and cells."""
    if key.encode() in file.read_bytes():
        return True
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(file)
        return key in json.dumps(table.to_pylist(), default=str) + str(table.schema.metadata)
    return False


def kept_words(home):
    """The models' own words in the cache of answers."""
    connection = sqlite3.connect(home / "cache" / "answers.db")
    found = [raw for (raw,) in connection.execute("SELECT raw FROM answers")]
    connection.close()
    return found
