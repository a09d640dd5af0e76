"""Projects made by writing to the store directly, and what a reader sees on a page."""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from llkd import curation
from llkd.config import LabelSet, TeacherConfig
from llkd.jobs.locks import take_lock
from llkd.store import Project, Scores, Store
from ui.wording import unplain

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["roads", "waste", "water"]
WORDS = ["pothole on the hill", "bins not emptied", "leak under the bridge"]


def seeded_project(
    home: Path,
    n: int = 60,
    *,
    name: str = "city",
    labelled: bool | float = True,
    probed: bool = True,
    gold: bool = True,
    holdout: float = 0.25,
    names: list[str] | None = None,
    words: list[str] = WORDS,
    seed: int = 0,
) -> tuple[Store, Project]:
    """A project of ``n`` short texts, its teacher right on about 3 of 4.

    ``labelled`` may be a share: then the teacher pass stopped there. ``probed`` writes embeddings
    from which the probe is fitted on the first read.
    """
    rng = np.random.default_rng(seed)
    classes = names or NAMES
    truth = rng.integers(0, len(classes), n)
    texts = pd.DataFrame(
        {
            "id": [f"M{k:04d}" for k in range(n)],
            "text": [f"{words[t % len(words)]}, message number {k}" for k, t in enumerate(truth)],
            "gold": [classes[t] for t in truth] if gold else [None] * n,
            "split": np.where(np.arange(n) < round(n * holdout), "eval", "pool")
            if gold
            else "pool",
        }
    )
    store = Store(home)
    held = int((texts["split"] == "eval").sum())
    report = {
        "rows": n + 2,
        "kept": n,
        "dropped": {"blank": 2},
        "labels": classes,
        "warnings": [],
        "gold": n if gold else 0,
        "held_out": held,
    }
    project = store.projects.create(
        name, texts, source="seed.csv", report=report, label_set=LabelSet.of(classes)
    )
    if labelled:
        rows = np.arange(n if labelled is True else round(n * labelled))
        add_labelling(store, project, truth, rows, rng)
    project = store.projects.get(name)
    if probed:
        add_embeddings(store, project, truth, rng)
    return store, project


def add_labelling(store, project, truth, rows, rng):
    """A teacher pass with log-probabilities that lean to the first class, as real ones do."""
    classes = len(project.label_set.labels)
    scores = rng.normal(0.0, 0.9, (len(rows), classes))
    scores[np.arange(len(rows)), truth[rows]] += 1.6
    scores[:, 0] += 0.8
    labelling = store.labellings.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint=f"seed-{project.id}",
        teacher={"kind": "embedded", "name": "SmolLM2-135M-Instruct"},
        calibration="batch",
    )
    store.labellings.append(
        labelling,
        Scores(
            rows,
            (scores - np.log(np.exp(scores).sum(1, keepdims=True))).astype(np.float32),
            np.full(len(rows), -1),
            np.array(["logprob"] * len(rows), dtype=object),
            np.array([None] * len(rows), dtype=object),
        ),
    )
    free = np.log(np.full((3, classes), 1.0 / classes))
    free[:, 0] += 0.4
    store.labellings.set_content_free(labelling.id, free)
    store.labellings.add_cost(labelling.id, 50 * len(rows), 0, 2.0)
    store.projects.use_labelling(project.id, labelling.id)
    return store.labellings.get(labelling.id)


def add_embeddings(store, project, truth, rng, dimensions=8):
    """Embeddings in which the classes lie apart, so that the probe has something to find."""
    centres = rng.normal(0.0, 1.0, (int(truth.max()) + 1, dimensions))
    values = centres[truth] + rng.normal(0.0, 0.8, (len(truth), dimensions))
    model = {"name": "seed"}
    path = store.runs.embeddings_file(project.id, curation.embeddings_key(model, project))
    curation.save_embeddings(path, values)


def opened(page: str = "data", **query: str) -> AppTest:
    """The app on the page of that name, with query parameters.

    Switched to even where it is the first page: on AppTest's very first run Streamlit does not
    know the page yet, and the first click would be lost as a click on another page.
    """
    app = _app(ROOT / "app.py")
    app.query_params.update(query)
    app.run()
    app.query_params.update(query)
    app.switch_page(f"pages/{page}.py").run()
    # And on a page's first run its widgets have other identities than on those to come.
    return app.run()


def direct(page: str, **query: str) -> AppTest:
    """The page's own file, run as its address on a fresh server runs it."""
    app = _app(ROOT / "pages" / f"{page}.py")
    app.query_params.update(query)
    return app.run()


def _app(file: Path) -> AppTest:
    """AppTest always runs a page past the router; the rerun that mends that would lose a click."""
    app = AppTest.from_file(str(file), default_timeout=60)
    app.session_state["_routed_again"] = True
    return app


def words(app: AppTest) -> str:
    """Everything a reader sees as text, markup escapes removed, one element a line."""
    shown = []
    for element in [*app.main, *app.sidebar]:
        for part in (getattr(element, "label", None), getattr(element, "value", None)):
            if isinstance(part, str):
                shown.append(unplain(part))
    return "\n".join(shown)


def said(elements) -> str:
    """The words of these elements (``app.error``), as a reader sees them."""
    return "\n".join(unplain(str(element.value)) for element in elements)


def button(app: AppTest, label: str):
    """The button with this label. Fails naming those there are."""
    for one in app.button:
        if one.label == label:
            return one
    raise AssertionError(f"no button {label!r}, only {[one.label for one in app.button]}")


def card_data(app: AppTest) -> dict:
    """What the browser is given to show one by one."""
    [proto] = [
        one.proto
        for one in app.main
        if one.type == "bidi_component" and one.proto.component_name == "llkd_review_card"
    ]
    return json.loads(proto.json)


def press(app: AppTest, *acts: tuple[str, str | None], at: int | None = None) -> list[str]:
    """As if these keys were pressed in the browser, one text after the other from place ``at``.

    Acts are (label, NAME), (exclude, None) or (undo, TARGET). Returns the names of the presses.
    """
    data = card_data(app)
    place = data["at"] if at is None else at
    told = []
    for action, value in acts:
        card = data["cards"][min(place, data["total"] - 1) - data["start"]]
        one = {"id": uuid.uuid4().hex[:20], "row": card["row"], "do": action}
        told.append({**one, "target" if action == "undo" else "label": value})
        place += action != "undo"
    app.session_state[data["key"]] = {
        "told": {"list": data["list"], "at": place, "presses": told, "attempt": 0}
    }
    app.run()
    return [one["id"] for one in told]


@contextmanager
def living_job(store, project, kind="label", *, state="running", done=30, total=60, **facts):
    """A job whose process seems alive: its lock is held here until the end of the block."""
    job = store.jobs.create(kind, f"Label {project.name}", ["label"], project.id, "auto")
    lock = take_lock(store, job.id)
    now = time.time()
    store.jobs.update(
        job.id, state=state, done=done, total=total, started=now - 10, heartbeat=now, message=""
    )
    store.jobs.remember(job.id, began_at=0, pace_from=now - 10, **facts)
    try:
        yield store.jobs.get(job.id)
    finally:
        os.close(lock)


def ended_job(store, project, state, kind="label", *, error=None, log="", done=20, total=60):
    """A job that has ended as ``state``, with what its log says."""
    job = store.jobs.create(kind, f"Label {project.name}", ["label"], project.id, "auto")
    folder = store.home.job(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text(log, encoding="utf-8")
    now = time.time()
    store.jobs.update(
        job.id, state=state, done=done, total=total, started=now - 60, finished=now, error=error
    )
    return store.jobs.get(job.id)
