"""Projects whose true classes the test alone knows, and a scripted person who audits them."""

import numpy as np
import pandas as pd

from llkd.config import LabelSet, TeacherConfig
from llkd.evaluation import audits
from llkd.evaluation.audits.certificates import document_of
from llkd.evaluation.audits.evidence import evidence_of
from llkd.evaluation.certificate import Certificate, SetEvidence
from llkd.store import Scores

CLASSES = ["sports", "politics", "science"]


def audited_project(store, n=400, right=0.9, seed=0, name="desk", held_out=0):
    """A project without gold, labelled by a teacher; returns it and the true class indices [n].

    The teacher is right in ``right`` of the texts, and the likelier the surer it is.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(CLASSES), size=n)
    ease = rng.random(n)
    chance = np.clip(right + 0.3 * (ease - 0.5), 0.0, 1.0)
    label = np.where(rng.random(n) < chance, truth, (truth + 1) % len(CLASSES))
    sure = 0.45 + 0.5 * ease
    logs = np.log(np.where(np.arange(len(CLASSES)) == label[:, None], sure[:, None],
                           (1 - sure[:, None]) / 2))  # fmt: skip
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"text {i}, a word or two" for i in range(n)],
            "gold": [None] * (n - held_out) + [CLASSES[k] for k in truth[n - held_out :]],
            "split": ["pool"] * (n - held_out) + ["eval"] * held_out,
        }
    )
    classes = LabelSet.of(CLASSES)
    project = store.projects.create(name, frame, source="f.csv", report={}, label_set=classes)
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=classes,
        config=TeacherConfig(),
        fingerprint="x",
        teacher={"model": "table"},
        calibration="none",
    )
    nothing = np.array([None] * n, dtype=object)
    source = np.array(["logprob"] * n, dtype=object)
    scores = Scores(np.arange(n), logs, np.full(n, -1), source, nothing)
    store.labeling_runs.append(labeling_run, scores)
    store.projects.use_labelling(project.id, labeling_run.id)
    return store.projects.get(name), truth


def key_of(store, audit, index):
    """What a class is stored under; None for -1: none of the classes."""
    if index < 0:
        return None
    return store.projects.by_id(audit.project_id).label_set.keys[index]


def audit_rows(store, audit, truth, count, who="Ada"):
    """The person ``who`` says the truth of the next ``count`` texts."""
    rows = audits.next_rows(store, audit, who, count)
    audits.answer_all(store, audit, [(row, key_of(store, audit, truth[row])) for row in rows], who)


def a_certificate(store, audit):
    """A certificate of the widest set, whatever the answers say."""
    entry = Certificate(
        target=audit.target,
        confidence_level=audit.confidence_level,
        sets=tuple(
            SetEvidence(size=e.size, audited=1, wrong=0, p_value=0.01, passed=True, lower=0.95)
            for e in audit.chain
        ),
        certified=len(audit.chain) - 1,
        best_target=audit.target,
        best_set=len(audit.chain) - 1,
        reachable=None,
        labels_to_go=0,
        weights=(1.0,),
    )
    place = len(audit.chain) - 1
    return document_of(store, audit, evidence_of(store, audit), entry, place, audit.target)
