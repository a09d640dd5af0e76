"""Labelling by decision models that cost money and fail: nothing lost, nothing paid twice."""

import sqlite3

import numpy as np
import pytest

from tests.support.decision_server import FREE, UNANSWERED, UNUSABLE, deciding
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

PRICE = "--price-in=1"
PATIENT = "--timeout=60"  # the server hangs for less; what a slow machine takes is far from it


def spent(lines):
    return sum(line["tokens_in"] for line in lines) / 1e6


@pytest.mark.parametrize(("kind", "texts"), [("systemone", 2000), ("decisions", 600)])
def test_with_a_tenth_of_faults_every_text_is_labelled_or_queued_and_none_paid_twice(
    kind, texts, home, tmp_path
):
    make_project(home, "toy", texts)
    with deciding(tmp_path / "log.jsonl", rate=0.1, seed=3, hang=1) as server:
        result = document(home, *label("toy", server, PRICE, PATIENT, kind=kind))
        lines = server.lines()
    assert result["labelled"] + result["unanswered"] == texts
    assert (result["asked"], result["stopped"], result["left"]) == (texts, None, 0)
    run, read = scores_of(home, "toy")
    assert (run.teacher["kind"], run.calibration) == (kind, "none")
    answered = np.isfinite(read.scores).all(axis=1)
    queued = read.row[~answered & (read.answer < 0)]
    assert len(queued) == result["unanswered"] > 0
    assert all(raw is not None for raw in read.raw), "a queued answer can be reviewed"
    tries = by_text(lines)
    assert len(tries) == texts
    for text, did in tries.items():
        assert set(did[:-1]) <= UNANSWERED, f"{text} was asked again though answered: {did}"
        assert did[-1] not in UNANSWERED, f"{text} was given up: {did}"
    assert {tries[text_of_row(row)][-1] for row in queued} <= UNUSABLE
    bare = read.row[~answered & (read.answer >= 0)]
    assert {tries[text_of_row(row)][-1] for row in bare} == {"choice_only"}
    if texts == 2000:
        assert {did for each in tries.values() for did in each} >= UNUSABLE | UNANSWERED
    for place in np.flatnonzero(answered):
        assert int(read.scores[place].argmax()) == (0 if read.row[place] % 3 else 1)

    lost = [line for line in lines if line["billed"] and line["did"] in UNANSWERED]
    paid = [line for line in lines if line["billed"] and line["did"] not in UNANSWERED]
    assert result["calls"] == len(paid)
    assert result["lost"] == len(lost)
    assert result["refused"] == sum(line["did"] in FREE for line in lines)
    assert result["money"] - result["unsure_money"] == pytest.approx(spent(paid))
    assert result["money"] >= spent(lines), "what is not known is counted in full"
    assert any("another-model" in sentence for sentence in result["notices"])


@pytest.mark.parametrize(
    ("kind", "limit"), [("systemone", "--budget=0.006"), ("decisions", "--calls=150")]
)
def test_a_budget_needs_no_price_of_writing_and_is_kept_to_the_call(kind, limit, home, tmp_path):
    make_project(home, "toy", 300)
    with deciding(tmp_path / "log.jsonl", rate=0.1, seed=5, hang=1) as server:
        done = llkd(home, *label("toy", server, PRICE, PATIENT, limit, kind=kind))
        assert done.returncode == 0, done.stderr
        billed = [line for line in server.lines() if line["billed"]]
        labeling_run, read = scores_of(home, "toy")
        assert f"{300 - len(read.row):,} texts are left" in done.stdout
        account = sqlite3.connect(home / f"projects/1/labels/{labeling_run.id}/calls.db")
        money, dearest, calls = account.execute(
            "SELECT sum(money), max(most), sum(state != 'free') FROM calls"
        ).fetchone()
        account.close()
        if limit == "--calls=150":
            assert len(billed) == calls == 150
            return
        assert spent(billed) - 1e-9 <= money <= 0.006 + 1e-9
        assert 0.006 - money < dearest, "another call could have been paid"
        again = document(home, *label("toy", server, PRICE, PATIENT, kind=kind))
        assert again["labelled"] + again["unanswered"] == 300
        for did in by_text(server.lines()).values():
            assert set(did[:-1]) <= UNANSWERED


def test_killed_at_random_moments_it_ends_with_the_same_labels(tmp_path):
    kinds = ["drop", "429", "500", "503", "malformed", "error_inside", "refusal", "nan", "zero"]
    faults = {"rate": 0.05, "seed": 1, "kinds": kinds}
    assert_killed_it_ends_alike(
        tmp_path,
        lambda log, **more: deciding(log, **faults, **more),
        UNANSWERED,
        kind="systemone",
        kills=5,
    )


@pytest.mark.parametrize(("speaks", "found"), [("", "systemone"), ("decisions", "decisions")])
def test_what_a_server_speaks_is_found_out_with_one_call_that_is_used(
    speaks, found, home, tmp_path
):
    make_project(home, "toy", 30)
    with deciding(tmp_path / "log.jsonl", speaks=speaks) as server:
        first = document(home, *label("toy", server, PRICE, "--calls=40", kind="auto"))
        requests = server.lines()
        assert first["labelled"] == 30
        assert f"this is labelled as {found}:m" in first["notices"][0]
        # 30 texts, and three without content: the text that it was tried on is paid once.
        assert first["calls"] == len(requests) == 33
        assert {line["interface"] for line in requests} == {found}
        run, _ = scores_of(home, "toy")
        assert run.config.teacher == f"{found}:m"
        again = document(home, *label("toy", server, PRICE, kind="auto" if speaks else found))
        assert (again["asked"], again["calls"]) == (0, 33), "the same run goes on"
        assert len(server.lines()) == 33


def test_a_chat_server_is_found_out_without_a_call_that_costs(home, tmp_path):
    make_project(home, "toy", 20)
    prices = ("--price-in=1", "--price-out=4")
    with running(tmp_path / "log.jsonl") as server:
        tried = document(home, *label("toy", server, *prices, "--dry-run", kind="auto"))
        result = document(home, *label("toy", server, *prices, kind="auto"))
        lines = server.lines()
    assert "asked as a chat model (api:m)" in tried["notices"][0]
    assert "asked as a chat model (api:m)" in result["notices"][0]
    assert (result["labelled"], result["lost"]) == (20, 0)
    run, _ = scores_of(home, "toy")
    assert run.config.teacher == "api:m"
    assert all(line["did"] == "ok" for line in lines)


def test_a_dry_run_says_what_the_rest_takes(home, tmp_path):
    make_project(home, "toy", 100)
    with deciding(tmp_path / "log.jsonl") as server:
        tried = document(home, *label("toy", server, PRICE, "--dry-run", kind="decisions"))
        result = document(home, *label("toy", server, PRICE, kind="decisions"))
        lines = server.lines()
    low, middle, high = tried["estimate"]["money"]
    assert 0 < low <= middle <= high
    assert len(lines) == 103, "what was tried is paid once"
    assert result["money"] + tried["money"] == pytest.approx(spent(lines))
    assert '"questions"' in tried["examples"][0]["prompt"]
