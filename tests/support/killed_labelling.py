"""Labelling through a server, killed at random moments: nothing paid twice, the same labels."""

import random
import subprocess
import time

import numpy as np

from llkd.store import Store
from llkd.store.answers import Answers
from tests.support import paid_labelling as paid
from tests.support.paid_labelling import by_text, document, label, make_project, marked, scores_of

AT_A_TIME = 16  # of ``paid_labelling.FAST``
# A time-out that no load reaches: a client that gives up rightly asks again.
_UNHURRIED = ("--timeout=600",)


def assert_killed_it_ends_alike(
    tmp_path, running, unanswered, *, kind="api", count=400, allowed=380, seed=20, kills=10
):
    """Label ``count`` texts, killed so often, within ``allowed`` calls first.

    ``running(log, **options)`` starts the server; ``unanswered``: what it does without an answer
    that can be read. ``allowed`` is used up by what was answered and what was lost at the kills.
    """
    print(f"seed {seed}")
    random_moments = random.Random(seed)
    homes = tmp_path / "undisturbed", tmp_path / "killed"
    for home in homes:
        make_project(home, "toy", count)
    with running(tmp_path / "calm.jsonl") as server:
        document(homes[0], *label("toy", server, *_UNHURRIED, kind=kind))
    with running(tmp_path / "log.jsonl", pace=0.02) as server:
        prices = ("--price-in=1",) if kind != "api" else ("--price-in=1", "--price-out=4")
        more = (*_UNHURRIED, *prices, f"--calls={allowed}")
        again = label("toy", server, *more, kind=kind)
        stored, lost, seen = set(), {}, 0
        for _ in range(kills):
            _kill_after(homes[1], again, server, seen + random_moments.randrange(1, 34))
            lines = server.lines()
            sent = {marked(line) for line in lines[seen:] if marked(line)}
            assert not sent & stored, "a text was sent though its answer was kept"
            stored = _kept_texts(homes[1], count)
            assert len(sent - stored) <= AT_A_TIME, "more is missing than was on its way"
            for text in sent - stored:
                lost[text] = lost.get(text, 0) + 1
            seen = len(lines)
        stopped = document(homes[1], *again)
        lines = server.lines()
        assert stopped["stopped"] == "budget"
        assert sum(line["billed"] for line in lines) <= allowed
        assert stopped["calls"] + stopped["lost"] == allowed
        assert not {marked(line) for line in lines[seen:]} & stored
        finished = document(homes[1], *label("toy", server, *_UNHURRIED, kind=kind))
        assert finished["stopped"] is None
        for text, did in by_text(server.lines()).items():
            needed = sum(each in unanswered for each in did[:-1])
            assert len(did) - 1 <= needed + lost.get(text, 0), f"{text}: {did}"
    (one, calm), (two, killed) = (scores_of(home, "toy") for home in homes)
    assert {key: value for key, value in one.teacher.items() if key != "base_url"} == {
        key: value for key, value in two.teacher.items() if key != "base_url"
    }
    assert killed.row.tolist() == calm.row.tolist() == list(range(count))
    usable = np.isfinite(calm.scores).all(axis=1) & np.isfinite(killed.scores).all(axis=1)
    assert usable.mean() > 0.9
    np.testing.assert_array_equal(killed.scores[usable], calm.scores[usable])


def _kill_after(home, arguments, server, requests):
    """Start labelling and kill it, without a word, once the server has seen so many requests."""
    process = subprocess.Popen(
        paid.command(*arguments), env=paid.environment(home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len(server.lines()) < requests and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it was killed"
    process.kill()
    process.wait()
    server.settle()  # requests on their way to the server are written down


def _kept_texts(home, count):
    """Texts whose answer the cache holds."""
    store = Store(home)
    labeling_run = store.labeling_runs.all(store.projects.get("toy").id)[0]
    key = Answers.key(labeling_run.teacher, labeling_run.label_set.model_dump(mode="json"))
    texts = [paid.text_of_row(row) for row in range(count)]
    missing = set(store.answers.missing(key, texts))
    store.close()
    return {text for place, text in enumerate(texts) if place not in missing}
