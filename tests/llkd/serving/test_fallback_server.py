"""Student and teacher as real processes: kills, a budget to the call, and nothing paid twice."""

import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from llkd.cli import main
from llkd.store.inbox import inbox_of
from tests.support.fallback_projects import clear_text, served_project, unclear_text
from tests.support.serving_process import SECONDS, serving
from tests.support.stand_in_server import completion, text_of
from tests.support.stand_in_server import serving as stand_in

CHILD = "from tests.support.fallback_projects import serve_from_words; serve_from_words()"


@pytest.fixture
def project(store, tmp_path):
    folder = tmp_path / "student"
    folder.mkdir()
    return served_project(store, folder)


def words(project, teacher, **more):
    _, run, folder = project
    settings = {
        "teacher": "api:m", "base_url": teacher.url, "concurrency": 4, "retries": 1,
        "retry_seconds": 0.01, "confidence": "none",
    }  # fmt: skip
    return json.dumps(
        {"folder": str(folder), "run": run.id, "target": 0.95, "teacher": settings, **more}
    )


def running(project, teacher, **more):
    command = [sys.executable, "-c", CHILD, words(project, teacher, **more)]
    return serving(None, command=command)


def answer(request, number):
    return completion("sports")


def asked_about(teacher, texts):
    """How often the teacher was asked about each of these texts."""
    counts = Counter()
    for request in teacher.requests:
        counts.update(text for text in texts if text in text_of(request["body"]))
    return counts


def predicted(served, text):
    """The one prediction, over a connection of its own."""
    reply = httpx2.post(f"{served.url}/predict", json={"text": text}, timeout=SECONDS)
    return reply.json()["predictions"][0]


def values(served):
    lines = served.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines if line and not line.startswith("#")}  # fmt: skip


def test_a_server_that_is_killed_pays_nothing_twice_and_keeps_what_it_paid(project, store):
    texts = [f"{unclear_text(k)} number {k:04d}x" for k in range(40)]
    with stand_in(answer) as teacher:
        with running(project, teacher) as served, ThreadPoolExecutor(8) as pool:
            answered = []

            def post(text, served=served, answered=answered):
                try:
                    reply = httpx2.post(f"{served.url}/predict", json={"text": text},
                                        timeout=SECONDS)  # fmt: skip
                    answered.append((text, reply.json()["predictions"][0]))
                except httpx2.HTTPError:
                    pass

            for text in texts[:24]:
                pool.submit(post, text)
            until = time.monotonic() + SECONDS
            while len(answered) < 8 and time.monotonic() < until:
                time.sleep(0.005)
            served.process.kill()
        paid_for = {t for t, p in answered if p["answered_by"] == "teacher"}
        assert len(paid_for) >= 8
        kept = {e.text: e.teacher_label for e in inbox_of(store.home, 1).entries()}
        # Whoever got the teacher's answer finds the text in the inbox, whatever came then.
        assert {text: "sports" for text in paid_for}.items() <= kept.items()
        known = set(kept)
        with running(project, teacher) as served:
            for text in texts:
                assert served.post("/predict", {"text": text}).status_code == 200
            measured = values(served)
            assert served.stop() == 0
        counts = asked_about(teacher, texts)
        # In flight at the kill: at most four may be asked again.
        assert sum(counts.values()) <= len(texts) + 4
        assert all(counts[text] == 1 for text in known)
    assert measured['llkd_answers_total{by="cache"}'] >= len(known)
    assert measured['llkd_answers_total{by="student_below_threshold"}'] == 0
    assert len(list(inbox_of(store.home, 1).entries())) == len(texts)


def test_the_budget_holds_to_the_call_over_starts_and_what_is_saved_is_said(project):
    texts = [unclear_text(k) for k in range(1000, 1030)]
    spending = {"calls": 12, "price_in": 1e6, "price_out": 0.0}
    with stand_in(answer) as teacher:
        for _ in range(2):
            with running(project, teacher, spending=spending) as served:
                with ThreadPoolExecutor(30) as pool:
                    bodies = list(pool.map(lambda t, s=served: predicted(s, t), texts))
                by = Counter(body["answered_by"] for body in bodies)
                assert by == {"teacher": 12, "student_below_threshold": 18}
                served.post("/predict", {"texts": [clear_text(k) for k in range(1000, 1040)]})
                time.sleep(2.1)  # the account is added up every two seconds
                measured = values(served)
                card = served.get("/").text
                assert served.stop() == 0
        assert len(teacher.requests) == 12
    assert measured["llkd_teacher_money_spent"] == pytest.approx(12 * 11)
    assert measured['llkd_teacher_unanswered_total{why="budget"}'] >= 18
    own = measured['llkd_answers_total{by="student"}']
    assert own >= 20
    assert "At least 95 % of what the student answers itself is right" in card


def test_a_stop_does_not_wait_for_a_teacher_that_hangs(project, store):
    go_on, texts = threading.Event(), [unclear_text(k) for k in range(6)]

    def hang(request, number):
        go_on.wait(10 * SECONDS)
        return completion("sports")

    with stand_in(hang) as teacher:
        with running(project, teacher, patience=0.2, closing=0.2) as served:
            with ThreadPoolExecutor(6) as pool:
                bodies = list(pool.map(lambda text: predicted(served, text), texts))
            assert {body["answered_by"] for body in bodies} == {"student_below_threshold"}
            assert served.stop() == 0  # the teacher still holds its answers
        go_on.set()
    assert {entry.text for entry in inbox_of(store.home, 1).entries()} == set(texts)


def test_what_nothing_certifies_does_not_start(store, tmp_path, capsys):
    folder = tmp_path / "student"
    folder.mkdir()
    _, run, _ = served_project(store, folder, clear=20, unclear=40)
    assert main(["serve", "toy", "--answer-when", "0.9"]) == 2
    assert "name a project and --run R" in capsys.readouterr().err
    assert main(["serve", "toy", "--run", str(run.id), "--teacher", "embedded"]) == 2
    assert "with --answer-when: add one" in capsys.readouterr().err
