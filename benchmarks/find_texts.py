"""What filtering, searching and sorting a whole list take, against one plain pass over its texts.

python -m benchmarks.find_texts [--rows 1000000]

Printed are seconds, and how many times as long that is as counting the characters of all texts,
which anything that looks at every text has to do. Medians of five, after one that warms up.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from llkd import curation
from llkd.config import LabelSet, TeacherConfig
from llkd.config.text_filters import NO_FILTERS
from llkd.store import Project, Scores, Store
from llkd.store.derived.embeddings import save_embeddings

NAMES = ["roads", "waste", "water", "parks", "noise"]
WORDS = np.array(
    "the bus was late again and nobody came lamp street water leak bin park dog noise night road "
    "hole school bridge broken since monday please repair thanks for help with my bill".split()
)
DIMENSIONS = 384
ORDERS = ("confidence", "label", "length", "by", "random", "text")
TIMES = 5


def made_project(home: Path, rows: int) -> tuple[Store, Project]:
    """A labelled project of texts of 12 words, with embeddings, and 1 in 100 labelled by people."""
    rng = np.random.default_rng(0)
    words = WORDS[rng.integers(0, len(WORDS), (rows, 12))]
    texts = pd.DataFrame(
        {
            "id": [f"M{k:07d}" for k in range(rows)],
            "text": [" ".join(line) for line in words],
            "gold": None,
            "split": "pool",
        }
    )
    store = Store(home)
    report = {"rows": rows, "kept": rows, "dropped": {}, "labels": NAMES, "warnings": []}
    project = store.projects.create(
        "many", texts, source="many.csv", report=report, label_set=LabelSet.of(NAMES)
    )
    labeling_run = store.labeling_runs.find_or_create(
        project.id, label_set=project.label_set, config=TeacherConfig(), fingerprint="many",
        teacher={"kind": "file", "name": "many"}, calibration="none",
    )  # fmt: skip
    scores = np.log(rng.dirichlet(np.full(len(NAMES), 0.4), rows) + 1e-9).astype(np.float32)
    source = np.full(rows, "logprob", dtype=object)
    nothing = np.full(rows, None, dtype=object)
    store.labeling_runs.append(
        labeling_run, Scores(np.arange(rows), scores, np.full(rows, -1), source, nothing)
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    people = rng.choice(rows, rows // 100, replace=False)
    store.decisions.decide(project.id, people.tolist(), "label", NAMES[0], who="Ann")
    path = curation.embeddings_path(store, project, "embedded")
    save_embeddings(path, rng.normal(size=(rows, DIMENSIONS)).astype(np.float32))
    return store, store.projects.get("many")


def seconds(work: Callable[[], object]) -> float:
    """The median of some calls, after one that warms up."""
    work()
    durations = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)


def tasks(store: Store, project: Project) -> dict[str, Callable[[], object]]:
    """What a person may ask for, by name; the first is what the others are compared with."""
    plane = curation.load_plane(store, project, need=False)
    texts = store.projects.texts(project, ["text"])["text"]
    everything = np.arange(project.rows)
    some = NO_FILTERS.with_typed("confidence", "0.4..0.9").with_typed("label", plane.keys[1])
    people = NO_FILTERS.with_typed("by", "Ann").with_typed("people", "differs")
    length = NO_FILTERS.with_typed("length", "40..60")
    vector = np.random.default_rng(1).normal(size=DIMENSIONS)

    def sort(order: str) -> np.ndarray:
        values = curation.sort_values(store, plane, everything, texts, order)
        return curation.in_order(everything, values, True)

    def words(typed: str) -> np.ndarray:
        return curation.matching(texts, curation.word_query(typed))

    return {
        "count the characters of every text": lambda: texts.str.len(),
        "filter by confidence and label": lambda: curation.filtered_rows(store, plane, some, texts),
        "filter by author, and against people": lambda: curation.filtered_rows(
            store, plane, people, texts
        ),
        "filter by length": lambda: curation.filtered_rows(store, plane, length, texts),
        "search one word": lambda: words("bridge"),
        "search three words, a phrase, one left out": lambda: words('bus "late again" lamp -dog'),
        "scores of a meaning, 384 dimensions": lambda: curation.meaning_scores(
            store, project, vector
        ),
        **{f"sort the whole list by {order}": lambda order=order: sort(order) for order in ORDERS},  # type: ignore[misc]
    }


def main() -> None:
    """Make the project, and print what each task takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store, project = made_project(Path(folder), arguments.rows)
        base = None
        print(f"| {project.rows:,} texts | seconds | times |\n|---|---:|---:|")
        for name, work in tasks(store, project).items():
            duration = seconds(work)
            base = base or duration
            print(f"| {name} | {duration:.3f} | {duration / base:.1f} |", flush=True)
        store.close()


if __name__ == "__main__":
    main()
