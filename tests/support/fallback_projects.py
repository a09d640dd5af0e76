"""A project with held-out gold, a student as ONNX that is sure of some texts, and teachers for it."""

import json
import threading
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd

from llkd.config import LabelSet
from llkd.serving.folder import student_files
from llkd.serving.limits import Limits
from llkd.serving.student_decider import StudentDecider
from llkd.teachers.base import ScoredBatch
from tests.support.seeded_runs import add_run
from tests.support.tiny_onnx_student import make_onnx_student
from tests.support.tiny_student import CLASSES, WORDS
from tests.support.toy_projects import TableTeacher, label

SPORTS, MONEY = (WORDS[name] for name in CLASSES)


def clear_text(k):
    """A text whose words are all of one class; even ``k`` sports, odd ones money."""
    words = (SPORTS, MONEY)[k % 2]
    return f"{words[k % 6]} {words[(k + 1) % 6]} {words[(k + 2) % 6]} {k}"


def unclear_text(k):
    """A text with as many words of either class."""
    return f"{SPORTS[k % 6]} {MONEY[k % 6]} {SPORTS[(k + 1) % 6]} {MONEY[(k + 1) % 6]} {k}"


def served_project(store, folder, clear=200, unclear=100, seed=0):
    """Project, run and ONNX folder: held out are clear texts, and unclear ones with gold by lot."""
    rng = np.random.default_rng(seed)
    texts = [clear_text(k) for k in range(40 + clear)]
    gold = [CLASSES[k % 2] for k in range(40 + clear)]
    texts += [unclear_text(k) for k in range(unclear)]
    gold += [CLASSES[k] for k in rng.integers(2, size=unclear)]
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(len(texts))],
            "text": texts,
            "gold": gold,
            "split": ["pool" if i < 40 else "eval" for i in range(len(texts))],
        }
    )
    store.projects.create("toy", frame, source="t", report={}, label_set=LabelSet.of(CLASSES))
    table = {t: np.log([0.9, 0.1] if g == CLASSES[0] else [0.1, 0.9])
             for t, g in zip(texts, gold, strict=True)}  # fmt: skip
    label(store, store.projects.get("toy"), TableTeacher(table))
    project = store.projects.get("toy")
    run = add_run(store, project, "all")
    if not (folder / "README.md").exists():
        make_onnx_student(folder)
    return project, run, folder


def student_of(folder):
    return StudentDecider(student_files(Path(folder)), workers=1)


class CountingTeacher:
    """Says sports of every text; counts what it is asked about; slow, failing or poor on wish."""

    cut = 0

    def __init__(self, seconds=0.0, fails=lambda texts: None, without=()):
        self.asked, self.seconds, self.fails, self.without = [], seconds, fails, without
        self.lock = threading.Lock()

    def describe(self):
        return {"kind": "counting"}

    def score(self, texts):
        for k, text in enumerate(texts):
            failure = self.fails(text)
            if failure is not None:
                raise failure
            time.sleep(self.seconds)
            with self.lock:
                self.asked.append(text)
            answered = text not in self.without
            scores = np.log([[0.8, 0.2]]) if answered else np.full((1, 2), np.nan)
            yield ScoredBatch(
                np.array([k]), scores.astype(np.float32), np.array([-1]), "logprob", None, 7, 1
            )

    def content_free(self):
        return None

    def prompt(self, text):
        return text

    def close(self):
        pass


def flags(**values):
    """Arguments of ``llkd serve`` as they are by default."""
    limits = {f"limit_{name}": field.default for name, field in Limits.model_fields.items()}
    usual = {"host": "127.0.0.1", "port": 0, "key_file": None, "no_key": False,
             "allowed_host": None, "precision": "fp32", "workers": 1, "access_log": False, "until_eof": False}  # fmt: skip
    return Namespace(**{**limits, **usual, **values})


def serve_from_words():
    """What the child process of a test does: serve the project of LLKD_HOME with a teacher behind.

    Its argument is JSON: the student's ``folder``, ``run``, ``target``, ``teacher`` (settings),
    ``spending``, the fields of ``FallbackSettings``, and ``closing``, the seconds that a stop gives
    the teacher.
    """
    import sys

    from llkd.config import Spending, build
    from llkd.serving.fallback import teacher_calls
    from llkd.serving.fallback.making import FallbackSettings, fallback_decider
    from llkd.serving.start import serve_decider
    from llkd.store import Store
    from llkd.teachers.registry import teacher_settings

    words = json.loads(sys.argv[1])
    teacher_calls.CLOSING_SECONDS = words.get("closing", teacher_calls.CLOSING_SECONDS)
    store = Store()
    project = store.projects.get("toy")
    settings = FallbackSettings(
        answer_when=words["target"],
        teacher=teacher_settings(words["teacher"]),
        spending=build(Spending, words.get("spending", {})),
        otherwise=words.get("otherwise", "student"),
        patience=words.get("patience", 60.0),
    )
    run = store.runs.get(words["run"], project.id)
    decider = fallback_decider(store, project, run, student_of(words["folder"]), settings)
    serve_decider(decider, flags())
